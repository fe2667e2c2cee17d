"""Batches as they stand: the words their messages share, how far they are, and calling them off."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Any, Literal

from msgspec import Raw, Struct, json

from gateway import ids
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.compose import Letter
from gateway.errors import NotFound
from gateway.letters import Content, Letters
from gateway.model import FINAL
from gateway.orders import BatchView
from gateway.stationery.printing import Printing, pressed
from gateway.store import batches
from gateway.store.batches import Stored
from gateway.store.db import Database, Tx

AT_HAND = 32
"""How many batches' words stay open in memory."""
LOOK_EVERY = 1.0
QUIET = 15.0
"""Seconds after which somebody who watches hears that nothing has changed."""
NOTHING = b"\0" * 32
SETTLED = FINAL | {"sent"}
"""States in which a message of a batch has nothing more to wait for, here."""


class Words(Struct):
    """What the messages of a batch share, and whether they still may leave. `press` prints what is Liquid in it."""

    content: Content
    cancelled: bool
    press: Any = None


class Progress(Struct, frozen=True):
    """How a batch stands, under a name that changes with it."""

    name: str
    view: BatchView


class Batches:
    """Opens, shows and calls off."""

    def __init__(self, db: Database, letters: Letters, printing: Printing):
        self._db, self._letters, self._printing = db, letters, printing
        self._open: OrderedDict[int, Words] = OrderedDict()

    def words(self, batch_id: int) -> Words:
        """The words of a batch, by its row. On the loop's own thread only."""
        words = self._open.get(batch_id)
        if words is None:
            stored = batches.get(self._db.reader, batch_id)
            if stored is None:
                raise NotFound()
            content = self._letters.open_shared(stored.uuid, stored.content_sealed)
            words = self._open[batch_id] = Words(content, stored.cancelled_at is not None)
            if len(self._open) > AT_HAND:
                self._open.popitem(last=False)
        return words

    async def ready(self, batch_id: int | None, version_id: int | None) -> None:
        """Have at hand what `letter` needs for a message of this batch, printed from this version of a template. The
        first time something is compiled, off the loop."""
        if batch_id is None:
            return
        if version_id is not None:
            await self._printing.stock(version_id)
        words = self.words(batch_id)
        if words.content.ready is not None and words.press is None:
            words.press = await asyncio.to_thread(pressed, words.content.ready, self._letters.language)

    def letter(self, batch_id: int | None, version_id: int | None, own: Content) -> Letter:
        """The letter to one guest: his own words, or those of his batch with what is his own in them. Call `ready`
        right before."""
        if batch_id is None:
            return own.letter
        words = self.words(batch_id)
        press = words.press if version_id is None else self._printing.kept(version_id).press
        return words.content.letter if press is None else Letter(*press.print(own.variables))

    def find(self, public: str) -> Stored:
        """The row behind a public id. Raises NotFound."""
        uuid = ids.parse("bat", public)
        stored = batches.find(self._db.reader, uuid) if uuid else None
        if stored is None:
            raise NotFound()
        return stored

    async def view(self, public: str) -> BatchView:
        """A batch, its messages counted by state. Raises NotFound."""
        stored = self.find(public)
        counts = await self._db.read(batches.states, stored.id)
        return BatchView(
            id=public,
            status=_status(stored, counts),
            channel=stored.channel,
            class_=stored.class_,
            category=stored.category,
            sender=stored.sender,
            created_at=rfc3339(stored.created_at),
            cancelled_at=rfc3339(stored.cancelled_at) if stored.cancelled_at is not None else None,
            resend_of=ids.public("bat", stored.resend_of) if stored.resend_of else None,
            total=sum(counts.values()),
            counts=counts,
            accepted=Raw(stored.tally.encode()),
        )

    async def watch(self, public: str, last_seen: str | None) -> AsyncIterator[Progress | None]:
        """How it stands now, unless that is what was seen last, and again whenever it has changed, until it is
        finished. None from time to time when nothing happens. Raises NotFound."""
        silent = 0.0
        while True:
            view = await self.view(public)
            name = sha256(json.encode(view.counts, order="sorted") + view.status.encode()).hexdigest()[:16]
            if name != last_seen:
                yield Progress(name, view)
                last_seen, silent = name, 0.0
            elif silent >= QUIET:
                yield None
                silent = 0.0
            if view.status != "working":
                return
            await asyncio.sleep(LOOK_EVERY)
            silent += LOOK_EVERY

    async def cancel(self, public: str, caller: Caller) -> BatchView:
        """Stop all of its messages that have not left. Raises NotFound."""
        stored = self.find(public)

        def call_off(tx: Tx, items: Sequence[None]) -> list[None]:
            batches.call_off(tx, stored.id)
            tx.audit(caller.actor, "batch.cancelled", public, NOTHING)
            return [None] * len(items)

        await self._db.write(call_off)
        self.words(stored.id).cancelled = True
        while await self._db.write(_cancel, stored.id):
            pass
        return await self.view(public)


def _cancel(tx: Tx, batch_ids: Sequence[int]) -> list[int]:
    return [batches.cancel(tx, batch_id) for batch_id in batch_ids]


def _status(stored: Stored, counts: dict[str, int]) -> Literal["working", "finished", "cancelled"]:
    if stored.done and SETTLED.issuperset(counts):
        return "cancelled" if stored.cancelled_at is not None else "finished"
    return "working"
