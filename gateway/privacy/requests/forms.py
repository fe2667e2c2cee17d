"""What callers hand in about requests of guests, and what they are shown, as types. The type is the validation."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.guestbook.forms import GuestEdit
from gateway.model import RequestKind, RequestStatus
from gateway.orders import Address, Instant, Moment, Recipient, Slug
from gateway.pages import PageQuery
from gateway.views import GuestId, MessageId, RequestId, Time

Note = Annotated[str, Meta(min_length=1, max_length=2000, description="For the house alone; kept sealed")]
Law = Annotated[str, Meta(pattern="^[A-Z]{2}(-[A-Z0-9]+)?$", examples=["EU", "US-FL"])]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"}, description="A day on the venue's calendar")]
RefusalReason = Literal[
    "identity_not_proven", "manifestly_unfounded", "excessive", "legal_obligation", "legal_claims", "rights_of_others",
    "not_restrictable", "accurate", "not_the_controller",
]  # fmt: skip


class RequestOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A guest asks something about his data. The clock starts when it was received, now unless said otherwise."""

    guest: Address | Recipient
    kind: RequestKind
    received_via: Slug
    received_at: Moment | None = None
    jurisdiction: Law | None = None
    note: Note | None = None


class VerifyOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks is who he says: by the code he was sent, or on the word of staff, who note why. `send` sends him a new
    code."""

    method: Literal["code", "staff", "send"]
    code: Annotated[str, Meta(max_length=40)] | None = None
    note: Note | None = None


class ExtendOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the answer takes longer (GDPR art. 12(3) knows these two reasons). The guest is told."""

    reason: Literal["complex", "many_requests"]
    note: Note | None = None


class PauseOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked, while the clock waits for the answer."""

    note: Note


class RedactOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Words about somebody else that are to be taken out of the copy, wherever they stand."""

    words: Annotated[list[Annotated[str, Meta(min_length=2, max_length=200)]], Meta(min_length=1, max_length=100)]


class CompleteOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked is done. `now`: erase at once rather than at the end of the grace period. `changes`: what is put
    right."""

    now: bool = False
    changes: GuestEdit | None = None
    note: Note | None = None


class RefuseOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Why not. The guest is told the reason, and where he may complain; the note stays in the house."""

    reason: RefusalReason
    note: Note | None = None


class CancelOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The guest has thought better of it."""

    note: Note | None = None


class RequestQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests: those of which all of it is true."""

    status: RequestStatus | None = None
    kind: RequestKind | None = None
    guest: GuestId | None = None
    due_before: Instant | None = None


class VerificationView(Struct, frozen=True):
    """How it is proven who asks: a code he was sent over a channel, or the word of staff. `verified_by` is `code`,
    `link`, or whoever vouched."""

    method: Literal["code", "staff", "none"]
    channel: str | None
    expires_at: Time | None
    tries_left: int | None
    verified_at: Time | None
    verified_by: str | None


class RequestEventView(Struct, frozen=True, omit_defaults=True):
    """Something that happened to a request; what it says besides names nobody. `note` comes with the content."""

    type: str
    at: Time
    by: str
    until: Day | None = None
    reason: str | None = None
    message: MessageId | None = None
    cuts: dict[str, int] | None = None
    note: str | None = None


class RequestView(Struct, kw_only=True):
    """A request as it stands. `number` is what the guest is told. While `paused_since` is set the clock stands still,
    and `due_date` will move by the whole days it did."""

    id: RequestId
    number: str
    kind: RequestKind
    status: RequestStatus
    guest_id: GuestId | None
    received_via: str
    received_at: Time
    jurisdiction: str
    due_date: Day
    overdue: bool
    reasons: list[str]
    extended_at: Time | None
    paused_since: Time | None
    verification: VerificationView
    erase_at: Time | None
    refusal: str | None
    created_at: Time
    closed_at: Time | None
    events: list[RequestEventView] | None = None


class RequestList(Struct, frozen=True):
    """A page of requests, newest first."""

    items: list[RequestView]
    next_cursor: str | None
