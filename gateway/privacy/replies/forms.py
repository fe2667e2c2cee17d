"""What callers hand in about answers of guests, and what they are shown, as types. The type is the validation."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway import ids
from gateway.model import ChannelName
from gateway.orders import Address, Included, Instant, Moment, Recipient
from gateway.pages import PageQuery
from gateway.privacy.forms import ConsentId
from gateway.rules import Action
from gateway.views import GuestId, MessageId, Time

ReplyId = Annotated[str, Meta(pattern=ids.pattern("rep"))]
SuppressionId = Annotated[str, Meta(pattern=ids.pattern("sup"))]
Status = Literal["done", "review"]
Decision = Literal["opt_out", "none"]
NotSent = Literal["too-late", "second", "no-provider", "unknown-address", "refused", "not-stored"]


class ReplyOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a guest answered, and when that came. `open_booking`: he has one that is not over. `pending_optin_prompt`:
    he was asked for a yes; left out, the gateway looks whether it asked."""

    channel: ChannelName
    from_: Address | Recipient = field(name="from")
    text: Annotated[str, Meta(min_length=1, max_length=20_000)]
    received_at: Moment | None = None
    open_booking: bool | None = None
    pending_optin_prompt: bool | None = None


class ReplyContent(Struct, frozen=True):
    """What of an answer is sealed: its words, until their time is over, and the address of a guest who has it."""

    text: str | None
    address: str | None


class ReplyView(Struct, kw_only=True):
    """An answer of a guest and what came of it. `status`: review while a person has something to decide. `late`: it is
    a stop that was entered after the law's deadline. `confirmation` and `help`: the message that answers a stop or a
    HELP, `not_sent`: why there is none."""

    id: ReplyId
    status: Status
    action: Action
    reasons: list[str]
    channel: ChannelName
    guest_id: GuestId | None
    received_at: Time
    recorded_at: Time
    suppression_id: SuppressionId | None
    late: bool
    consent_id: ConsentId | None
    confirmation: MessageId | None
    help: MessageId | None
    not_sent: NotSent | None
    decision: Decision | None
    decided_at: Time | None
    content: ReplyContent | None = None


class ReplyList(Struct, frozen=True):
    """A page of answers, newest first."""

    items: list[ReplyView]
    next_cursor: str | None


class ReplyQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which answers: those of which all of it is true; received `from` and `to`."""

    action: Action | None = None
    status: Status | None = None
    channel: ChannelName | None = None
    guest: GuestId | None = None
    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    include: Included | None = None


class DecideOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person made of an answer: a stop, or none."""

    action: Decision
