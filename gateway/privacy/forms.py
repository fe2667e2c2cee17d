"""What callers hand in about consents and opt-outs, and what they are shown, as types. The type is the validation."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway import ids
from gateway.model import ChannelName, MessageClass
from gateway.orders import (
    Address,
    Blocking,
    Category,
    Chosen,
    Included,
    Instant,
    Language,
    Moment,
    Recipient,
    Rejected,
    Slug,
)
from gateway.pages import PageQuery
from gateway.views import GuestId, MessageId, Time

Kind = Literal[
    "express_written", "express", "provided_number", "soft_opt_in", "implied_purchase", "implied_inquiry",
    "implied_contract", "implied_published", "inferred", "legitimate_interest",
]  # fmt: skip
Channels = Annotated[list[ChannelName], Meta(min_length=1, max_length=4)]
Categories = Annotated[list[Category], Meta(min_length=1, max_length=50)]
Version = Annotated[str, Meta(min_length=1, max_length=100)]
Proof = Annotated[str, Meta(max_length=500)]
Via = Annotated[Literal["email", "sms"], Meta(description="Over which channel the guest is asked")]
ConsentId = Annotated[str, Meta(pattern=ids.pattern("con"))]
WordingId = Annotated[str, Meta(pattern=ids.pattern("wrd"))]
MOST_ASKED = 5000


class ConsentOrder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A guest said yes, said it again, or took it back."""

    guest: Address | Recipient
    action: Literal["grant", "renew", "withdraw"]
    kind: Kind = "express"
    channels: Channels = field(default_factory=lambda: ["email"])
    categories: Categories = field(default_factory=lambda: ["*"])
    source: Slug | None = None
    wording_version: Version | None = None
    wording_language: Language | None = None
    proof_ref: Proof | None = None
    ip: Annotated[str, Meta(max_length=45, description="Where the form was sent from")] | None = None
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

    id: ConsentId
    status: Literal["grant", "renew", "withdraw"]
    counts: bool
    missing: list[str]


class ConsentQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose consents, and as they stood when; now, if left out."""

    guest: GuestId
    at: Instant | None = None
    include: Included | None = None


# -- words ------------------------------------------------------------------------------------------------------------


class WordingOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The words that guests are going to agree to, in one language, and what for."""

    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    language: Language
    text: Annotated[str, Meta(min_length=1, max_length=5000)]
    channels: Channels = field(default_factory=lambda: ["email"])
    categories: Categories = field(default_factory=lambda: ["*"])


class WordingView(Struct, frozen=True):
    """A wording as it was kept, and as it stays."""

    id: WordingId
    version: str
    language: str
    channels: list[ChannelName]
    categories: list[str]
    text: str
    created_at: Time


class WordingList(Struct, frozen=True):
    """A page of wordings, newest first."""

    items: list[WordingView]
    next_cursor: str | None


class WordingQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which wordings: those of one version, or all."""

    version: str | None = None


# -- asking -----------------------------------------------------------------------------------------------------------


class AskOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A guest asked for something, on a form for example, and is to confirm it. Without `wording_version`, the words
    are the gateway's own; without `channels` and `categories` it is what the wording is for."""

    guest: Address | Recipient
    channels: Channels | None = None
    categories: Categories | None = None
    wording_version: Version | None = None
    via: Via | None = None
    proof_ref: Proof | None = None
    sender: Slug | None = None


class AskAnswer(Struct, frozen=True):
    """A question is on its way; nothing has been agreed to yet."""

    id: Annotated[str, Meta(pattern=ids.pattern("ask"))]
    status: Literal["pending"]
    message_id: MessageId
    expires_at: Time


class AskFirstOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Guests whose address somebody else gave are to be asked, each once, whether they want more."""

    guests: Annotated[list[Address | Recipient], Meta(min_length=1, max_length=MOST_ASKED)] | Chosen
    channels: Channels | None = None
    categories: Categories | None = None
    wording_version: Version | None = None
    via: Via = "email"
    sender: Slug | None = None
    dry_run: bool = False


class LeftOut(Struct, frozen=True):
    """How many were not asked, and why: they were before, said stop, or have agreed already."""

    why: Literal["asked-before", "said-stop", "agreed"]
    count: int


class AskFirstAnswer(Struct, frozen=True):
    """How many are asked, now or at a lawful hour; how many the law forbids to ask; who else was left out."""

    asked: int
    refused: int
    refused_by: list[Blocking]
    left_out: list[LeftOut]
    rejected_total: int
    rejected: list[Rejected]


# -- receipts and ends ------------------------------------------------------------------------------------------------


class House(Struct, frozen=True):
    """Who was agreed with."""

    name: str
    postal_address: str
    contact: str


class ReceiptWording(Struct, frozen=True):
    """The words that were agreed to; no text where the venue has not kept them here."""

    version: str
    language: str | None
    text: str | None


class Receipt(Struct, frozen=True, kw_only=True):
    """What a guest agreed to, for the guest to keep. `signature`: Ed25519 over all other members as RFC 8785 has them,
    behind a line that says what it is; `key` is the public key of the audit log."""

    receipt: str
    id: ConsentId
    guest_id: GuestId
    venue: House
    action: Literal["grant", "renew", "withdraw"]
    kind: Kind
    channels: list[ChannelName]
    categories: list[str]
    source: str | None
    wording: ReceiptWording | None
    granted_at: Time | None
    confirmed_at: Time | None
    expires_at: Time | None
    withdrawn_at: Time | None
    recorded_at: Time
    issued_at: Time
    page: str | None
    key: str
    signature: str


class EndingQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which consents: those that end within so many days."""

    within: Annotated[str, Meta(pattern="^[1-9][0-9]{0,3}d$", examples=["30d"])] = "30d"


class EndingView(Struct, frozen=True):
    """A consent that is about to end, when, and by which rule."""

    id: ConsentId
    guest_id: GuestId
    kind: Kind
    channels: list[ChannelName]
    categories: list[str]
    ends_at: Time
    rule: str
    citation: str


class EndingList(Struct, frozen=True):
    """A page of consents that are about to end, the newest first."""

    items: list[EndingView]
    next_cursor: str | None


# -- stop -------------------------------------------------------------------------------------------------------------


class UnsubscribeOrder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A guest said stop; scope left out means the whole channel of the address. Without classes it is about offers,
    and of a word that was texted (`source` inbound_keyword) about all that he can say no to."""

    guest: Address | Recipient | None = None
    token: Annotated[str, Meta(max_length=400)] | None = None
    scope: Literal["global", "channel", "category", "channel_category"] = "channel"
    channels: Annotated[list[ChannelName], Meta(max_length=4)] | None = None
    categories: Annotated[list[Slug], Meta(max_length=50)] | None = None
    classes: Annotated[list[MessageClass], Meta(min_length=1, max_length=5)] | None = None
    source: Slug = "api"
    received_at: Moment | None = None


class UnsubscribeAnswer(Struct, frozen=True):
    """It counts from now on. Of a stop that was said before it was entered, `due_at` is by when the law wants it to
    hold, and `late` whether that is over."""

    id: Annotated[str, Meta(pattern=ids.pattern("sup"))]
    scope: str
    channels: list[str]
    categories: list[str]
    classes: list[str]
    created_at: Time
    due_at: Time | None = None
    late: bool = False
