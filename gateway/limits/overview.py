"""Where everybody stands with the limits in force."""

import heapq
from collections.abc import Callable

from msgspec import Struct

from gateway import ids
from gateway.delivery.spending import CostToday
from gateway.limits.limits import Limits
from gateway.limits.refusals import Refusals
from gateway.limits.rule import Rule, seconds
from gateway.store import apikeys, users
from gateway.store.db import Database
from gateway.vault import Vault

TIGHTEST = 10
NAMED = 1000
NEWEST = (1 << 63) - 1


class LimitAccount(Struct, frozen=True):
    """Somebody's account with a limit. `account` is a keyed digest; `caller` the id of an API key or a user, where it
    is one's and whoever asks may list those. `reset`: seconds until it is as good as new."""

    account: str
    caller: str | None
    remaining: int
    reset: int


class LimitInForce(Struct, frozen=True):
    """A limit; its members as config.toml has them, the window in seconds. `refused_last_hour`: what it refused, or
    would have if it is on trial. `accounts`: how many have asked since the gateway started; `tightest`: those of them
    who have least left."""

    name: str
    algorithm: str
    endpoints: list[str]
    by: list[str]
    quota: int
    window: int
    burst: int
    cost: str
    dry_run: bool
    refused_last_hour: int
    accounts: int
    tightest: list[LimitAccount]


class LimitsInForce(Struct, frozen=True):
    """All limits in force, in the order of their names, and what the channels cost today."""

    items: list[LimitInForce]
    costs: list[CostToday]


class Overview:
    """Looks at limits without taking from any."""

    def __init__(self, limits: Limits, refusals: Refusals, db: Database, vault: Vault,
                 costs: Callable[[], list[CostToday]]):  # fmt: skip
        self._limits, self._refusals, self._db, self._vault, self._costs = limits, refusals, db, vault, costs

    async def report(self, scopes: frozenset[str]) -> LimitsInForce:
        """The limits as they stand now. Keys and users are named for scopes that may list them."""
        names = await self._names(scopes)
        rules = sorted(self._limits.rules.values(), key=lambda rule: rule.name)
        return LimitsInForce([self._of(rule, names) for rule in rules], self._costs())

    def _of(self, rule: Rule, names: dict[bytes, str]) -> LimitInForce:
        now, settings = self._limits.time.now(), rule.limiter.settings
        standing = [
            (*rule.limiter.remaining(state, now), whose) for whose, state in self._limits.accounts.standing(rule.id)
        ]
        tightest = [
            LimitAccount(whose.hex(), names.get(whose), left, seconds(reset))
            for left, reset, whose in heapq.nsmallest(TIGHTEST, standing)
        ]
        return LimitInForce(
            rule.name, rule.limiter.name, list(rule.endpoints), list(rule.by), settings.quota,
            seconds(settings.window), settings.burst, rule.cost, rule.dry_run,
            self._refusals.lately(rule.name, now), len(standing), tightest,
        )  # fmt: skip

    async def _names(self, scopes: frozenset[str]) -> dict[bytes, str]:
        """Of the newest keys and users, by the digest that they are counted by."""
        named: list[tuple[bytes, str]] = []
        if "keys" in scopes:
            keys = await self._db.read(apikeys.page, NEWEST, NAMED)
            named += [(key.principal, f"key_{key.public}") for key in keys]
        if "users" in scopes:
            people = await self._db.read(users.page, NEWEST, NAMED)
            named += [(user.uuid, ids.public("usr", user.uuid)) for user in people]
        return {self._vault.limiter_key(principal): name for principal, name in named}
