"""Where it is written down what was taken, so that a kill gives nothing back."""

import asyncio
from typing import Protocol

from gateway.limiter import State
from gateway.store import limits
from gateway.store.db import Database


class Ledger(Protocol):
    """Keeps the state of accounts. A rule is named by its id, whose account it is by a digest."""

    def latest(self) -> int:
        """The latest of the limits' time that was ever kept, in microseconds; 0 if none was."""
        ...

    async def state(self, rule: str, account: bytes) -> State | None:
        """The state that was kept last."""
        ...

    def keep(self, rule: str, account: bytes, state: State, now: int) -> asyncio.Future:
        """Keep a state. Whatever is asked of the same ledger afterwards comes after it, and lasts no longer than it
        does. The future is done when it lasts; its result is an Unavailable if it could not be kept."""
        ...

    async def forget(self, rule: str, account: bytes, state: State) -> None:
        """Let go of an account, if this is the state that was kept last."""
        ...

    async def some(self, after: tuple[str, bytes]) -> list[tuple[str, bytes, State]]:
        """Some of all accounts, those behind `after` in a lasting order; none at the end."""
        ...


class StoreLedger:
    """The ledger in the gateway's own store."""

    def __init__(self, db: Database):
        self._db = db

    def latest(self) -> int:
        return limits.latest(self._db.reader)

    async def state(self, rule: str, account: bytes) -> State | None:
        return limits.find(self._db.reader, rule, account)

    def keep(self, rule: str, account: bytes, state: State, now: int) -> asyncio.Future:
        return self._db.ask(limits.keep, limits.Kept(rule, account, state, now))

    async def forget(self, rule: str, account: bytes, state: State) -> None:
        await self._db.write(limits.forget, (rule, account, state))

    async def some(self, after: tuple[str, bytes]) -> list[tuple[str, bytes, State]]:
        return await self._db.read(limits.some, after)
