"""Load from the second core: wrk for requests that are answered one by one, and the guests it writes to."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import aiohttp

from bench.servers import Server

LATER = ',"deliver_at":"2099-01-01T00:00:00Z"'
"""Accepted now, delivered long after the measurement: it is the acceptance that is measured."""


def wrk(
    server: Server,
    connections: int,
    seconds: int,
    guests: int = 10_000,
    extra: str = LATER,
    run: str = "r",
    template: str = "",
) -> dict:
    """Requests a second and their latencies; with a `template`, printed from it."""
    script = Path(__file__).parent / "send.lua"
    env = dict(os.environ) | {
        "KEY": server.key,
        "GUESTS": str(guests),
        "EXTRA": extra,
        "RUN": f"{run}-{os.getpid()}",
        "TEMPLATE": template,
    }
    output = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
         "-s", str(script), server.url],
        env=env, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    result = json.loads(output.partition("RESULT ")[2])
    result["per_second"] = round(result["requests"] / result["seconds"])
    if result["not_202"]:
        raise RuntimeError(f"{result['not_202']} answers were not 202")
    return result


async def introduce(server: Server, guests: int, extra: str = LATER) -> None:
    """Make guests known, by a first message to each."""
    numbers = iter(range(1, guests + 1))

    async def some(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            body = {"channel": "email", "to": {"email": f"guest{number}@example.org", "country": "PT"},
                    "class": "transactional", "subject": "Welcome", "text": "Welcome.",
                    "declares": {"contains_promotion": False}}  # fmt: skip
            raw = json.dumps(body)[:-1] + extra + "}"
            async with session.post(
                f"{server.url}/communications/messages/send", data=raw, headers={"Content-Type": "application/json"}
            ) as answer:
                if answer.status != 202:
                    raise RuntimeError(await answer.text())

    headers = {"Authorization": f"Bearer {server.key}"}
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        await asyncio.gather(*[some(session) for _ in range(64)])
