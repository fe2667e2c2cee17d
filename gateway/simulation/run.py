"""Lets a trace pass limits."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count

from gateway.clock import rfc3339
from gateway.errors import Invalid, QuotaExceeded
from gateway.limiter import State
from gateway.limits import Limits, Rule, Take
from gateway.limits.accounts import Accounts
from gateway.limits.rule import SECOND, seconds
from gateway.simulation.ask import Ask
from gateway.simulation.report import Report, Slice, Stopped

SLICES = 60
LENGTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)


def simulate(name: str, rules: Iterable[Rule], asks: Sequence[Ask]) -> Report:
    """What becomes of requests, in the order of their times, under rules that are called `name`."""
    run = Run(rules)
    admitted = asyncio.run(run.all(asks))
    slices = _slices(asks, admitted)
    return Report(name, len(asks), sum(admitted), len(asks) - sum(admitted), slices[0], slices[1], run.stopped())


class Run:
    """One passage. It is also the time that limits go by, and it keeps whom they refused."""

    def __init__(self, rules: Iterable[Rule]):
        self._limits = Limits(rules, Accounts(InMemory()), self, self._note)
        self._at = 0
        self._caller = ""
        self._under_way: list[tuple[int, int, list[Take]]] = []
        self._numbers = count()
        self._refused: dict[tuple[str, str], list[tuple[int, int | None, bool]]] = {}

    def now(self) -> int:
        return self._at

    async def all(self, asks: Iterable[Ask]) -> list[bool]:
        """Whether each is admitted."""
        return [await self._one(ask) for ask in asks]

    async def _one(self, ask: Ask) -> bool:
        """One request goes the way it would: the door, the order, the recipients. Refused, it has taken nothing."""
        self._leave(ask.at)
        self._at, self._caller = ask.at, ask.caller
        asking, takes, limits = ask.asking, [], self._limits
        try:
            takes += await limits.at_door(ask.endpoint, asking, wait=False)
            takes += await limits.in_order(ask.endpoint, asking)
            takes += await limits.for_recipients(ask.endpoint, asking, ask.recipients)
        except (QuotaExceeded, Invalid):
            limits.give(takes)
            return False
        if ask.took and any(take.rule.limiter.holds for take in takes):
            heapq.heappush(self._under_way, (ask.at + ask.took, next(self._numbers), takes))
        else:
            limits.leave(takes)
        return True

    def _leave(self, now: int) -> None:
        """Those that have been answered by now hold no place any more."""
        while self._under_way and self._under_way[0][0] <= now:
            self._at, _, takes = heapq.heappop(self._under_way)
            self._limits.leave(takes)

    def _note(self, rule: Rule, _: bytes, now: int, until: int | None) -> None:
        self._refused.setdefault((rule.name, self._caller), []).append((now, until, rule.dry_run))

    def stopped(self) -> list[Stopped]:
        """Whom limits held up, the most often first."""
        found = [
            Stopped(limit, caller, len(times), _moment(times[0][0]), _moment(times[-1][0]),
                    None if any(until is None for _, until, _ in times)
                    else max(seconds(until or 0) for _, until, _ in times), times[0][2])
            for (limit, caller), times in self._refused.items()
        ]  # fmt: skip
        return sorted(found, key=lambda one: (-one.refused, one.limit, one.caller))


class InMemory:
    """A ledger that nothing outlives. Each state is kept as soon as it is there."""

    def __init__(self):
        self._kept: dict[tuple[str, bytes], State] = {}
        self._done: asyncio.Future | None = None

    def latest(self) -> int:
        return 0

    async def state(self, rule: str, account: bytes) -> State | None:
        return self._kept.get((rule, account))

    def keep(self, rule: str, account: bytes, state: State, now: int) -> asyncio.Future:  # noqa: ARG002
        self._kept[rule, account] = state
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
            self._done.set_result(None)
        return self._done

    async def forget(self, rule: str, account: bytes, state: State) -> None:
        if self._kept.get((rule, account)) == state:
            del self._kept[rule, account]

    async def some(self, after: tuple[str, bytes]) -> list[tuple[str, bytes, State]]:
        return sorted((*key, state) for key, state in self._kept.items() if key > after)


def _slices(asks: Sequence[Ask], admitted: Sequence[bool]) -> tuple[int, list[Slice]]:
    """How long a slice is, in seconds, and what became of those that fell into each."""
    first, last = asks[0].at, asks[-1].at
    length = next((one for one in LENGTHS if one * SECOND * SLICES > last - first), None)
    length = length or seconds(last - first) // SLICES + 1
    start = first - first % (length * SECOND)
    counted = Counter(
        ((ask.at - start) // (length * SECOND), passed) for ask, passed in zip(asks, admitted, strict=True)
    )
    return length, [
        Slice(_moment(start + number * length * SECOND), counted[number, True], counted[number, False])
        for number in range((last - start) // (length * SECOND) + 1)
    ]


def _moment(microseconds: int) -> str:
    return rfc3339(microseconds // 1000)
