"""What callers hand in about consents and opt-outs, and what they are shown, as types. The type is the validation."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway import ids
from gateway.model import ChannelName, MessageClass
from gateway.orders import Address, Category, Instant, Moment, Recipient, Slug
from gateway.views import GuestId, Time


class ConsentOrder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A guest said yes, said it again, or took it back."""

    guest: Address | Recipient
    action: Literal["grant", "renew", "withdraw"]
    kind: Literal[
        "express_written", "express", "provided_number", "soft_opt_in", "implied_purchase", "implied_inquiry",
        "implied_contract", "implied_published", "inferred", "legitimate_interest",
    ] = "express"  # fmt: skip
    channels: Annotated[list[ChannelName], Meta(min_length=1, max_length=4)] = field(default_factory=lambda: ["email"])
    categories: Annotated[list[Category], Meta(min_length=1, max_length=50)] = field(default_factory=lambda: ["*"])
    source: Slug | None = None
    wording_version: Annotated[str, Meta(max_length=100)] | None = None
    proof_ref: Annotated[str, Meta(max_length=500)] | None = None
    granted_at: Moment | None = None
    confirmed_at: Moment | None = None
    event_at: Moment | None = None
    ends_at: Moment | None = None
    expires_at: Moment | None = None
    last_used_at: Moment | None = None
    similar_products: bool = False
    optout_offered: bool = False
    ongoing_relationship: bool = False
    relevant_to_role: bool = False
    condition_of_purchase: bool = False
    preticked: bool = False
    age_at_grant: Annotated[int, Meta(ge=0, le=130)] | None = None
    guardian: bool = False


class ConsentAnswer(Struct, frozen=True):
    """Recorded, and what it lacks to count."""

    id: Annotated[str, Meta(pattern=ids.pattern("con"))]
    status: Literal["grant", "renew", "withdraw"]
    counts: bool
    missing: list[str]


class ConsentQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose consents, and as they stood when; now, if left out."""

    guest: GuestId
    at: Instant | None = None


class UnsubscribeOrder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A guest said stop; scope left out means the whole channel of the address."""

    guest: Address | Recipient | None = None
    token: Annotated[str, Meta(max_length=400)] | None = None
    scope: Literal["global", "channel", "category", "channel_category"] = "channel"
    channels: Annotated[list[ChannelName], Meta(max_length=4)] | None = None
    categories: Annotated[list[Slug], Meta(max_length=50)] | None = None
    classes: Annotated[list[MessageClass], Meta(min_length=1, max_length=5)] = field(
        default_factory=lambda: ["marketing"]
    )
    source: Slug = "api"
    received_at: Moment | None = None


class UnsubscribeAnswer(Struct, frozen=True):
    """It counts from now on."""

    id: Annotated[str, Meta(pattern=ids.pattern("sup"))]
    scope: str
    channels: list[str]
    categories: list[str]
    classes: list[str]
    created_at: Time
