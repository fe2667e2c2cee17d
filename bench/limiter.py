"""Limiters: one decision with 100,000 accounts at hand, against the fastest algorithm of throttled-py."""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from throttled import MemoryStore, Quota, Rate, RateLimiterType, Throttled

from bench.figures import ratio
from gateway import plugins
from gateway.limiter import Limiter

KEYS, ROUNDS = 100_000, 5
MINUTE = 60_000_000
QUOTA = 100
SUSTAINED = ("token_bucket", "gcra", "leaky_bucket", "fixed_window", "sliding_window")
"""Those that are meant for a hundred thousand accounts; a log of every take and places that are held are not."""


def ours(kind: type[Limiter]) -> Callable[[], None]:
    """One take of each account: the state is found, decided on, and kept."""
    limiter = kind(kind.Settings(QUOTA, MINUTE, QUOTA))
    states: dict = dict.fromkeys(f"caller-{number}" for number in range(KEYS))
    keys = list(states)

    def act() -> None:
        take, nanoseconds = limiter.take, time.time_ns
        for key in keys:
            states[key], _ = take(states[key], nanoseconds() // 1000)

    return act


def theirs(kind: RateLimiterType) -> Callable[[], None]:
    """The same of theirs, with its store large enough for all of them."""
    quota = Quota(Rate(period=timedelta(minutes=1), limit=QUOTA), burst=QUOTA)
    throttle = Throttled(using=kind.value, quota=quota, store=MemoryStore(options={"MAX_SIZE": 2 * KEYS}))
    keys = [f"caller-{number}" for number in range(KEYS)]

    def act() -> None:
        limit = throttle.limit
        for key in keys:
            limit(key)

    return act


def each(act: Callable[[], None]) -> float:
    """How many decisions a second of processor time: nothing here waits, and other programs are not to count."""
    began = time.process_time()
    act()
    return KEYS / (time.process_time() - began)


def measure() -> list[dict]:
    """Each algorithm of ours by itself, and the usual one beside the fastest of theirs."""
    kinds = plugins.find().limiters
    mine = {name: ours(kinds[name]) for name in SUSTAINED}
    others = {kind.value: theirs(kind) for kind in RateLimiterType}
    for act in (*mine.values(), *others.values()):
        act()
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, act in (*mine.items(), *(("throttled-py " + name, act) for name, act in others.items())):
            rates.setdefault(name, []).append(each(act))
    median = {name: statistics.median(found) for name, found in rates.items()}
    fastest = max((name for name in median if name not in mine), key=median.__getitem__)
    beside = ratio(f"a token bucket / {fastest}, their fastest", rates["token_bucket"], rates[fastest], 4)
    return [*(_nanoseconds(name, median[name]) for name in SUSTAINED), beside]


def _nanoseconds(name: str, rate: float) -> dict:
    took = round(1e9 / rate)
    return {"figure": f"{name}, {KEYS:,} accounts, ns", "value": took, "at_most": 1000, "reached": took <= 1000}
