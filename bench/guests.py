"""How fast a list of guests is taken in, and whether sends beside it notice."""

import asyncio
import io
import time

import aiohttp

from bench.load import LATER, introduce
from bench.servers import Server, gateway

ROWS = 50_000


def measure() -> list[dict]:
    """Rows a second of a list of new guests with e-mail, phone, name and tags; the longest send meanwhile."""
    with gateway() as server:
        asyncio.run(introduce(server, 1))
        seconds, longest = asyncio.run(take_in(server))
    speed = ROWS / seconds
    return [
        {"figure": "guests imported, rows/s", "value": round(speed), "at_least": 2000, "reached": speed >= 2000},
        {"figure": "longest send beside an import, ms", "value": round(longest), "at_most": 500,
         "reached": longest <= 500},
    ]  # fmt: skip


async def take_in(server: Server) -> tuple[float, float]:
    """Seconds for the list, and milliseconds of the slowest of the sends that were made one after the other."""
    lines = "".join(f"Guest {n},list{n}@example.org,+3519{n:08d},PT,vip bride\n" for n in range(ROWS))
    headers = {"Authorization": f"Bearer {server.key}"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        waits: list[float] = []
        sends = asyncio.create_task(keep_sending(session, server, waits))
        began = time.monotonic()
        table = io.BytesIO(f"name,email,phone,country,tags\n{lines}".encode())
        url = f"{server.url}/communications/guests/import"
        async with session.post(url, data=table, headers={"Content-Type": "text/csv"}) as answer:
            report = await answer.json()
        seconds = time.monotonic() - began
        sends.cancel()
    if report.get("created") != ROWS:
        raise RuntimeError(f"not all of the list was stored: {report}")
    return seconds, max(waits) * 1000


async def keep_sending(session: aiohttp.ClientSession, server: Server, waits: list[float]) -> None:
    """A send every tenth of a second; how long each waited."""
    order = '{"channel":"email","to":"guest1@example.org","class":"transactional","subject":"Hi","text":"Hi"'
    body = order + LATER + "}"
    while True:
        began = time.monotonic()
        url, headers = f"{server.url}/communications/messages/send", {"Content-Type": "application/json"}
        async with session.post(url, data=body, headers=headers) as answer:
            await answer.read()
        waits.append(time.monotonic() - began)
        await asyncio.sleep(0.1)
