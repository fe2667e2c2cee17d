"""The end of an erasure: when its days of grace are over, or when somebody says now."""

from collections.abc import Callable
from typing import Protocol

from gateway.callers import Caller
from gateway.errors import Conflict
from gateway.privacy.requests.turn import Office, Turn
from gateway.store import data_requests
from gateway.store.data_requests import Request
from gateway.store.db import Tx


class Shredder(Protocol):
    """Erases guests for good."""

    async def erase(self, guest: bytes, actor: str, closing: Callable[[Tx], None] | None = None) -> None:
        """Leave nothing of the guest of this uuid that could be read again, and do `closing` in the same transaction.
        Raises GuestOnHold while he is under a legal hold; then nothing has changed."""
        ...


class Erasing:
    """Ends erasures."""

    def __init__(self, office: Office, shredder: Shredder):
        self._office, self._shredder = office, shredder

    async def erase(self, request: Request, caller: Caller, note: str | None = None) -> None:
        """Erase the guest now. Raises Conflict for a request that is not proven or has ended, and while a legal hold is
        on the guest."""
        if request.status != "grace" or request.guest_uuid is None:
            raise Conflict(f"The request is {request.status}.")

        def closing(tx: Tx) -> None:
            turn = Turn(self._office, tx, data_requests.get(tx.connection, request.id), None, caller)
            if turn.request.status == "done":  # what a kill cut short is done again
                return
            turn.need("grace")
            turn.note("completed", note)
            turn.close("done")
            self._end_others(turn)

        await self._shredder.erase(request.guest_uuid, caller.actor, closing)

    def _end_others(self, erased: Turn) -> None:
        """What else the guest had asked for can be answered no more."""
        request = erased.request
        assert request.guest_id is not None  # noqa: S101 somebody was erased
        for other in data_requests.of(erased.tx.connection, request.guest_id):
            if other.closed_at is None:
                turn = Turn(self._office, erased.tx, other, None, erased.caller)
                turn.note("cancelled", reason="erased")
                turn.close("cancelled")
