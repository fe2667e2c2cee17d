"""Memory at rest, and how it grows up to a million messages."""

import asyncio
import sys
import time

from bench.figures import at_most
from bench.load import introduce, wrk
from bench.servers import Server, gateway

MESSAGES, FULL_CACHE = 1_000_000, 50_000
GUESTS = 10_000


def measure() -> list[dict]:
    """Resident MiB of the gateway's process; SQLite's own cache is full long before message 50,000."""
    with gateway() as server:
        time.sleep(1)
        idle = server.memory()
        asyncio.run(introduce(server, GUESTS))
        early, stored = fill(server, GUESTS, FULL_CACHE)
        full, stored = fill(server, stored, MESSAGES)
    return [
        at_most("memory at rest, MiB", idle, 80),
        at_most(f"memory after {stored:,} messages, MiB", full, 200),
        at_most("growth after message 50,000, MiB", full - early, 32),
    ]


def fill(server: Server, stored: int, until: int) -> tuple[float, int]:
    """Send until so many are stored; the memory then, and how many there are."""
    while stored < until:
        stored += wrk(server, 64, 10, GUESTS, run=f"m{stored}")["requests"]
        print(f"{stored:,} messages: {server.memory():.0f} MiB", file=sys.stderr, flush=True)
    time.sleep(2)
    return server.memory(), stored
