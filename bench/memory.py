"""Memory at rest, and after a million messages."""

import asyncio
import time

from bench.load import introduce, wrk
from bench.servers import gateway

MESSAGES = 1_000_000
GUESTS = 10_000


def measure() -> list[dict]:
    """Resident MiB of the gateway's process."""
    with gateway() as server:
        time.sleep(1)
        idle = server.memory()
        asyncio.run(introduce(server, GUESTS))
        stored = GUESTS
        while stored < MESSAGES:
            stored += wrk(server, 64, 10, GUESTS, run=f"m{stored}")["requests"]
        time.sleep(2)
        full = server.memory()
    return [
        {"figure": "memory at rest, MiB", "value": round(idle), "at_most": 80, "reached": idle <= 80},
        {
            "figure": f"memory after {stored:,} messages, MiB",
            "value": round(full),
            "at_most": 200,
            "reached": full <= 200,
        },
    ]
