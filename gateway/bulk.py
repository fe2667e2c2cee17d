"""One message to many guests: drafted in slices between turns of the loop, on disk together or not at all.

The slices belong to a batch that counts only when its last transaction says so. What was cut short is taken away, at
once or at the next start, and nobody has seen it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from msgspec import Struct, json

from gateway import ids, metrics
from gateway.answers import Answer
from gateway.callers import Caller
from gateway.clock import Clock
from gateway.compliance import count
from gateway.drafts import Drafts, Origin, Taken, digest_of_refusal
from gateway.errors import Fault, GatewayError
from gateway.letters import Letters
from gateway.orders import (
    BulkAnswer,
    BulkOrder,
    Rejected,
    Segment,
    SendOrder,
)
from gateway.pace import Pace
from gateway.recipients import Listed, Many, One, Recipients
from gateway.repeats import Repeat, Repeats
from gateway.rules import Rulebook
from gateway.store import batches, messages
from gateway.store.batches import NewBatch, Stored
from gateway.store.db import Database, Tx
from gateway.store.idempotency import Answer as Kept
from gateway.store.messages import NewMessage
from gateway.tally import Tally

SLICE = 500
"""How many messages one job of the writer holds: a single message that comes meanwhile waits no longer than that."""


class Slice(Struct):
    """What one job writes."""

    taken: list[Taken]
    refused: list[NewMessage]


Admit = Callable[[int], Awaitable[None]]
"""Lets so many recipients in, or raises."""


class Bulk:
    """Takes bulk orders."""

    def __init__(self, db: Database, drafts: Drafts, recipients: Recipients, letters: Letters, repeats: Repeats,
                 rulebook: Rulebook, ids_: ids.Ids, clock: Clock, venue_zone: str | None):  # fmt: skip
        self._db, self._drafts, self._recipients, self._letters = db, drafts, recipients, letters
        self._repeats, self._rulebook, self._ids, self._clock = repeats, rulebook, ids_, clock
        self._venue_zone = venue_zone
        self.wake: Callable[[], None] = lambda: None
        """Called when a batch has come to count."""

    async def accept(
        self, order: BulkOrder, listed: Listed | Segment, caller: Caller, repeat: Repeat | None, admit: Admit
    ) -> Answer:
        """Take a batch. The 202; `admit(how many)` is asked before anything is written. Raises Invalid where no
        recipient could be understood, or one could not and that is to refuse all, BadTemplate for words that cannot be
        used, and Forbidden. When it raises, nothing of it is kept."""
        many = await self._recipients.of(order, listed, caller)
        await admit(len(many.people))
        return await self._take(many, caller, repeat, None)

    async def resend(self, stored: Stored, caller: Caller, admit: Admit) -> Answer:
        """Send what has failed of a batch again, as a batch of its own, judged anew. Raises Conflict where nothing
        has."""
        many = await self._recipients.failed(stored, caller)
        await admit(len(many.people))
        return await self._take(many, caller, None, stored.uuid)

    async def rehearse(self, order: BulkOrder, listed: Listed | Segment, caller: Caller) -> BulkAnswer:
        """What would become of them if it were sent now; nothing is stored. Raises as `accept` does."""
        many = await self._recipients.of(order, listed, caller)
        tally, pace = self._tally(many.faulty), Pace()
        for one in many.people:
            draft = self._drafts.judge(one.order(many.ordered), one.named, caller)
            tally.add(draft)
            await pace()
        return tally.answer(self._rulebook, None)

    async def _take(self, many: Many, caller: Caller, repeat: Repeat | None, resend_of: bytes | None) -> Answer:
        ordered, tally = many.ordered, self._tally(many.faulty)
        batch = NewBatch(self._ids.new(), ordered.channel, ordered.class_, ordered.category, ordered.sender,
                         caller.actor, self._clock.now(), b"", resend_of)  # fmt: skip
        batch = batch._replace(content_sealed=self._letters.seal_shared(batch.uuid, many.shared))
        batch_id = await self._db.write(_begin, batch)
        try:
            digest = await self._write_all(batch_id, ordered, many.people, caller, tally)
            answer = await self._count(batch, batch_id, tally, digest, repeat)
        except BaseException:
            await asyncio.shield(self._forget(batch_id))
            raise
        self.wake()
        for decision, state in (("allow", "queued"), ("defer", "deferred"), ("deny", "blocked")):
            metrics.of(metrics.MESSAGES, ordered.channel, state).inc(tally.decided[decision])
        return answer

    def _tally(self, faulty: list[tuple[int, Fault]]) -> Tally:
        rejected = [Rejected(index, fault.code, fault.pointer) for index, fault in faulty]
        return Tally(rejected, self._venue_zone)

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
            origin = Origin(one.retry_of, batch_id, one.version_id)
            draft = self._drafts.judge(one.order(ordered), one.named, caller)
            if tally is not None:
                tally.add(draft)
                count(draft.judgement)
            if draft.judgement.decision == "deny":
                drafted.append(self._drafts.refuse(draft, caller, origin))
            else:
                drafted.append(self._drafts.take(draft, caller, one.content(ordered), origin))
            await pace()
        return drafted

    async def _write(self, drafted: list[Taken | NewMessage], some: list[One]) -> tuple[list, list[One]]:
        """Put a slice on disk; what was written, and those whose guest somebody else made meanwhile."""
        taken = [one for one in drafted if isinstance(one, Taken)]
        refused = [one for one in drafted if not isinstance(one, Taken)]
        done = await self._db.write(self._write_slice, Slice(taken, refused))
        if all(done):
            return drafted, []
        late = {id(one) for one, good in zip(taken, done, strict=True) if not good}
        again = [some[at] for at, one in enumerate(drafted) if id(one) in late]
        return [one for one in drafted if id(one) not in late], again

    async def _written(
        self, result: tuple[list, list[One]], batch_id: int, ordered: SendOrder, caller: Caller, whole: Any
    ) -> None:
        """Let what is written flow into the digest; whose guest came to be meanwhile is drafted and written anew."""
        written, again = result
        while again:
            anew = [one._replace(named=self._drafts.find(one.to, ordered.channel)) for one in again]
            more, again = await self._write(await self._draft(batch_id, ordered, anew, caller, None), anew)
            written += more
        for one in written:
            whole.update(one.message.uuid + one.digest if isinstance(one, Taken) else one.uuid + digest_of_refusal(one))

    def _write_slice(self, tx: Tx, slices: Sequence[Slice]) -> list[list[int | None]]:
        """The work of a slice: its messages, and nothing that would put them on their way."""
        done = []
        for one in slices:
            done.append(self._drafts.write(tx, one.taken))
            messages.insert(tx, one.refused)
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


def _slices(people: Iterable[One]) -> Iterator[list[One]]:
    some: list[One] = []
    for one in people:
        some.append(one)
        if len(some) == SLICE:
            yield some
            some = []
    if some:
        yield some


def _begin(tx: Tx, new: Sequence[NewBatch]) -> list[int]:
    return [batches.begin(tx, batch) for batch in new]


def _forget(tx: Tx, batch_ids: Sequence[int]) -> list[int]:
    return [batches.forget(tx, batch_id) for batch_id in batch_ids]
