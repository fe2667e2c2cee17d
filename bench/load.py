"""Load from the second core: wrk for requests that are answered one by one, and the guests it writes to."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
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
    kind: str = "send",
    messages: str = "",
    refusals: bool = False,
) -> dict:
    """Requests a second of a kind (see `requests.lua`) and their latencies. `messages`: a file of ids to look at. With
    `refusals` there may be some; they do not count as requests a second."""
    script = Path(__file__).parent / "requests.lua"
    env = dict(os.environ) | {
        "KEY": server.key,
        "GUESTS": str(guests),
        "EXTRA": extra,
        "RUN": f"{run}-{os.getpid()}",
        "KIND": kind,
        "MESSAGES": messages,
    }
    output = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
         "-s", str(script), server.url],
        env=env, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    result = json.loads(output.partition("RESULT ")[2])
    result["per_second"] = round((result["requests"] - result["refused"]) / result["seconds"])
    if result["refused"] and not refusals:
        raise RuntimeError(f"{result['refused']} answers to {kind} were refusals")
    return result


async def offer(port: int, requests: Iterator[bytes], connections: int = 64) -> None:
    """Send ready-made HTTP requests over some kept connections; each must be answered 202."""

    async def some() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202 "):
                raise RuntimeError(head.decode())
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]))
        writer.close()

    await asyncio.gather(*[some() for _ in range(connections)])


def request(path: str, body: dict, **headers: str) -> bytes:
    """A POST as it goes over the wire; underscores in the names of headers stand for hyphens."""
    raw = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(raw)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + raw


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
