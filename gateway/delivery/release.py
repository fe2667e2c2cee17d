"""Puts the messages of accepted batches on their way, slice by slice.

Never more of a channel at once than its providers take in a moment: a single message that comes while fifty thousand
wait is not the fifty-thousand-and-first.
"""

import asyncio
from collections.abc import Callable, Sequence

from gateway.errors import GatewayError
from gateway.logs import Log
from gateway.store import batches
from gateway.store.db import Database, Tx

AHEAD = 1000
"""How many messages of a channel its providers take in a moment, where nothing paces them."""
PAUSE = 0.1


class Release:
    """One task that works through the batches, oldest first."""

    def __init__(self, db: Database, now: Callable[[], int], log: Log):
        self._db, self._now, self._log = db, now, log
        self._wake = asyncio.Event()
        self._task: asyncio.Task | None = None
        self.released: Callable[[str, int], None] = lambda channel, due_at: None
        """Called with the channel of what was put on its way, and when the first of it may be due (ms)."""
        self.ahead: Callable[[str], int] = lambda channel: AHEAD
        """How many messages of a channel may be due and wait, before more of a batch follow."""

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name="release")

    def wake(self) -> None:
        """A batch has come to count."""
        self._wake.set()

    async def stop(self) -> None:
        """Leave the rest for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while await self._some():
                    pass
            except GatewayError as error:  # a full disk, a lock from outside: in a moment again
                self._log.warning("batches wait", code=error.code)
                await asyncio.sleep(1)
                self._wake.set()

    async def _some(self) -> bool:
        """A slice of each batch whose channel has room; False when there is nothing left to do."""
        at_work = batches.at_work(self._db.reader)
        moved = False
        for batch_id, channel in at_work:
            ahead = self.ahead(channel)
            room = ahead - batches.due_waiting(self._db.reader, channel, self._now(), ahead)
            if room > 0:
                await self._db.write(_release, (batch_id, room))
                self.released(channel, 0)
                moved = True
        if at_work and not moved:
            await asyncio.sleep(PAUSE)
        return bool(at_work)


def _release(tx: Tx, slices: Sequence[tuple[int, int]]) -> list[None]:
    for batch_id, most in slices:
        batches.release(tx, batch_id, most)
    return [None] * len(slices)
