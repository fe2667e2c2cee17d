"""Memory at rest, how it grows up to a million messages, and what the largest request takes."""

import asyncio
import json
import sys
import time
import urllib.request

from bench.bulk import ORDER
from bench.figures import at_most
from bench.load import introduce, wrk
from bench.servers import Server, gateway

MESSAGES, FULL_CACHE = 1_000_000, 50_000
GUESTS = 10_000
RECIPIENTS, VARIABLE = 50_000, "x" * 590


def measure() -> list[dict]:
    """Resident MiB of the gateway's process; SQLite's own cache is full long before message 50,000."""
    with gateway() as server:
        time.sleep(1)
        idle = server.memory()
        asyncio.run(introduce(server, GUESTS))
        early, stored = fill(server, GUESTS, FULL_CACHE)
        full, stored = fill(server, stored, MESSAGES)
    with gateway() as server:
        largest = rehearse(server)
    return [
        at_most("memory at rest, MiB", idle, 80),
        at_most(f"memory after {stored:,} messages, MiB", full, 200),
        at_most("growth after message 50,000, MiB", full - early, 32),
        at_most("a bulk of 50,000 in 32 MiB, growth at its peak, MiB", largest, 128),
    ]


def fill(server: Server, stored: int, until: int) -> tuple[float, int]:
    """Send until so many are stored; the memory then, and how many there are."""
    while stored < until:
        stored += wrk(server, 64, 10, GUESTS, run=f"m{stored}")["requests"]
        print(f"{stored:,} messages: {server.memory():.0f} MiB", file=sys.stderr, flush=True)
    time.sleep(2)
    return server.memory(), stored


def rehearse(server: Server) -> float:
    """Rehearse a bulk as large as it may be; by how much the memory was larger at most."""
    people = [{"to": f"guest{number}@example.org", "variables": {"x": VARIABLE}} for number in range(RECIPIENTS)]
    body = json.dumps(ORDER | {"recipients": people, "dry_run": True}, separators=(",", ":")).encode()
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    time.sleep(1)
    before = server.memory()
    server.forget_peak()
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/communications/messages/bulk", body, headers)).read()
    return server.memory("VmHWM") - before
