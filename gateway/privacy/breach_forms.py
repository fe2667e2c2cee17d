"""What callers hand in about breaches, and what they are shown, as types. The type is the validation."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway import ids
from gateway.model import ChannelName
from gateway.orders import MOST_RECIPIENTS, Country, Included, Instant, Segment, Slug, Variables
from gateway.pages import PageQuery
from gateway.views import BatchId, GuestId, Time

BreachId = Annotated[str, Meta(pattern=ids.pattern("bre"))]
Words = Annotated[str, Meta(min_length=1, max_length=10_000)]
Number = Annotated[int, Meta(ge=0, le=10_000_000_000, description="About how many")]
Guests = Annotated[list[GuestId], Meta(max_length=MOST_RECIPIENTS)]
Countries = Annotated[list[Country], Meta(max_length=250)]
Risk = Literal["unlikely", "risk", "high"]


class BreachOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A breach that somebody noticed. `facts`: what happened, `effects`: what may come of it, `remedy`: what is done
    about it. Those it is about: `guests` by id and whoever a `filter` finds now. `countries`: where authorities are to
    be told, besides that of the venue and those of the guests. `people`, `records`: about how many."""

    noticed_at: Instant
    facts: Words
    effects: Words | None = None
    remedy: Words | None = None
    people: Number | None = None
    records: Number | None = None
    guests: Guests = []
    filter: Segment | None = None
    countries: Countries = []


class AuthorityEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one authority: it was told, at a time and under its reference; or it need not be, and why."""

    country: Country
    status: Literal["notified", "not_required"]
    at: Instant | None = None
    reference: Annotated[str, Meta(max_length=200)] | None = None
    reasons: Words | None = None


class BreachEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known by now; a member left out stays. Guests and countries are added to those there are.
    `untold_reasons`: why the guests are not told though the risk is high (GDPR Art. 34(3)). `closed`: it is over."""

    facts: Words | UnsetType = UNSET
    effects: Words | UnsetType | None = UNSET
    remedy: Words | UnsetType | None = UNSET
    people: Number | UnsetType | None = UNSET
    records: Number | UnsetType | None = UNSET
    risk: Risk | UnsetType = UNSET
    risk_reasons: Words | UnsetType = UNSET
    untold_reasons: Words | UnsetType = UNSET
    guests: Guests = []
    filter: Segment | None = None
    countries: Countries = []
    authorities: Annotated[list[AuthorityEdit], Meta(max_length=250)] = []
    closed: Literal[True] | None = None


class AuthorityWords(Struct, frozen=True, omit_defaults=True):
    """What was said about one authority."""

    reference: str | None = None
    reasons: str | None = None


class BreachContent(Struct, frozen=True, omit_defaults=True):
    """What of a breach is sealed. `authorities`: by country."""

    facts: str
    effects: str | None = None
    remedy: str | None = None
    people: int | None = None
    records: int | None = None
    risk_reasons: str | None = None
    untold_reasons: str | None = None
    authorities: dict[str, AuthorityWords] = field(default_factory=dict)


class AuthorityView(Struct, frozen=True):
    """An authority and by when it is to be told. `rule`: the law that says so; null where none names a time, and
    `due_at` is only the alarm."""

    country: str
    status: Literal["open", "notified", "not_required"]
    due_at: Time
    rule: str | None
    settled_at: Time | None
    late: bool


class NoticeView(Struct, frozen=True):
    """A batch that told the guests."""

    batch: BatchId
    at: Time


class BreachView(Struct, kw_only=True):
    """A breach as it stands: open, assessed (its risk is known), closed."""

    id: BreachId
    version: int
    status: Literal["open", "assessed", "closed"]
    risk: Risk | None
    noticed_at: Time
    created_at: Time
    closed_at: Time | None
    guests: int
    authorities: list[AuthorityView]
    notices: list[NoticeView]
    content: BreachContent | None = None


class BreachList(Struct, frozen=True):
    """A page of the register, newest first."""

    items: list[BreachView]
    next_cursor: str | None


class BreachQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which breaches: those of which all of it is true; noticed `from` and `to`."""

    state: Literal["open", "closed"] | None = None
    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    include: Included | None = None


class NoticeOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """How the guests are told: in words of a template, which `variables` fill in."""

    channel: ChannelName = "email"
    template: Slug = "breach-notice"
    variables: Variables = {}
    sender: Slug | None = None
    dry_run: bool = False
