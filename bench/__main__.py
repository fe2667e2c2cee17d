"""Run suites and print each figure beside its reference: as JSON lines, then as a table.

`python -m bench` runs all but the long ones, `python -m bench single arrival` those named. Ratios count: the references
run in turn with the gateway, in the same minutes, on the same cores.
"""

import asyncio
import json
import statistics
import sys
from collections.abc import Callable

from bench import (
    analytics,
    arrival,
    bulk,
    check,
    guests,
    limiter,
    memory,
    overload,
    peers,
    restart,
    status,
    template,
    verify,
    writer,
)  # fmt: skip
from bench.figures import ratio
from bench.load import introduce, wrk
from bench.servers import gateway, reference

ROUNDS = 3
SECONDS = 6


def single() -> list[dict]:
    """One durable send with an idempotency key, judged on stored facts, against a handler that does nothing."""
    ours, theirs, p99 = [], [], []
    with gateway() as server, reference("bare") as bare:
        asyncio.run(introduce(server, 10_000))
        for round_ in range(ROUNDS):
            theirs.append(wrk(bare, 64, SECONDS)["per_second"])
            measured = wrk(server, 64, SECONDS, run=f"s{round_}")
            ours.append(measured["per_second"])
            p99.append(measured["p99_ms"])
    return [ratio("durable send / bare, 64 connections", ours, theirs, 0.30, p99_ms=statistics.median(p99))]


def slow() -> list[dict]:
    """The same on a disk whose fsync takes 2 ms more, against a program that commits for each request."""
    figures = []
    for connections, least in ((64, 12), (256, 15)):
        ours, theirs = [], []
        with gateway(slow_disk=True) as server, reference("one-by-one", slow_disk=True) as one:
            asyncio.run(introduce(server, 2_000))
            for round_ in range(ROUNDS):
                theirs.append(wrk(one, connections, SECONDS)["per_second"])
                ours.append(wrk(server, connections, SECONDS, 2_000, run=f"d{round_}")["per_second"])
        figures.append(ratio(f"durable send / one commit per request, 2 ms fsync, {connections}", ours, theirs, least))
    return figures


def connections() -> list[dict]:
    """A thousand clients that never pause."""
    with gateway() as server:
        asyncio.run(introduce(server, 10_000))
        measured = wrk(server, 1000, 15, run="c")
    good = measured["p99_ms"] <= 150 and measured["max_ms"] <= 1000
    return [{"figure": "1,000 saturating connections, p99 ms", "value": measured["p99_ms"], "at_most": 150,
             "longest_ms": measured["max_ms"], "per_second": measured["per_second"], "reached": good}]  # fmt: skip


SUITES: dict[str, Callable[[], list[dict]]] = {
    "single": single,
    "slow": slow,
    "connections": connections,
    "bulk": bulk.measure,
    "template": template.measure,
    "check": check.measure,
    "status": status.measure,
    "limiter": limiter.measure,
    "writer": writer.measure,
    "arrival": arrival.measure,
    "peers": peers.measure,
    "import": guests.measure,
    "restart": restart.measure,
    "memory": memory.measure,
    "overload": overload.measure,
    "verify": verify.measure,
    "analytics": analytics.measure,
}
LONG = ("peers", "memory", "restart", "verify", "analytics", "overload")


def main(names: list[str]) -> int:
    """Exit 0 when every figure was reached."""
    if strange := set(names) - SUITES.keys():
        print(f"no suite is called {', '.join(sorted(strange))}; there are {', '.join(SUITES)}", file=sys.stderr)
        return 2
    figures = []
    for name in names or [name for name in SUITES if name not in LONG]:
        for figure in SUITES[name]():
            print(json.dumps(figure), flush=True)
            figures.append(figure)
    for figure in figures:
        bound = f">= {figure['at_least']}" if "at_least" in figure else f"<= {figure['at_most']}"
        mark = "reached" if figure["reached"] else "NOT REACHED"
        print(f"{figure['figure']:62} {figure['value']:>9}  {bound:>9}  {mark}")
    return 0 if all(figure["reached"] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
