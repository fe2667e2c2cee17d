"""Complaints about what the house does with data. In the United Kingdom their receipt is confirmed within 30 days
(DSR-8: DPA 2018 s. 164A); elsewhere they are kept all the same, without a clock.

They are no requests: nothing is proven, prolonged or refused, and what is asked besides is a request of its own.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway import ids, metrics, pages, reading
from gateway.addresses import Addresses
from gateway.callers import Caller
from gateway.clock import Clock, milliseconds, rfc3339, rfc3339_or_none
from gateway.config import Venue
from gateway.errors import Conflict, Fault, Invalid, NotFound
from gateway.orders import Address, Included, Instant, Recipient, Slug
from gateway.pages import PageQuery
from gateway.rules import Clocked, Rulebook
from gateway.store import complaints
from gateway.store.complaints import Complaint, NewComplaint
from gateway.store.db import Database, Tx
from gateway.vault import CannotOpen, Vault
from gateway.views import GuestId, Time

KEPT_MS = 3 * 366 * 86_400_000
"""How long one stays after its end, as a request does (RET-1)."""
SOON_MS = 60_000
Words = Annotated[str, Meta(min_length=1, max_length=10_000)]
ComplaintId = Annotated[str, Meta(pattern=ids.pattern("cmp"))]
Status = Literal["open", "acknowledged", "closed"]


class ComplaintOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody complains of, how it came in, and when. `jurisdiction`: whose law, if not the guest's or else the
    venue's."""

    words: Words
    received_via: Slug
    guest: Address | Recipient | None = None
    received_at: Instant | None = None
    jurisdiction: Annotated[str, Meta(max_length=10)] | None = None


class AcknowledgeOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """When its receipt was confirmed, if not now."""

    at: Instant | None = None


class CloseOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What was found and answered."""

    answer: Words


class ComplaintContent(Struct, frozen=True):
    """What of a complaint is sealed; nothing once its guest was erased."""

    words: str | None
    answer: str | None


class ComplaintView(Struct, kw_only=True):
    """A complaint as it stands. `due_date`: the last day on which its receipt can be confirmed in time, by `rule`; null
    where no law sets one. `overdue`: that day is over, and it was not confirmed or was later."""

    id: ComplaintId
    status: Status
    guest_id: GuestId | None
    received_via: str
    received_at: Time
    recorded_at: Time
    jurisdiction: str
    rule: str | None
    due_date: str | None
    overdue: bool
    acknowledged_at: Time | None
    closed_at: Time | None
    content: ComplaintContent | None = None


class ComplaintList(Struct, frozen=True):
    """A page of complaints, newest first."""

    items: list[ComplaintView]
    next_cursor: str | None


class ComplaintQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which complaints: those of which all of it is true; `due_before`, those still to be confirmed until then."""

    status: Status | None = None
    guest: GuestId | None = None
    due_before: Instant | None = None
    include: Included | None = None


