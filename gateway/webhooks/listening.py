"""Events for whoever listens at this machine: what a webhook would be sent, as it happens, and nothing of it kept."""

import asyncio
from collections.abc import AsyncIterator

from msgspec import Struct

from gateway import ids
from gateway.clock import Clock
from gateway.store import batches, feed
from gateway.store.db import Database
from gateway.webhooks.payload import Payloads
from gateway.webhooks.target import draw, signed

LOOK_EVERY = 0.25
SLICE = 100


class Heard(Struct, frozen=True):
    """One event: the headers and the body that a webhook would get."""

    headers: dict[str, str]
    body: str


class Listening:
    """One listener, with a secret of his own."""

    def __init__(self, db: Database, payloads: Payloads, ids_: ids.Ids, clock: Clock):
        self._db, self._payloads, self._ids, self._clock = db, payloads, ids_, clock
        self.secret = draw()

    async def events(self, with_metadata: bool) -> AsyncIterator[Heard | None]:
        """Everything that happens from now on; None when nothing has for a moment."""
        seen = feed.last(self._db.reader)
        while True:
            if batches.finished(self._db.reader):
                await self._db.do(batches.end)
            facts, seen = await self._db.read(feed.after, seen, SLICE)
            for fact in facts:
                body = await self._db.read(self._payloads.of, fact, with_metadata)
                if body is not None:
                    event, seconds = ids.public("evt", self._ids.new()), self._clock.now() // 1000
                    yield Heard(signed(event, seconds, body, [self.secret]), body.decode())
            if not facts:
                yield None
                await asyncio.sleep(LOOK_EVERY)
