"""The kinds of entry a pack is made of. Each names the rule it stands for, and what kind of message it is about."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.model import ChannelName, MessageClass

Positive = Annotated[int, Meta(gt=0)]
RuleId = Annotated[str, Meta(pattern=r"^[A-Z0-9]+(-[A-Za-z0-9]+)+$")]
Moments = Annotated[
    str, Meta(pattern=r"^(ends_at|(granted_at|event_at|last_used_at)(\|(granted_at|event_at|last_used_at))*)$")
]
Flag = Literal[
    "confirmed_at", "similar_products", "optout_offered", "ongoing_relationship", "relevant_to_role",
    "condition_of_purchase", "preticked",
]  # fmt: skip
Kind = Literal[
    "express_written", "express", "provided_number", "soft_opt_in", "implied_purchase", "implied_inquiry",
    "implied_contract", "implied_published", "inferred", "legitimate_interest",
]  # fmt: skip
EXPRESS = ("express", "express_written")
Part = Literal[
    "unsubscribe", "unsubscribe_easy", "list_unsubscribe_post", "sender_identity", "postal_address", "contact_point",
    "ad_label",
]  # fmt: skip

What = Literal["unsubscribe", "revoke", "access", "access_extended", "breach", "complaint_ack"]
"""What there is a deadline for."""


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a pack: a key nobody knows is an error, never ignored."""


class Entry(Strict, frozen=True, kw_only=True):
    """An entry about messages of these channels and classes."""

    rule: RuleId
    channels: tuple[ChannelName, ...]
    classes: tuple[MessageClass, ...]

    def about(self, channel: str, class_: str) -> bool:
        """Whether this entry has a say on such a message."""
        return channel in self.channels and class_ in self.classes


class Permission(Entry, frozen=True, kw_only=True):
    """Which kinds of consent let a message go; "none" says that nothing is needed.

    `origin_only`: only when the pack applies because the venue is there. `when`: an additional demand, for recipients
    of whom this is true.
    """

    accept: tuple[Kind | Literal["none"], ...]
    corporate_accept: tuple[Kind | Literal["none"], ...] | None = None
    corporate_rule: RuleId | None = None
    origin_only: bool = False
    when: Literal["dnc_listed"] | None = None


class Element(Entry, frozen=True, kw_only=True):
    """What must be in a message. `min_link_days`: how long the opt-out link of an e-mail must work at least."""

    require: tuple[Part, ...]
    min_link_days: Positive | None = None
    unless_consent: tuple[Kind, ...] = ()


class Ban(Entry, frozen=True, kw_only=True):
    """What must not be true of a message."""

    features: tuple[Literal["header_forged", "subject_misleading"], ...]


class Cap(Entry, frozen=True, kw_only=True):
    """At most `max` such messages in any `hours`, or in so many `days` of the guest's calendar, today being one.
    `same`: counted per category; `categories`: only these are counted."""

    max: Positive
    hours: Positive | None = None
    days: Positive | None = None
    same: Literal["category"] | None = None
    categories: tuple[str, ...] = ()

    def __post_init__(self):
        if (self.hours is None) == (self.days is None):
            raise ValueError("one of `hours`, `days`")


class Condition(Strict, frozen=True, kw_only=True):
    """What more a kind of consent needs in this place: how old it may be, which flags it must and must not have, and on
    which channels it counts. `only_channels`: the condition is about these channels alone."""

    rule: RuleId
    from_: Moments | None = field(name="from", default=None)
    months: Positive | None = None
    require: tuple[Flag, ...] = ()
    forbid: tuple[Flag, ...] = ()
    channels: tuple[ChannelName, ...] | None = None
    only_channels: tuple[ChannelName, ...] | None = None

    def __post_init__(self):
        if (self.months is None) != (self.from_ is None):
            raise ValueError("`from` and `months` go together")


class Asking(Strict, frozen=True, kw_only=True):
    """What a message that does nothing but ask for a consent is seen as: marketing, or what it says it is."""

    rule: RuleId
    seen_as: Literal["marketing", "itself"] = "marketing"


class Deadline(Strict, frozen=True, kw_only=True):
    """By when something must be done; `roll`: a last day that is no working day moves to the next one."""

    rule: RuleId
    business_days: Positive | None = None
    days: Positive | None = None
    months: Positive | None = None
    hours: Positive | None = None
    roll: bool = False

    def __post_init__(self):
        if sum(term is not None for term in (self.business_days, self.days, self.months, self.hours)) != 1:
            raise ValueError("one of `business_days`, `days`, `months`, `hours`")


class RevokeAll(Strict, frozen=True, kw_only=True):
    """From this day on (UTC) a stop on `channels` is one on those in `also` too."""

    rule: RuleId
    day: date
    channels: tuple[ChannelName, ...]
    also: tuple[ChannelName, ...]
