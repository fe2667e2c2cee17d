"""Erases guests, so that nobody can ever read again who they were: not here, not in any backup.

First the rows, then the key. One transaction marks a guest erased, takes everything about him out, stops what waits for
him and notes it in the record; from its commit on no door shows him and nothing leaves for him. Only then is his key
destroyed, which ends every copy of the rows there is: nobody is undone for good before that transaction was allowed. A
kill in between leaves an erased guest whose key is still there, and the next start destroys it. The other way round, a
key that was destroyed and a guest who is not erased, is an older copy of the store, and the start erases him again.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256

from gateway import ids, metrics
from gateway.errors import GuestOnHold, NotFound
from gateway.model import CHANNELS
from gateway.recall import NOTHING, call_off
from gateway.store import data_requests, erasures, outbox, suppressions
from gateway.store.data_requests import Event
from gateway.store.db import Database, Tx
from gateway.store.erasures import Leaving
from gateway.store.suppressions import NewSuppression
from gateway.vault import KeyStore

SLICE = 20
"""How many guests are taken out in one transaction."""
SOURCE = "erasure"
"""Where a stop comes from that stays of somebody who asked to be forgotten."""
GUEST, GATEWAY = "guest", "gateway"
Closing = Callable[[Tx], None]
Still = Callable[[sqlite3.Connection, int], bool]


class Erasure:
    """Erases guests.

    Whoever asked for it keeps a stop for offers on each of his addresses, by the keyed index alone, so that a list with
    him in it does not bring them back; whoever only grew old here does not. What else stays is in docs/erasure.md.
    """

    def __init__(self, db: Database, keys: KeyStore, ids_: ids.Ids):
        self._db, self._keys, self._ids = db, keys, ids_

    async def erase(self, guest: bytes, actor: str, closing: Closing | None = None) -> None:
        """Erase one guest (by his uuid) at his own request; all of it is done when this returns. `actor` is who the
        record names, `closing(tx)` is done in the same transaction, such as noting that the request was met; it is done
        again when this is called again.

        Raises NotFound for nobody, and GuestOnHold: then nothing has changed. Raises StorageFull, StorageFailed or
        Unavailable as the store does; if the rows were written already, they stay so, and to call it again, or the next
        start, does the rest. A guest who is erased is erased again without harm.
        """

        def work(tx: Tx) -> Leaving:
            leaving = erasures.find(tx.connection, guest)
            if leaving is None:
                raise NotFound()
            if leaving.status != "erased":
                if leaving.held:
                    raise GuestOnHold()
                self._take_out(tx, leaving, actor, asked=True)
            if closing is not None:
                closing(tx)
            return leaving

        leaving = await self._db.write(lambda tx, items: [work(tx) for _ in items], may_use_reserve=True)
        await self._destroy([leaving.key_id])

    async def forget(self, guests: Sequence[bytes], actor: str, still: Still) -> int:
        """Erase guests who did not ask for it, because their time is over; how many those were. Whoever is erased
        already is passed over, and so is he of whom it does not still hold, by the row of his, in the transaction.
        Raises as `erase` does."""
        return await self._in_slices(guests, actor, still)

    async def resume(self) -> int:
        """At the start: end what a kill has cut short, and erase again whom an older copy of the store has brought
        back, held or not: their keys are gone. How many guests that was."""
        back = erasures.still_there(self._db.reader, sorted(self._keys.buried()))
        again = await self._in_slices(back, GATEWAY, lambda reader, guest_id: True)
        return again + await self.tidy()

    async def tidy(self) -> int:
        """Destroy the keys of erased guests that are still there, because a kill or a full disk was in the way; how
        many those were."""
        return await self._destroy(await self._db.read(erasures.keys))

    async def _in_slices(self, guests: Sequence[bytes], actor: str, still: Still) -> int:
        gone = 0
        for at in range(0, len(guests), SLICE):
            some = guests[at : at + SLICE]
            keys = await self._db.do(partial(self._take_out_some, some=some, actor=actor, still=still))
            await self._destroy(keys)
            gone += len(keys)
        return gone

    def _take_out_some(self, tx: Tx, some: Sequence[bytes], actor: str, still: Still) -> list[int]:
        """The keys of those who were taken out."""
        found = [leaving for uuid in some if (leaving := erasures.find(tx.connection, uuid))]
        going = [one for one in found if one.status != "erased" and still(tx.connection, one.id)]
        for leaving in going:
            self._take_out(tx, leaving, actor, asked=False)
        return [leaving.key_id for leaving in going]

    def _take_out(self, tx: Tx, leaving: Leaving, actor: str, asked: bool) -> None:
        """One guest, and nothing of him is sent any more: what waits is called off, and what is being handed over is
        judged once more right before it leaves."""
        call_off(tx, outbox.waiting_of(tx, leaving.id), actor)
        addresses, _ = erasures.blinds(tx.connection, leaving.id)
        if asked:
            suppressions.add(tx, [self._stop(tx, blind) for blind in sorted(addresses)])
        else:
            self._end_requests(tx, leaving, actor)
        erasures.strip(tx, leaving.id)
        tx.audit(actor, "guest.erased", ids.public("gst", leaving.uuid), NOTHING)

    def _end_requests(self, tx: Tx, leaving: Leaving, actor: str) -> None:
        """What the guest had asked for can be answered no more."""
        for request in data_requests.of(tx.connection, leaving.id):
            if request.closed_at is None:
                data_requests.used(tx, request.id)
                data_requests.change(
                    tx, request.id, status="cancelled", closed_at=tx.now, paused_at=None, erase_at=None
                )
                event = Event(self._ids.new(), request.id, "cancelled", tx.now, actor, {"reason": "erased"}, None)
                data_requests.note(tx, event)
                digest = sha256(event.uuid).digest()
                tx.audit(actor, "data_request.cancelled", ids.public("req", request.uuid), digest)

    def _stop(self, tx: Tx, blind: bytes) -> NewSuppression:
        return NewSuppression(
            self._ids.new(), blind, "global", CHANNELS, (), ("marketing",), SOURCE, False, tx.now, blind, GUEST
        )

    async def _destroy(self, keys: Sequence[int]) -> int:
        """Those of the keys that are still there, all in one go; how many those were."""
        if left := await asyncio.to_thread(self._keys.remaining, keys):
            await asyncio.to_thread(self._keys.destroy, *left)
            metrics.ERASED.inc(len(left))
        return len(left)
