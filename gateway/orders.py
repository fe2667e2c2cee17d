"""What callers hand in: the bodies of requests, as types. The type is the validation; nothing is checked twice.

Written down again, an order leaves out what is as it would be anyway: so it stays the same order for whoever repeats it
after an upgrade that knows more members.
"""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Raw, Struct, field

from gateway.compose import Declared
from gateway.model import AnyClass, ChannelName, MessageClass, State
from gateway.pages import PageQuery
from gateway.views import (
    BatchId,
    ContentGone,
    GuestId,
    MessageContent,
    MessageId,
    PrintedFrom,
    StoredCompliance,
    StoredHappenings,
    Time,
)

LONGEST_TEXT = 200_000
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="Lower-case letters, digits, _ . -")]
Category = Annotated[str, Meta(pattern=r"^(\*|[a-z0-9][a-z0-9_.-]{0,63})$", description="A slug, or * for any")]
Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Email = Annotated[
    str, Meta(min_length=3, max_length=320, examples=["ana@example.org"], extra_json_schema={"format": "email"})
]
Phone = Annotated[
    str,
    Meta(
        min_length=3, max_length=320, description="E.164", examples=["+351912345678"],
        extra_json_schema={"pattern": r"^\+[1-9][0-9]{6,14}$"},
    ),
]  # fmt: skip
Address = Annotated[
    str,
    Meta(
        min_length=3, max_length=320, description="An e-mail address or a phone number in E.164",
        examples=["ana@example.org", "+351912345678"],
        extra_json_schema={"anyOf": [{"format": "email"}, {"pattern": r"^\+[1-9][0-9]{6,14}$"}]},
    ),
]  # fmt: skip
Moment = Annotated[
    str,
    Meta(
        max_length=40, description="RFC 3339 with a zone", examples=["2026-11-24T08:00:00Z"],
        extra_json_schema={"format": "date-time"},
    ),
]  # fmt: skip
LocalOrMoment = Annotated[
    str,
    Meta(
        max_length=40,
        description="RFC 3339 with a zone; without one where deliver_zone says whose clock is meant",
        examples=["2026-11-24T08:00:00Z"],
    ),
]
EventDate = Annotated[
    date, Meta(description="The day of the event it is about: how long the text is kept counts from it")
]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339 with a zone")]
Included = Annotated[Literal["content"], Meta(description="Addresses and texts too")]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Region = Annotated[str, Meta(pattern="^[A-Z0-9]{1,3}$")]
Zone = Annotated[str, Meta(max_length=64, examples=["Europe/Lisbon"])]
Language = Annotated[str, Meta(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=40)], Annotated[str, Meta(max_length=200)]], Meta(max_length=20)
]

Reference = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Variables = dict[Annotated[str, Meta(min_length=1, max_length=64)], Any]
MOST_RECIPIENTS = 50_000


