"""What time does to requests: days of grace end, deadlines come near and pass, old files go."""

from gateway.callers import Caller
from gateway.clock import DAY_MS, Clock
from gateway.errors import GuestOnHold
from gateway.ids import public
from gateway.logs import Log
from gateway.privacy.requests.erasing import Erasing
from gateway.privacy.requests.turn import Office, Turn
from gateway.store import data_requests, guests
from gateway.store.data_requests import Request
from gateway.store.db import Database

GATEWAY = Caller("gateway", b"gateway", frozenset())
KEPT_MS = 3 * 366 * DAY_MS
"""How long a file is kept after its end (RET-1)."""


class Rounds:
    """Looks after what waits; every minute."""

    def __init__(self, db: Database, office: Office, erasing: Erasing, clock: Clock, log: Log, notice: float):
        self._db, self._office, self._erasing = db, office, erasing
        self._clock, self._log, self._notice = clock, log, int(notice * 1000)

    async def go(self) -> None:
        """Erase whose days of grace are over, and say of which requests the time runs out."""
        now = self._clock.now()
        for request in await self._db.read(data_requests.to_erase, now):
            await self._erase(request)
        for request in await self._db.read(data_requests.to_remind, now, self._notice):
            await self._remind(request, "overdue" if request.due_at <= now else "due")

    async def _erase(self, request: Request) -> None:
        try:
            await self._erasing.erase(request, GATEWAY)
        except GuestOnHold:
            await self._office.act(request, GATEWAY, _hold)

    async def _remind(self, request: Request, word: str) -> None:
        """Note it, which is what webhooks tell."""

        def act(turn: Turn) -> None:
            turn.change(reminded=word)
            turn.note(word, until=request.due_date.isoformat())

        await self._office.act(request, GATEWAY, act)
        log = self._log.error if word == "overdue" else self._log.warning
        log(f"a guest's request is {word}", request_id=public("req", request.uuid))

    async def forget_old(self) -> None:
        """Take away files of requests that ended long ago."""
        before = self._clock.now() - KEPT_MS
        await self._db.do(lambda tx: data_requests.forget(tx, before))


def _hold(turn: Turn) -> None:
    """What the law wants kept stays, for nothing else, and the guest is told once (ERA-2)."""
    happened = data_requests.events(turn.tx.connection, turn.request.id)
    if turn.request.status == "grace" and not any(event.type == "held" for event in happened):
        if turn.request.guest_id is not None:
            guests.mark(turn.tx, turn.request.guest_id, "restricted")
        told = turn.tell("held")
        turn.note("held", **({"message": told} if told else {}))
