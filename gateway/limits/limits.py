"""Takes from the configured limits, before any work is done."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gateway import metrics
from gateway.errors import Fault, Invalid, QuotaExceeded
from gateway.limits.accounts import Account, Accounts
from gateway.limits.asking import Asking
from gateway.limits.rule import Rule, Standing, seconds
from gateway.limits.time import Time


class Take(NamedTuple):
    """What was taken from one account, and where that leaves it."""

    rule: Rule
    whose: bytes
    account: Account
    cost: int
    at: int
    standing: Standing


class OnEndpoint(NamedTuple):
    """The limits on one endpoint: those that count whoever comes, and those that go by what he says."""

    at_door: tuple[Rule, ...]
    in_order: tuple[Rule, ...]


Refused = Callable[[Rule, bytes, int, int | None], None]
"""Told of every refusal, and of what a limit on trial would have refused: the limit, whose account, when, and how long
until it would pass (None: never), in microseconds."""


def nobody_asks(*_: object) -> None:
    """Refusals are not looked at."""


class Limits:
    """All limits. A request takes at the door, once more when it is known what it is about, and for each recipient
    where a limit counts those; each time it is refused by none of them or takes from none."""

    def __init__(self, rules: Iterable[Rule], accounts: Accounts, time: Time, refused: Refused = nobody_asks):
        self.rules = {rule.id: rule for rule in rules}
        self.accounts, self.time, self._refused = accounts, time, refused
        self._on: dict[str, OnEndpoint] = {}

    def watches(self, endpoint: str) -> bool:
        """Whether any limit counts who comes to an endpoint."""
        return bool(self._of(endpoint).at_door)

    def looks_into(self, endpoint: str) -> bool:
        """Whether any limit on an endpoint goes by what the request says."""
        return bool(self._of(endpoint).in_order)

    async def at_door(self, endpoint: str, asking: Asking, wait: bool = True) -> list[Take]:
        """Take one for whoever is at the door. Raises QuotaExceeded with `retry_after`, after which the same call
        succeeds if nobody else takes in between. Without `wait` what was taken lasts no longer than what the request
        itself writes, for those that write."""
        rules = self._of(endpoint).at_door
        return await self._take(rules, asking, 1, wait) if rules else []

    async def in_order(self, endpoint: str, asking: Asking) -> list[Take]:
        """Take one from the limits that go by what the request says."""
        rules = self._of(endpoint).in_order
        return await self._take(rules, asking, 1, False) if rules else []

    async def for_recipients(self, endpoint: str, asking: Asking, many: int) -> list[Take]:
        """Take for the recipients after the first. Raises Invalid where a limit could never let so many pass."""
        rules = [rule for rule in self.rules.values() if rule.cost == "recipients" and rule.covers(endpoint)]
        return await self._take(rules, asking, many - 1, False, many) if rules and many > 1 else []

    def give(self, takes: Iterable[Take]) -> None:
        """Give back what was taken and not used."""
        now = self.time.now()
        for take in takes:
            take.account.state = take.rule.limiter.give(take.account.state, now, take.cost, take.at)

    def leave(self, takes: Iterable[Take]) -> None:
        """The request has been answered: it holds no place any more."""
        if holding := [take for take in takes if take.rule.limiter.holds]:
            self.give(holding)

    async def forget_whole(self) -> None:
        """Let go of the accounts that nobody needs."""
        await self.accounts.forget_whole(self.rules, self.time.now())

    def _of(self, endpoint: str) -> OnEndpoint:
        found = self._on.get(endpoint)
        if found is None:
            covering = [rule for rule in self.rules.values() if rule.covers(endpoint)]
            found = self._on[endpoint] = OnEndpoint(
                tuple(rule for rule in covering if not rule.in_order), tuple(rule for rule in covering if rule.in_order)
            )
        return found

    async def _take(
        self, rules: Sequence[Rule], asking: Asking, cost: int, wait: bool, again: int | None = None
    ) -> list[Take]:
        """Take `cost` from all of them. `again`: what the same request costs when it comes once more."""
        accounts = [
            (rule, whose, self.accounts.at_hand(rule, whose) or await self.accounts.find(rule, whose))
            for rule in rules
            if (whose := rule.account(asking)) is not None and not rule.spares(asking)
        ]
        now = self.time.now()
        takes, refusals = [], []
        for rule, whose, account in accounts:
            account.state, until = rule.limiter.take(account.state, now, cost)
            if until == 0:
                takes.append(Take(rule, whose, account, cost, now, rule.standing(account.state, now)))
                continue
            until = until if again is None else rule.limiter.take(account.state, now, again)[1]
            self._refused(rule, whose, now, until)
            if rule.dry_run:
                metrics.of(metrics.WOULD_LIMIT, rule.name).inc()
            else:
                refusals.append((rule, until, rule.standing(account.state, now)))
        if refusals:
            self.give(takes)
            raise _refusal(refusals, again or cost)
        await self._write_ahead(takes, now, wait)
        return takes

    async def _write_ahead(self, takes: Sequence[Take], now: int, wait: bool) -> None:
        for take in takes:
            writing = self.accounts.write_ahead(take.rule, take.whose, take.account, now)
            if writing is not None and wait:
                await asyncio.wait([writing])


def _refusal(refusals: list[tuple[Rule, int | None, Standing]], cost: int) -> QuotaExceeded | Invalid:
    """What is said to whoever asked for too much: by the limit that holds him up longest."""
    for rule, until, _ in refusals:
        metrics.of(metrics.LIMITED, rule.name).inc()
        if until is None:
            most = min(rule.limiter.settings.quota, rule.limiter.settings.burst)
            detail = f"the limit {rule.name} lets {most} through at once, this would be {cost}: send it in parts"
            return Invalid(faults=[Fault("/recipients", "limit", detail)])
    rule, until, standing = max(refusals, key=lambda refusal: refusal[1] or 0)
    standing = standing._replace(reset=max(1, seconds(until or 0)))
    return QuotaExceeded(retry_after=standing.reset, standings=[standing], limit=rule.name)
