"""Takes from the configured limits, before any work is done.

What the disk knows of a limit is always at or ahead of its use: a block of takes is written down before the first of
them is given. A kill can cost a caller the rest of a block; it can never give one back.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway import metrics
from gateway.errors import QuotaExceeded
from gateway.limiter import Limiter
from gateway.store import limits
from gateway.store.db import Database

BLOCKS = 10
"""A block is this part of the quota: how much a kill may cost, and how seldom the disk is asked."""


class Standing(NamedTuple):
    """Where a caller stands with one limit: its name, quota, window, what is left, seconds until more."""

    name: str
    quota: int
    window: int
    remaining: int
    reset: int


@dataclass(slots=True)
class Account:
    """One caller's use of one limit. `ahead` takes are on disk already and not yet given."""

    state: tuple | None = None
    ahead: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limit:
    """One `[limits.<name>]` and everybody's account with it."""

    def __init__(self, name: str, limiter: Limiter, by: str, endpoints: Iterable[str]):
        self.name, self.limiter, self.by, self.endpoints = name, limiter, by, frozenset(endpoints)
        self.accounts: dict[bytes, Account] = {}

    def standing(self, account: Account, now: float) -> Standing:
        """What the answer's headers say."""
        settings = self.limiter.settings
        remaining, reset = self.limiter.remaining(account.state, now)
        return Standing(self.name, settings.quota, math.ceil(settings.window), remaining, math.ceil(reset))


class Limits:
    """All limits. `seconds()` is a clock that may step; what is taken never becomes free by that."""

    def __init__(self, rules: Iterable[Limit], db: Database, seconds: Callable[[], float]):
        self._db, self._seconds = db, seconds
        self.rules = list(rules)
        self._by_endpoint: dict[str, list[Limit]] = {}
        for rule in self.rules:
            for endpoint in rule.endpoints:
                self._by_endpoint.setdefault(endpoint, []).append(rule)

    def restore(self, states: Mapping[tuple[str, bytes], tuple]) -> None:
        """Go on from what the disk knows."""
        for rule in self.rules:
            rule.accounts = {caller: Account(state) for (name, caller), state in states.items() if name == rule.name}

    def keep_accounts_of(self, before: "Limits") -> None:
        """After a reload: rules that did not change keep everybody's account."""
        known = {rule.name: rule for rule in before.rules}
        for rule in self.rules:
            old = known.get(rule.name)
            if old is not None and old.limiter.settings == rule.limiter.settings and old.by == rule.by:
                rule.accounts = old.accounts

    async def take(self, endpoint: str, callers: Mapping[str, bytes], cost: int = 1) -> list[Standing]:
        """Take `cost` from every limit on this endpoint, most restrictive first in the answer.

        `callers` holds the keyed digests a limit may count by, such as `{"api_key": b"…"}`. Raises QuotaExceeded with
        `retry_after`, after which the same call succeeds if nobody else takes in between.
        """
        standings = []
        for rule in self._by_endpoint.get(endpoint, ()):
            caller = callers.get(rule.by)
            if caller is not None:
                account, standing = self._take(rule, caller, cost)
                if account.ahead < cost:
                    await self._write_ahead(rule, caller, account, cost)
                account.ahead -= cost
                standings.append(standing)
        if len(standings) > 1:
            standings.sort(key=lambda standing: standing.remaining)
        return standings

    async def forget_whole(self) -> None:
        """Drop the accounts that stand where a new one would: whoever guesses from ever new addresses fills nothing."""
        everyone = [(rule, caller) for rule in self.rules for caller in rule.accounts]
        await asyncio.gather(*[self._forget(rule, caller) for rule, caller in everyone])

    async def _forget(self, rule: Limit, caller: bytes) -> None:
        """Drop one, if it is whole. It leaves memory in the same step in which the deletion is queued, so that whatever
        is taken after it is also written after it."""
        account = rule.accounts.get(caller)
        if account is None or account.lock.locked():
            return
        if rule.limiter.remaining(account.state, self._seconds())[1] <= 0:
            del rule.accounts[caller]
            await self._db.write(limits.keep, (rule.name, caller, None))

    def _take(self, rule: Limit, caller: bytes, cost: int) -> tuple[Account, Standing]:
        account = rule.accounts.get(caller)
        if account is None:
            account = rule.accounts[caller] = Account()
        now = self._seconds()
        account.state, wait = rule.limiter.take(account.state, now, cost)
        if wait > 0:
            metrics.LIMITED.labels(rule.name).inc()
            seconds = math.ceil(wait) if wait < math.inf else math.ceil(rule.limiter.settings.window)
            standing = rule.standing(account, now)._replace(remaining=0, reset=max(1, seconds))
            raise QuotaExceeded(retry_after=standing.reset, standings=[standing], limit=rule.name)
        return account, rule.standing(account, now)

    async def _write_ahead(self, rule: Limit, caller: bytes, account: Account, cost: int) -> None:
        """Put the next block on disk. `state` is already this take's own, so a block too small is still right."""
        async with account.lock:
            if account.ahead >= cost:
                return
            block = max(1, rule.limiter.settings.quota // BLOCKS)
            ahead, state = self._ahead_of(rule, account, block)
            await self._db.write(limits.keep, (rule.name, caller, state))
            account.ahead = ahead + cost

    def _ahead_of(self, rule: Limit, account: Account, block: int) -> tuple[int, tuple]:
        """The largest block, at most `block`, that the state still has room for, and the state after it."""
        while block:
            state, wait = rule.limiter.take(account.state, self._seconds(), block)
            if wait == 0:
                return block, state
            block //= 2
        return 0, account.state or ()
