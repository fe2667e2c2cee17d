"""What the rules are given and what they answer, name for name as the contract of `compliance/check` has it.

Inside the gateway every moment is an integer of milliseconds since 1970 UTC. JSON has RFC 3339 with a zone instead; a
struct that comes from JSON turns its own moments into milliseconds. What is left out and what is null mean the same:
not known, which never widens what is allowed.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from gateway.clock import milliseconds
from gateway.model import ChannelName
from gateway.rules.entries import Kind
from gateway.rules.policy import PolicyTable

if TYPE_CHECKING:
    Moment = int
else:
    Moment = Annotated[datetime, Meta(tz=True)]

Decision = Literal["allow", "defer", "deny"]
Steps = Literal["one_click", "one_page", "reply", "login", "form"]
At = TypeVar("At")


class Fact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that is given."""


def in_milliseconds(fact: Struct, *moments: str) -> None:
    """Turn the moments that JSON brought into milliseconds, in place: nobody has seen the struct yet."""
    for name in moments:
        value = getattr(fact, name)
        if isinstance(value, datetime):
            force_setattr(fact, name, milliseconds(value))


class Venue(Fact, frozen=True, kw_only=True):
    """Who writes, and where from."""

    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class RecipientFacts(Fact, frozen=True, kw_only=True):
    """Who is written to. `country` is what they declared, `region` the subdivision's code, such as "FL"."""

    country: str | None = None
    address_country: str | None = None
    region: str | None = None
    timezone: str | None = None
    email: str | None = None
    phone: str | None = None
    age: int | None = None
    subscriber_type: Literal["individual", "corporate"] | None = None
    dnc_listed: bool | None = None
    status: Literal["active", "restricted", "erasure_pending", "erased"] | None = None


class Features(Fact, frozen=True, kw_only=True):
    """What is in the finished message, or what it can contain while it is not finished."""

    contains_promotion: bool | None = None
    promo_in_subject: bool | None = None
    transactional_first: bool | None = None
    asks_consent: bool | None = None
    unsubscribe: bool | None = None
    unsubscribe_steps: Steps | None = None
    unsubscribe_valid_days: int | None = None
    list_unsubscribe_post: bool | None = None
    sender_identity: bool | None = None
    postal_address: bool | None = None
    contact_point: bool | None = None
    ad_label: bool | None = None
    subject_misleading: bool | None = None
    header_forged: bool | None = None


NO_FEATURES = Features()


class MessageFacts(Fact, frozen=True, kw_only=True):
    """The message to be judged. A `class` nobody knows counts as marketing."""

    channel: ChannelName
    class_: str | None = field(name="class", default=None)
    category: str | None = None
    features: Features | None = None
    solicited_at: Moment | None = None
    approved_by: str | None = None
    in_reply_to_suppression: str | None = None

    def __post_init__(self):
        in_milliseconds(self, "solicited_at")


MOMENTS = ("granted_at", "event_at", "ends_at", "last_used_at", "confirmed_at", "expires_at")


class Terms(Fact, Generic[At], frozen=True, kw_only=True):
    """What was agreed to, when, and the proof of it. `At` is how moments are written down. Without a `kind` it is none
    that any law accepts."""

    kind: Kind | None = None
    channels: list[ChannelName] | None = None
    categories: list[str] | None = None
    granted_at: At | None = None
    event_at: At | None = None
    ends_at: At | None = None
    last_used_at: At | None = None
    confirmed_at: At | None = None
    expires_at: At | None = None
    source: str | None = None
    wording_version: str | None = None
    proof_ref: str | None = None
    age_at_grant: int | None = None
    guardian: bool | None = None
    similar_products: bool | None = None
    optout_offered: bool | None = None
    ongoing_relationship: bool | None = None
    relevant_to_role: bool | None = None
    condition_of_purchase: bool | None = None
    preticked: bool | None = None


class Consent(Terms[Moment], frozen=True, kw_only=True):
    """A consent as it stands. One with `withdrawn_at` takes back every earlier one of its channels and categories."""

    id: str | None = None
    withdrawn_at: Moment | None = None

    def __post_init__(self):
        in_milliseconds(self, "withdrawn_at", *MOMENTS)


class Suppression(Fact, frozen=True, kw_only=True):
    """Somebody said stop, or an address is dead. Without `channels` or `categories` it is about all of them, without a
    `scope` about everything."""

    scope: Literal["global", "channel", "category", "channel_category"] | None = None
    id: str | None = None
    channels: list[ChannelName] | None = None
    categories: list[str] | None = None
    classes: list[str] | None = None
    created_at: Moment | None = None
    source: str | None = None
    permanent: bool | None = None
    lifted_at: Moment | None = None

    def __post_init__(self):
        in_milliseconds(self, "created_at", "lifted_at")


class History(Fact, frozen=True, kw_only=True):
    """A message that went out before; just now, where nobody knows when."""

    sent_at: Moment | None = None
    channel: ChannelName | None = None
    class_: str | None = field(name="class", default=None)
    category: str | None = None
    in_reply_to_suppression: str | None = None

    def __post_init__(self):
        in_milliseconds(self, "sent_at")


class Template(Fact, frozen=True, kw_only=True):
    """A WhatsApp template, as Meta has filed it."""

    category: str | None = None
    approved: bool | None = None


class ChannelState(Fact, frozen=True, kw_only=True):
    """How the channel stands with those who carry its messages."""

    dmarc_aligned: bool | None = None
    complaint_rate: float | None = None
    wa_last_inbound_at: Moment | None = None
    wa_template: Template | None = None

    def __post_init__(self):
        in_milliseconds(self, "wa_last_inbound_at")


NO_STATE = ChannelState()


class Given(Fact, frozen=True, kw_only=True):
    """All that one judgement rests on. Nothing else is looked at: not the clock, not the store."""

    now: Moment
    venue: Venue
    recipient: RecipientFacts
    message: MessageFacts
    consents: list[Consent] | None = None
    suppressions: list[Suppression] | None = None
    history: list[History] | None = None
    channel_state: ChannelState | None = None
    policy: PolicyTable | None = None

    def __post_init__(self):
        in_milliseconds(self, "now")


class Result(Struct, frozen=True):
    """The judgement. `reasons` are the rules that denied or deferred, in the order of the steps; `basis` the rules and
    kinds of consent that permitted. A denial never has a `defer_until`."""

    decision: Decision
    defer_until: int | None
    reasons: tuple[str, ...]
    basis: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    required_elements: tuple[str, ...]
    warnings: tuple[str, ...]
    rules_version: str