class Recipient(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A guest as a request names him: by id, or by his addresses with what the caller knows of him."""

    guest_id: str | None = None
    email: Email | None = None
    phone: Phone | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    country: Country | None = None
    region: Region | None = None
    timezone: Zone | None = None
    language: Language | None = None


class SendOrder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One message to one guest."""

    channel: ChannelName
    to: Address | Recipient
    text: Text
    class_: MessageClass = field(name="class", default="marketing")
    category: Slug = "general"
    subject: Annotated[str, Meta(max_length=998)] | None = None
    html: Annotated[str, Meta(max_length=LONGEST_TEXT)] | None = None
    deliver_at: LocalOrMoment | None = None
    deliver_zone: Zone | None = None
    expires_at: Moment | None = None
    sender: Slug | None = None
    reference: Reference | None = None
    metadata: Metadata | None = None
    declares: Declared | None = None
    event_date: EventDate | None = None
    fallback: None = None


class BulkRecipient(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of many: who, and what is about him alone."""

    to: Address | Recipient
    variables: Variables = {}
    metadata: Metadata | None = None


class Segment(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Guests who have every one of these tags, this language (`pt` is also `pt-BR`) and this country."""

    tags: Annotated[list[Slug], Meta(max_length=20)] = []
    language: Language | None = None
    country: Country | None = None


class Chosen(Struct, frozen=True, forbid_unknown_fields=True):
    """Recipients by what is known of them: whoever it is true of at the moment of acceptance."""

    filter: Segment


RecipientList = Annotated[list[Raw], Meta(min_length=1, max_length=MOST_RECIPIENTS)]


class PrintedOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an order says of messages whose words are printed, besides the words and the people."""

    channel: ChannelName | None = None
    variables: Variables = {}
    class_: MessageClass = field(name="class", default="marketing")
    category: Slug = "general"
    deliver_at: LocalOrMoment | None = None
    deliver_zone: Zone | None = None
    expires_at: Moment | None = None
    sender: Slug | None = None
    reference: Reference | None = None
    metadata: Metadata | None = None
    declares: Declared | None = None
    dry_run: bool = False
    on_fault: Literal["list", "refuse"] = "list"
    event_date: EventDate | None = None
    fallback: None = None


class BulkOrder(PrintedOrder, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One message to many guests, its words given here (as Liquid) or by the name of a template. Each of a list of
    `recipients` is a BulkRecipient, decoded by itself."""

    recipients: RecipientList | Chosen
    text: Text | None = None
    subject: Annotated[str, Meta(max_length=998)] | None = None
    html: Annotated[str, Meta(max_length=LONGEST_TEXT)] | None = None
    template: Slug | None = None


class Rejected(Struct, frozen=True):
    """A recipient who was left out: his place in the list, what is wrong, and where."""

    index: int
    code: str
    pointer: str


class Blocking(Struct, frozen=True):
    """How many recipients a rule stood in the way of."""

    rule: str
    count: int
    citation: str | None = None


class Waiting(Struct, frozen=True):
    """How many recipients of a time zone are to wait, and until when."""

    zone: str
    until: Time
    count: int


class BulkAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the recipients. Of a rehearsal there is no `id`, but who would have to wait."""

    id: BatchId | None = None
    accepted: int
    deferred: int
    blocked: int
    blocked_by: list[Blocking]
    rejected_total: int
    rejected: list[Rejected]
    waits: list[Waiting] | None = None


if TYPE_CHECKING:
    StoredTally = Any
else:
    StoredTally = BulkAnswer


class BatchView(Struct, frozen=True):
    """A batch as it stands: how many of its messages are in which state."""

    id: BatchId
    status: Literal["working", "finished", "cancelled"]
    channel: ChannelName
    class_: MessageClass = field(name="class")
    category: str
    sender: str | None
    created_at: Time
    cancelled_at: Time | None
    resend_of: BatchId | None
    total: int
    counts: dict[str, int]
    accepted: StoredTally


class SendAnswer(Struct, frozen=True):
    """What a send is answered with: accepted, and why the law lets it go."""

    id: MessageId
    status: Literal["queued", "deferred"]
    channel: ChannelName
    compliance: StoredCompliance
    created_at: Time


class MessageView(Struct, kw_only=True):
    """A message as it stands."""

    id: MessageId
    status: State
    channel: ChannelName
    class_: AnyClass = field(name="class")
    category: str
    guest_id: GuestId | None
    sender: str | None
    provider: str | None
    reference: str | None
    wait_reason: str | None
    hold_reason: str | None
    created_at: Time
    due_at: Time | None
    expires_at: Time | None
    event_date: date | None
    settled_at: Time | None
    retry_of: MessageId | None
    fallback_of: MessageId | None
    batch: BatchId | None
    attempts: StoredHappenings | None
    events: StoredHappenings | None
    compliance: StoredCompliance
    template: PrintedFrom | None = None
    content: MessageContent | None = None
    content_gone: ContentGone | None = None


class MessageList(Struct, frozen=True):
    """A page of messages, newest first."""

    items: list[MessageView]
    next_cursor: str | None


class MessageQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages: those that meet all of it."""

    status: State | None = None
    channel: ChannelName | None = None
    class_: AnyClass | None = field(name="class", default=None)
    category: Slug | None = None
    reference: Reference | None = None
    guest: GuestId | None = None
    batch: BatchId | None = None
    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    q: (
        Annotated[str, Meta(min_length=1, max_length=64, description="Part of a category or a template's name")] | None
    ) = None
    include: Included | None = None


class ContentQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the content is wanted too; it needs `read.content`, and is noted in the audit log."""

    include: Included | None = None


class CheckOrder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """May this message go? With facts from the store; nothing is stored."""

    message: SendOrder


class TextOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A text message as it would go out."""

    text: Annotated[str, Meta(max_length=LONGEST_TEXT)]


class TemplateOrder(PrintedOrder, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A message printed from a template in the guest's language: to one guest, or to many as a BulkOrder."""

    template: Slug
    to: Address | Recipient | None = None
    recipients: RecipientList | Chosen | None = None
