"""Limiters: one decision with 100,000 accounts at hand, against the fastest algorithm of throttled-py; what an account
takes in memory, and what all of it takes of a send."""

import asyncio
import statistics
import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from throttled import MemoryStore, Quota, Rate, RateLimiterType, Throttled

from bench.figures import at_most, ratio
from bench.load import introduce, wrk
from bench.servers import gateway
from gateway import plugins
from gateway.clock import SystemClock
from gateway.limiter import Limiter
from gateway.limits import Asking, LimiterTime, Limits, Rule, StoreLedger
from gateway.limits.accounts import Accounts
from gateway.store import schema
from gateway.store.db import Database

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
    figures = [at_most(f"{name}, {KEYS:,} accounts, ns", 1e9 / median[name], 1000) for name in SUSTAINED]
    stage, size = asyncio.run(at_the_door(kinds["token_bucket"]))
    return [*figures, beside, at_most("an account at hand, bytes", size, 200),
            at_most("limits at the door / processor time of a send", stage / of_a_send(), 0.05)]  # fmt: skip


async def at_the_door(kind: type[Limiter]) -> tuple[float, float]:
    """Everything limits do for a request of a busy caller, in a store of its own: seconds of processor time; and bytes
    an account takes."""
    rule = Rule("send", kind(kind.Settings(1000 * QUOTA, MINUTE, 1000 * QUOTA)), ("api_key",), ["messages.send"])
    with TemporaryDirectory() as folder:
        schema.create_or_migrate(Path(folder) / "store.db")
        db = Database(Path(folder) / "store.db", SystemClock(), lambda *_: None)
        db.open()
        ledger = StoreLedger(db)
        limits = Limits([rule], Accounts(ledger, KEYS), LimiterTime(SystemClock(), 0))
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(KEYS // 10):
            await limits.at_door("messages.send", _caller(number))
        size = (tracemalloc.get_traced_memory()[0] - before) / (KEYS // 10)
        tracemalloc.stop()
        await limits.at_door("messages.send", _caller(0))
        began = time.thread_time()
        for _ in range(KEYS // 10):
            limits.leave(await limits.at_door("messages.send", _caller(0)))
        took = (time.thread_time() - began) / (KEYS // 10)
        await db.close()
    return took, size


def _caller(number: int) -> Asking:
    return Asking({"api_key": number.to_bytes(16)}, frozenset(), "192.0.2.1", lambda fact: fact)


def of_a_send() -> float:
    """Seconds of processor time the gateway spends on one, threads and all."""
    with gateway() as server:
        asyncio.run(introduce(server, 1_000))
        before = server.processor()
        done = wrk(server, 64, 6, 1_000)
        return (server.processor() - before) / done["requests"]
