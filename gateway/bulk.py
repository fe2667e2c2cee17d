"""One message to many guests: drafted in slices between turns of the loop, on disk together or not at all.

The slices belong to a batch that counts only when its last transaction says so. What was cut short is taken away, at
once or at the next start, and nobody has seen it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from msgspec import Struct, json, structs

from gateway import ids, metrics
from gateway.addresses import Named
from gateway.answers import Answer
from gateway.callers import Caller
from gateway.clock import Clock
from gateway.compliance import count
from gateway.drafts import Drafts, Origin, Taken, content_of, digest_of_refusal, permit, write_refused
from gateway.errors import Conflict, Fault, GatewayError, Invalid
from gateway.letters import PLAIN, Content, Letters
from gateway.model import CONTACT_OF
from gateway.orders import (
    MOST_RECIPIENTS,
    BulkAnswer,
    BulkOrder,
    BulkRecipient,
    Recipient,
    Rejected,
    Segment,
    SendOrder,
)
from gateway.pace import Pace
from gateway.repeats import Repeat, Repeats
from gateway.rules import Rulebook
from gateway.store import batches, guestbook
from gateway.store.batches import NewBatch, Stored
from gateway.store.db import Database, Tx
from gateway.store.idempotency import Answer as Kept
from gateway.store.messages import NewMessage
from gateway.tally import SHOWN, Tally

SLICE = 250
"""How many messages one job of the writer holds: a single message that comes meanwhile waits no longer than that."""


class Listed(NamedTuple):
    """The recipients of a request, each with his place in it: those whose form is right, and the first fault of each
    who is left out."""

    understood: list[tuple[int, BulkRecipient]]
    faulty: list[tuple[int, Fault]]


class One(NamedTuple):
    """A recipient who was understood: his place in the request, who he is, and the message that is sent again."""

    place: int
    recipient: BulkRecipient
    named: Named
    retry_of: bytes | None = None


class Slice(Struct):
    """What one job writes."""

    taken: list[Taken]
    refused: list[NewMessage]


class Bulk:
    """Takes bulk orders."""

    def __init__(self, db: Database, drafts: Drafts, letters: Letters, repeats: Repeats, rulebook: Rulebook,
                 ids_: ids.Ids, clock: Clock, venue_zone: str | None):  # fmt: skip
        self._db, self._drafts, self._letters, self._repeats = db, drafts, letters, repeats
        self._rulebook, self._ids, self._clock, self._venue_zone = rulebook, ids_, clock, venue_zone
        self.wake: Callable[[], None] = lambda: None
        """Called when a batch has come to count."""

    async def accept(self, order: BulkOrder, listed: Listed | Segment, caller: Caller, repeat: Repeat | None) -> Answer:
        """Take a batch. The 202; raises Invalid where no recipient could be understood, or one could not and that is
        to refuse all, and Forbidden. When it raises, nothing of it is kept."""
        ordered, people, faulty = await self._people(order, listed, caller)
        return await self._take(ordered, people, self._tally(faulty), caller, repeat, None)

    async def resend(self, stored: Stored, caller: Caller) -> Answer:
        """Send what has failed of a batch again, as a batch of its own, judged anew. Raises Conflict where nothing
        has."""
        shared = self._letters.open_shared(stored.uuid, stored.content_sealed)
        people: list[One] = []
        envelope, pace = PLAIN, Pace()
        while rows := await self._db.read(batches.failed, stored.id, people[-1].place if people else 0):
            for row in rows:
                envelope = self._letters.envelope(row.envelope)
                own = self._letters.open(row.key_id, row.uuid, row.content_sealed)
                to = Recipient(guest_id=ids.public("gst", row.guest_uuid), country=envelope.country,
                               region=envelope.region, timezone=envelope.timezone)  # fmt: skip
                recipient = BulkRecipient(to, own.variables, own.metadata or None)
                people.append(One(row.id, recipient, self._drafts.find(_to(stored, to)), row.uuid))
                await pace()
        if not people:
            raise Conflict("None of its messages has failed.")
        ordered = SendOrder(
            channel=stored.channel, to="", text=shared.text, class_=stored.class_, category=stored.category,
            subject=shared.subject or None, html=shared.html or None, sender=stored.sender, declares=envelope.declares,
        )  # fmt: skip
        permit(ordered, caller, "send.bulk")
        return await self._take(ordered, people, self._tally([]), caller, None, stored.uuid)

    async def _take(self, ordered: SendOrder, people: list[One], tally: Tally, caller: Caller, repeat: Repeat | None,
                    resend_of: bytes | None) -> Answer:  # fmt: skip
        batch = NewBatch(self._ids.new(), ordered.channel, ordered.class_, ordered.category, ordered.sender,
                         caller.actor, self._clock.now(), b"", resend_of)  # fmt: skip
        batch = batch._replace(content_sealed=self._letters.seal_shared(batch.uuid, content_of(ordered)))
        batch_id = await self._db.write(_begin, batch)
        try:
            digest = await self._write_all(batch_id, ordered, people, caller, tally)
            answer = await self._count(batch, batch_id, tally, digest, repeat)
        except BaseException:
            await asyncio.shield(self._forget(batch_id))
            raise
        self.wake()
        for decision, state in (("allow", "queued"), ("defer", "deferred"), ("deny", "blocked")):
            metrics.of(metrics.MESSAGES, ordered.channel, state).inc(tally.decided[decision])
        return answer

    async def rehearse(self, order: BulkOrder, listed: Listed | Segment, caller: Caller) -> BulkAnswer:
        """What would become of them if it were sent now; nothing is stored. Raises as `accept` does."""
        ordered, people, faulty = await self._people(order, listed, caller)
        tally, pace = self._tally(faulty), Pace()
        for one in people:
            tally.add(self._drafts.judge(self._order(ordered, one), one.named, caller))
            await pace()
        return tally.answer(self._rulebook, None)

    # -- who ----------------------------------------------------------------------------------------------------------

    async def _chosen(self, channel: str, segment: Segment) -> Listed:
        """Whoever is in a segment now and can be reached over the channel. Raises Invalid for one that says nothing,
        has nobody, or too many in it."""
        if not (segment.tags or segment.language or segment.country):
            raise Invalid(faults=[Fault("/recipients/filter", "missing", "tags, language or country")])
        uuids = await self._db.read(
            guestbook.segment, CONTACT_OF[channel], segment.tags, segment.language, segment.country, MOST_RECIPIENTS + 1
        )
        if not uuids:
            raise Invalid(faults=[Fault("/recipients/filter", "nobody", "a segment with guests in it")])
        if len(uuids) > MOST_RECIPIENTS:
            raise Invalid(faults=[Fault("/recipients/filter", "too-many", f"at most {MOST_RECIPIENTS} guests")])
        named = (Recipient(guest_id=ids.public("gst", uuid)) for uuid in uuids)
        return Listed([(index, BulkRecipient(one)) for index, one in enumerate(named)], [])

    async def _people(
        self, order: BulkOrder, listed: Listed | Segment, caller: Caller
    ) -> tuple[SendOrder, list[One], list[tuple[int, Fault]]]:
        """The order without its recipients; these, each once; and the first fault of each who is left out."""
        ordered = one_of(order)
        permit(ordered, caller, "send.bulk")
        self._drafts.check(ordered)
        understood, faulty = await self._chosen(order.channel, listed) if isinstance(listed, Segment) else listed
        people: list[One] = []
        seen, pace = set(), Pace()
        for index, recipient in understood:
            pointer = f"/recipients/{index}/to"
            try:
                named = self._drafts.find(structs.replace(ordered, to=recipient.to), pointer)
                if named.blind in seen:
                    raise Invalid(faults=[Fault(pointer, "duplicate", "each address once")])
            except Invalid as invalid:
                faulty.append((index, invalid.faults[0]))
            else:
                seen.add(named.blind)
                people.append(One(index, recipient, named))
            await pace()
        faulty.sort()
        if faulty and (order.on_fault == "refuse" or not people):
            raise Invalid(faults=[fault for _, fault in faulty[:SHOWN]])
        return ordered, people, faulty

    def _tally(self, faulty: list[tuple[int, Fault]]) -> Tally:
        rejected = [Rejected(index, fault.code, fault.pointer) for index, fault in faulty]
        return Tally(rejected, self._venue_zone)

    def _order(self, ordered: SendOrder, one: One) -> SendOrder:
        """What is ordered for one of them."""
        metadata = one.recipient.metadata
        return structs.replace(ordered, to=one.recipient.to, metadata=metadata or ordered.metadata)

    # -- all or nothing -----------------------------------------------------------------------------------------------

    async def _write_all(
        self, batch_id: int, ordered: SendOrder, people: Iterable[One], caller: Caller, tally: Tally
    ) -> bytes:
        """Draft and write slice after slice, one being written while the next is drafted; a digest of all of it."""
        whole = sha256()
        writing: asyncio.Future | None = None
        for some in _slices(people):
            drafted = await self._draft(batch_id, ordered, some, caller, tally)
            if writing is not None:
                await self._written(await writing, batch_id, ordered, caller, whole)
            writing = asyncio.ensure_future(self._write(drafted, some))
        if writing is not None:
            await self._written(await writing, batch_id, ordered, caller, whole)
        return whole.digest()

    async def _draft(
        self, batch_id: int, ordered: SendOrder, some: list[One], caller: Caller, tally: Tally | None
    ) -> list[Taken | NewMessage]:
        """What is written of some of them, in their order."""
        if any(one.named.guest is None for one in some):
            await asyncio.to_thread(self._letters.vault.keys.refill)
        pace = Pace()
        drafted: list[Taken | NewMessage] = []
        for one in some:
            origin = Origin(one.retry_of, batch_id)
            draft = self._drafts.judge(self._order(ordered, one), one.named, caller)
            if tally is not None:
                tally.add(draft)
                count(draft.judgement)
            if draft.judgement.decision == "deny":
                drafted.append(self._drafts.refuse(draft, caller, origin))
            else:
                own = Content(metadata=draft.order.metadata or {}, variables=one.recipient.variables)
                drafted.append(self._drafts.take(draft, caller, own, origin))
            await pace()
        return drafted

    async def _write(self, drafted: list[Taken | NewMessage], some: list[One]) -> tuple[list, list[One]]:
        """Put a slice on disk; what was written, and those whose guest somebody else made meanwhile."""
        taken = [one for one in drafted if isinstance(one, Taken)]
        refused = [one for one in drafted if not isinstance(one, Taken)]
        done = await self._db.write(self._write_slice, Slice(taken, refused))
        late = {id(one) for one, good in zip(taken, done, strict=True) if not good}
        again = [some[at] for at, one in enumerate(drafted) if id(one) in late]
        return [one for one in drafted if id(one) not in late], again

    async def _written(
        self, result: tuple[list, list[One]], batch_id: int, ordered: SendOrder, caller: Caller, whole: Any
    ) -> None:
        """Let what is written flow into the digest; whose guest came to be meanwhile is drafted and written anew."""
        written, again = result
        while again:
            anew = [one._replace(named=self._drafts.find(self._order(ordered, one))) for one in again]
            more, again = await self._write(await self._draft(batch_id, ordered, anew, caller, None), anew)
            written += more
        for one in written:
            whole.update(one.message.uuid + one.digest if isinstance(one, Taken) else one.uuid + digest_of_refusal(one))

    def _write_slice(self, tx: Tx, slices: Sequence[Slice]) -> list[list[bool]]:
        """The work of a slice: its messages, and nothing that would put them on their way."""
        done = []
        for one in slices:
            done.append(self._drafts.write(tx, one.taken))
            write_refused(tx, one.refused)
        return done

    async def _count(
        self, batch: NewBatch, batch_id: int, tally: Tally, digest: bytes, repeat: Repeat | None
    ) -> Answer:
        """The last transaction: from now on the batch counts, with one entry in the audit log for all of it."""
        public = ids.public("bat", batch.uuid)
        body = json.encode(tally.answer(self._rulebook, public))
        answer = Answer(body, 202, (("Location", f"/communications/batches/{public}"),))
        kept = [Kept(*repeat, answer.status, answer.body, answer.headers[0][1])] if repeat else []

        def work(tx: Tx, items: Sequence[None]) -> list[None]:
            batches.count(tx, batch_id, body.decode())
            self._repeats.keep(tx, kept)
            tx.audit(batch.actor, "batch.accepted", public, digest)
            return [None] * len(items)

        await self._db.write(work)
        return answer

    # -- cut short ----------------------------------------------------------------------------------------------------

    async def _forget(self, batch_id: int) -> None:
        """Take away what was written of a batch; when even that fails, the next start does it."""
        try:
            while await self._db.write(_forget, batch_id, may_use_reserve=True):
                pass
        except GatewayError:
            return


async def forget_unfinished(db: Database) -> None:
    """At the start: take away every batch whose acceptance was cut short."""
    for batch_id in batches.unfinished(db.reader):
        while await db.write(_forget, batch_id, may_use_reserve=True):
            pass


def one_of(order: BulkOrder) -> SendOrder:
    """A bulk order as the order of one of its messages, to nobody yet."""
    return SendOrder(
        channel=order.channel, to="", text=order.text, class_=order.class_, category=order.category,
        subject=order.subject, html=order.html, deliver_at=order.deliver_at, deliver_zone=order.deliver_zone,
        expires_at=order.expires_at,
        sender=order.sender, reference=order.reference, metadata=order.metadata, declares=order.declares,
    )  # fmt: skip


def _slices(people: Iterable[One]) -> Iterator[list[One]]:
    some: list[One] = []
    for one in people:
        some.append(one)
        if len(some) == SLICE:
            yield some
            some = []
    if some:
        yield some


def _to(stored: Stored, to: Recipient) -> SendOrder:
    return SendOrder(channel=stored.channel, to=to, text="-")


def _begin(tx: Tx, new: Sequence[NewBatch]) -> list[int]:
    return [batches.begin(tx, batch) for batch in new]


def _forget(tx: Tx, batch_ids: Sequence[int]) -> list[int]:
    return [batches.forget(tx, batch_id) for batch_id in batch_ids]
