"""The end of an erasure: when its days of grace are over, or when somebody says now."""

from typing import Protocol

from gateway.callers import Caller
from gateway.privacy.requests.turn import Office, Turn
from gateway.store import data_requests
from gateway.store.data_requests import Request


class Shredder(Protocol):
    """Erases guests for good."""

    async def erase(self, guest: str, caller: Caller) -> None:
        """Leave nothing of a guest that could be read again; done already, it does nothing. Raises Conflict while he is
        under a legal hold."""
        ...
