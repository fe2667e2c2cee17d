"""All couriers together, and what brings them batches: started after the ready sign, drained at the end."""

import asyncio
from collections.abc import Sequence

from gateway import ids
from gateway.delivery.courier import Courier
from gateway.delivery.release import AHEAD, Release
from gateway.routing import Routes
from gateway.store import events, messages, outbox
from gateway.store.db import Database, Tx

CRASHES = 3
"""A message that was in hand at this many deaths of the process in a row is set aside."""


class Delivery:
    """Owns one courier per provider."""

    def __init__(self, couriers: Sequence[Courier], routes: Routes, release: Release):
        self.couriers, self.routes, self.release = couriers, routes, release
        release.released, release.ahead = self.wake, self._ahead
        for courier in couriers:
            courier.requeued = self.wake

    async def start(self) -> None:
        for courier in self.couriers:
            await courier.start()
        self.release.start()

    def wake(self, channel: str, due_at: int) -> None:
        """A message of this channel will be due then (ms)."""
        for courier in self.couriers:
            if courier.provider.channel == channel:
                courier.wake(due_at)

    def _ahead(self, channel: str) -> int:
        """How many messages of a channel its providers take in a moment."""
        return min(AHEAD, sum(provider.pacing.ahead(AHEAD) for provider in self.routes.serving(channel)))

    async def drain(self, seconds: float) -> None:
        """End within `seconds`: nothing is lost, nothing is begun twice."""
        await self.release.stop()
        await asyncio.gather(*[courier.drain(seconds) for courier in self.couriers])


async def recover(db: Database, routes: Routes) -> int:
    """End the leases of the process before us, which is dead: the lock proved it. How many there were.

    Due at once where sending twice does no harm, held where a person must decide.
    """

    def work(tx: Tx, items: Sequence[None]) -> list[int]:
        rows = outbox.orphans(tx)
        held = {row[0]: _hold(routes, row[2], row[3] + 1) for row in rows}
        outbox.mark_uncertain(tx, [(outbox.HELD if held[row[0]] else outbox.WAITING, row[0]) for row in rows])
        states = [("held" if held[row[0]] else "uncertain", held[row[0]], None, None, row[0]) for row in rows]
        messages.settle(tx, states)
        events.append(tx, [events.Event(row[4], row[0], tx.now) for row in states])
        for state, row in zip(states, rows, strict=True):
            tx.audit("gateway", f"message.{state[0]}", ids.public("msg", row[1]), b"\0" * 32)
        return [len(rows)] * len(items)

    return await db.write(work)


def _hold(routes: Routes, channel: str, crashes: int) -> str | None:
    """Why a message must wait for a person, or None when it may go again."""
    if crashes >= CRASHES:
        return "quarantined"
    providers = routes.serving(channel)
    return None if providers and all(provider.resend_uncertain for provider in providers) else "uncertain"


async def hold_unserved(db: Database, routes: Routes) -> None:
    """Hold what waits for a channel that no provider serves any more: it is not dropped, and a person is told why."""

    def work(tx: Tx, items: Sequence[None]) -> list[None]:
        rows = outbox.hold_other_channels(tx, [provider.channel for provider in routes.providers.values()])
        messages.settle(tx, [("held", "provider_removed", None, None, row[0]) for row in rows])
        events.append(tx, [events.Event(row[0], "held", tx.now) for row in rows])
        for _, uuid in rows:
            tx.audit("gateway", "message.held", ids.public("msg", uuid), b"\0" * 32)
        return [None] * len(items)

    await db.write(work)
