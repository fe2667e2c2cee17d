"""Batches: one message to many guests, rehearsed, sent, watched, called off, sent again."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Unpack

from msgspec import Struct, field

from guest_gateway.doors import LARGE, Asked, L, Resource, ask, live, members
from guest_gateway.orders import BulkLetter, Chosen, Recipient, Whom


class Blocking(Struct, frozen=True):
    """How many recipients a rule stands in the way of."""

    rule: str
    count: int
    citation: str | None = None


class Rejected(Struct, frozen=True):
    """A recipient who was left out: his place in the list, what is wrong, and where."""

    index: int
    code: str
    pointer: str


class Waiting(Struct, frozen=True):
    """How many recipients of a time zone would wait, and until when."""

    zone: str
    until: datetime
    count: int


class Tally(Struct, frozen=True, kw_only=True):
    """What became of the recipients, counted. `rejected` names the first thousand of those who were left out."""

    accepted: int
    deferred: int
    blocked: int
    blocked_by: list[Blocking]
    rejected_total: int
    rejected: list[Rejected]


class Taken(Tally, frozen=True, kw_only=True):
    """A batch that is on the gateway's disk."""

    id: str


class Rehearsal(Tally, frozen=True, kw_only=True):
    """What would become of the recipients now."""

    waits: list[Waiting] = []


class Batch(Struct, frozen=True, kw_only=True):
    """A batch as it stands: how many of its messages are in which state. `status` is `working`, then `finished` or
    `cancelled`."""

    id: str
    status: str
    channel: str
    class_: str = field(name="class")
    category: str
    sender: str | None
    created_at: datetime
    cancelled_at: datetime | None
    resend_of: str | None
    total: int
    counts: dict[str, int]
    accepted: Tally | None

    @property
    def over(self) -> bool:
        """Nothing in it waits any more."""
        return self.status != "working"


class Batches(Resource[L]):
    """Messages to many guests at once."""

    @ask("POST", "messages/bulk", Taken, once=True, seconds=LARGE)
    def send(
        self,
        recipients: Iterable[Whom | Recipient] | Chosen,
        *,
        refuse_faulty: bool = False,
        idempotency_key: str | None = None,
        **letter: Unpack[BulkLetter],
    ) -> Asked:
        """Send one message to up to 50,000 guests: all of it is on the gateway's disk when this returns, or nothing.

        A recipient is an address, a guest, or one of these as `to` with `variables` and `metadata` of his own; or
        choose them: `{"filter": {"tags": ["wedding"]}}`. Faulty ones are left out and named, unless `refuse_faulty`
        makes one of them refuse all. It is sent once, however often the line breaks, as in `messages.send`.
        """
        on_fault = "refuse" if refuse_faulty else None
        return Asked(body=bulk(recipients, on_fault=on_fault, **letter), key=idempotency_key)

    @ask("POST", "messages/bulk", Rehearsal, harmless=True, seconds=LARGE)
    def rehearse(self, recipients: Iterable[Whom | Recipient] | Chosen, **letter: Unpack[BulkLetter]) -> Asked:
        """What `send` would do now: who would go, who would wait, who may not. Nothing is stored."""
        return Asked(body=bulk(recipients, dry_run=True, **letter))

    @ask("GET", "batches/{}", Batch)
    def get(self, id: str) -> Asked:
        """One batch. Its messages are listed by `messages.list(batch=id)`."""
        return Asked((id,))

    @live("batches/{}/events", Batch)
    def watch(self, id: str) -> Asked:
        """The batch now, and whenever something has changed, until it is over. A line that breaks is taken up again."""
        return Asked((id,))

    @ask("POST", "batches/{}/cancel", Batch)
    def cancel(self, id: str) -> Asked:
        """Stop everything of a batch that has not left."""
        return Asked((id,))

    @ask("POST", "batches/{}/resend", Taken, seconds=LARGE)
    def resend(self, id: str) -> Asked:
        """Send those messages again that failed, as a new batch. Raises Conflict when none has."""
        return Asked((id,))


def bulk(recipients: Iterable[Whom | Recipient] | Chosen, **more: Any) -> dict[str, Any]:
    """The body of a bulk request."""
    chosen = isinstance(recipients, Mapping)
    return members(**more) | {"recipients": recipients if chosen else [_recipient(one) for one in recipients]}


def _recipient(one: Whom | Recipient) -> Mapping[str, Any]:
    return one if isinstance(one, Mapping) and "to" in one else {"to": one}