class Complaints:
    """Keeps them."""

    def __init__(self, db: Database, vault: Vault, addresses: Addresses, rulebook: Rulebook, venue: Venue,
                 ids_: ids.Ids, clock: Clock):  # fmt: skip
        self._db, self._vault, self._addresses, self._rulebook = db, vault, addresses, rulebook
        self._venue, self._ids, self._clock = venue, ids_, clock

    async def add(self, order: ComplaintOrder, caller: Caller) -> ComplaintView:
        """Take one down. Raises Invalid."""
        received = milliseconds(order.received_at) if order.received_at else self._clock.now()
        if received > self._clock.now() + SOON_MS:
            raise Invalid(faults=[Fault("/received_at", "bad-time", "not in the future")])
        guest = self._addresses.anyone(order.guest).guest if order.guest is not None else None
        country = (guest.country if guest else None) or self._venue.country
        law = order.jurisdiction or self._rulebook.law_of(country)
        rule, due_at, due_date = self._due(law, received)
        uuid = self._ids.new()
        sealed = self._seal(guest.key_id if guest else 0, "words", uuid, order.words)
        new = NewComplaint(
            uuid, guest.id if guest else None, order.received_via, received, caller.actor, law, rule, due_at, due_date,
            sealed,
        )  # fmt: skip

        def act(tx: Tx) -> None:
            complaints.add(tx, new)
            tx.audit(caller.actor, "complaint.recorded", ids.public("cmp", uuid), sha256(sealed).digest())

        await self._db.do(act)
        return self._view(self.find(ids.public("cmp", uuid)))

    def _due(self, law: str, received: int) -> tuple[str | None, int | None, str | None]:
        """The rule and the time by which its receipt is to be confirmed, where the law has one. Raises Invalid for a
        law there is not."""
        asked = Clocked(jurisdiction=law, what="complaint_ack", received_at=received, timezone=self._venue.timezone)
        try:
            due = self._rulebook.deadline(asked)
        except Invalid as error:
            if any(fault.pointer == "/jurisdiction" for fault in error.faults):
                raise
            return None, None, None
        return due.reasons[0], due.ends_at, due.due_date.isoformat() if due.due_date else None

    async def acknowledge(self, public: str, order: AcknowledgeOrder, caller: Caller) -> ComplaintView:
        """Note that its receipt was confirmed. Raises NotFound, Invalid, Conflict for one that was confirmed before."""
        known = self.find(public)
        at = milliseconds(order.at) if order.at else self._clock.now()
        if not known.received_at <= at <= self._clock.now() + SOON_MS:
            raise Invalid(faults=[Fault("/at", "bad-time", "between its receipt and now")])

        def act(tx: Tx) -> None:
            if (complaints.find(tx.connection, known.uuid) or known).acknowledged_at is not None:
                raise Conflict("Its receipt was confirmed before.")
            complaints.acknowledge(tx, known.uuid, at)
            tx.audit(caller.actor, "complaint.acknowledged", public, sha256(known.uuid).digest())

        await self._db.do(act)
        return self._view(self.find(public))

    async def close(self, public: str, order: CloseOrder, caller: Caller) -> ComplaintView:
        """Note what was answered. Raises NotFound, Conflict for one that has ended."""
        known = self.find(public)
        sealed = self._seal(known.key_id, "answer", known.uuid, order.answer)

        def act(tx: Tx) -> None:
            if (complaints.find(tx.connection, known.uuid) or known).closed_at is not None:
                raise Conflict("It has ended.")
            complaints.close(tx, known.uuid, sealed)
            tx.audit(caller.actor, "complaint.closed", public, sha256(sealed).digest())

        await self._db.do(act)
        return self._view(self.find(public))

    # -- reading ------------------------------------------------------------------------------------------------------

    async def one(self, public: str, with_content: bool, caller: Caller) -> ComplaintView:
        """One complaint. Raises NotFound."""
        return (await self._shown([self.find(public)], with_content, caller))[0]

    async def many(self, query: ComplaintQuery, caller: Caller) -> ComplaintList:
        """A page of complaints, newest first."""
        rows = await self._db.read(complaints.search, query.wanted, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return ComplaintList(await self._shown(page, query.include is not None, caller), cursor)

    def find(self, public: str) -> Complaint:
        """The row behind a public id. Raises NotFound."""
        found = complaints.find(self._db.reader, ids.parse("cmp", public) or b"")
        if found is None:
            raise NotFound()
        return found

    def measure(self) -> None:
        """Bring the gauge of those still to be confirmed up to date."""
        metrics.COMPLAINTS.clear()
        for clock, count in complaints.counts(self._db.reader, self._clock.now()):
            metrics.COMPLAINTS.labels(clock).set(count)

    async def forget_old(self) -> None:
        """Take away what ended three years ago."""

        def act(tx: Tx) -> None:
            for uuid in complaints.forget(tx, tx.now - KEPT_MS):
                tx.audit("gateway", "complaint.forgotten", ids.public("cmp", uuid), sha256(uuid).digest())

        await self._db.do(act)

    async def _shown(self, rows: Sequence[Complaint], with_content: bool, caller: Caller) -> list[ComplaintView]:
        views = [self._view(row) for row in rows]
        if with_content:
            subject = views[0].id if len(views) == 1 else "complaints"
            await reading.note(self._db, caller, subject, [row.uuid for row in rows])
            for one, row in zip(views, rows, strict=True):
                one.content = ComplaintContent(*words_of(self._vault, row))
        return views

    def _view(self, row: Complaint) -> ComplaintView:
        due, said = row.due_at, row.acknowledged_at or self._clock.now()
        return ComplaintView(
            id=ids.public("cmp", row.uuid),
            status="closed" if row.closed_at else "acknowledged" if row.acknowledged_at else "open",
            guest_id=ids.public("gst", row.guest_uuid) if row.guest_uuid else None,
            received_via=row.received_via,
            received_at=rfc3339(row.received_at),
            recorded_at=rfc3339(row.recorded_at),
            jurisdiction=row.jurisdiction,
            rule=row.rule,
            due_date=row.due_date,
            overdue=due is not None and said > due,
            acknowledged_at=rfc3339_or_none(row.acknowledged_at),
            closed_at=rfc3339_or_none(row.closed_at),
        )

    def _seal(self, key_id: int, column: str, uuid: bytes, words: str) -> bytes:
        if key_id:
            return self._vault.seal(key_id, "complaints", column, uuid, words.encode())
        return self._vault.seal_venue("complaints", column, uuid, words.encode())


def words_of(vault: Vault, row: Complaint) -> tuple[str | None, str | None]:
    """What was said and what was answered; None for what is not there, or went with its guest."""

    def opened(column: str, sealed: bytes | None) -> str | None:
        if sealed is None:
            return None
        try:
            if row.key_id:
                return vault.unseal(row.key_id, "complaints", column, row.uuid, sealed).decode()
            return vault.open_venue("complaints", column, row.uuid, sealed).decode()
        except CannotOpen:
            return None

    return opened("words", row.words_sealed), opened("answer", row.answer_sealed)
