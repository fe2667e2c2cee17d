"""Why the next request of somebody would pass or be refused, limit by limit, in words."""

import re
from collections.abc import AsyncIterator
from typing import Literal

from msgspec import Struct

from gateway import ids
from gateway.callers import KEY, Caller
from gateway.errors import NotFound
from gateway.limiter import State
from gateway.limits.asking import Asking
from gateway.limits.limits import Limits
from gateway.limits.rule import Rule, seconds
from gateway.store import apikeys, users
from gateway.store.db import Database
from gateway.vault import Vault

ACCOUNT = re.compile("[0-9a-f]{32}")
Verdict = Literal["passes", "refused", "trial", "exempt", "depends"]


class LimitExplained(Struct, frozen=True):
    """What a limit says to somebody's next request. `trial`: it would be refused, and is not, because the limit is on
    trial; `exempt`: he is not counted; `depends`: what the limit goes by besides is not known of him here. `remaining`:
    how many requests are left; `reset`: seconds until the account is as good as new; `wait`: until the next request
    passes, if he asks for nothing meanwhile. `why`: all of it as a sentence."""

    limit: str
    verdict: Verdict
    remaining: int | None
    reset: int | None
    wait: int | None
    why: str


class CallerLimits(Struct, frozen=True):
    """Where one caller stands with each limit that may count him, in the order of their names."""

    caller: str
    items: list[LimitExplained]


class Explaining:
    """Looks at one caller's accounts without taking from any."""

    def __init__(self, limits: Limits, db: Database, vault: Vault):
        self._limits, self._db, self._vault = limits, db, vault

    async def of(self, whom: str, caller: Caller) -> CallerLimits:
        """Where somebody stands: an API key or a user by id, or an account by its digest. Raises NotFound; and
        Forbidden unless whoever asks may list keys, or users."""
        found = self._of_account(whom) if ACCOUNT.fullmatch(whom) else self._of_caller(self._asking(whom, caller))
        items = [one async for one in found]
        if not items and ACCOUNT.fullmatch(whom):
            raise NotFound()
        return CallerLimits(whom, items)

    async def _of_account(self, whom: str) -> AsyncIterator[LimitExplained]:
        """The limits that have an account of this digest."""
        for rule in self._rules():
            state = await self._limits.accounts.look(rule, bytes.fromhex(whom))
            if state is not None:
                yield self._standing(rule, state)

    async def _of_caller(self, asking: Asking) -> AsyncIterator[LimitExplained]:
        """Every limit, as far as it goes by who somebody is."""
        for rule in self._rules():
            whose = rule.account(asking)
            if rule.spares(asking):
                yield LimitExplained(rule.name, "exempt", None, None, None, f"{_counts(rule)}, but not this caller.")
            elif whose is None:
                why = f"{_counts(rule)}, apart for each {' and '.join(rule.by)}: who it is does not settle it."
                yield LimitExplained(rule.name, "depends", None, None, None, why)
            else:
                yield self._standing(rule, await self._limits.accounts.look(rule, whose))

    def _rules(self) -> list[Rule]:
        return sorted(self._limits.rules.values(), key=lambda rule: rule.name)

    def _asking(self, whom: str, caller: Caller) -> Asking:
        """What is known of a key or a user before he asks anything."""
        if whom.startswith(KEY):
            caller.need("keys")
            key = apikeys.find(self._db.reader, whom.removeprefix(KEY))
            if key is not None:
                return Asking(self._digests(api_key=key.principal), frozenset({whom}), "", self._vault.limiter_key)
        elif uuid := ids.parse("usr", whom):
            caller.need("users")
            user = users.find(self._db.reader, uuid)
            if user is not None:
                known = self._digests(api_key=uuid, user=uuid, role=user.role.encode())
                return Asking(known, frozenset({whom, user.role}), "", self._vault.limiter_key)
        raise NotFound()

    def _digests(self, **facts: bytes) -> dict[str, bytes]:
        return {name: self._vault.limiter_key(fact) for name, fact in facts.items()}

    def _standing(self, rule: Rule, state: State | None) -> LimitExplained:
        now = self._limits.time.now()
        left, whole = rule.limiter.remaining(state, now)
        _, until = rule.limiter.take(state, now)
        reset, wait = seconds(whole), None if until is None else seconds(until)
        verdict: Verdict = "passes" if until == 0 else "trial" if rule.dry_run else "refused"
        return LimitExplained(rule.name, verdict, left, reset, wait, _why(rule, verdict, left, reset, wait))


def _why(rule: Rule, verdict: Verdict, left: int, reset: int, wait: int | None) -> str:
    counts, settings = _counts(rule), rule.limiter.settings
    most, _ = rule.limiter.remaining(None, 0)
    if verdict == "passes":
        again = f", all again in {reset} s" if reset > 0 else ""
        return f"{counts}: the next one passes, {left:,} of {most:,} are left{again}."
    pace = "at once" if rule.limiter.holds else f"in {seconds(settings.window)} s"
    none = f"{counts}: none of {most:,} is left ({settings.quota:,} {pace})"
    if verdict == "trial":
        return f"{none}. It is on trial, so the next one passes all the same."
    if wait is None:
        return f"{none}. The next one never passes."
    when = "at the latest, or when one is answered" if rule.limiter.holds else "if none comes meanwhile"
    return f"{none}. The next one passes in {wait} s, {when}."


def _counts(rule: Rule) -> str:
    """What a limit counts, to begin a sentence with."""
    what = "recipients of" if rule.cost == "recipients" else "requests to"
    return f"{rule.name} counts {what} {', '.join(rule.endpoints)}"
