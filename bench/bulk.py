"""Bulk over HTTP, a thousand recipients a request, against putting the same rows into a table like theirs."""

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from bench.load import LATER, introduce
from bench.servers import Server, gateway

EACH = 1000
BULKS = 20
ROUNDS = 3
ORDER = {"channel": "email", "class": "transactional", "category": "booking", "subject": "Your stay",
         "text": "See you on Friday at the gate. " * 26, "declares": {"contains_promotion": False}}  # fmt: skip


async def _sent(server: Server, round_: int) -> float:
    """Messages a second over some bulks to guests who are known, two of them at a time."""
    people = [{"to": f"guest{number}@example.org", "metadata": {"table": str(number)}} for number in range(1, EACH + 1)]
    body = json.dumps(ORDER | {"recipients": people})[:-1] + LATER + "}"
    numbers = iter(range(BULKS))
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}

    async def some(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            own = headers | {"Idempotency-Key": f"bulk-{round_}-{number}"}
            async with session.post(f"{server.url}/communications/messages/bulk", data=body, headers=own) as answer:
                told = await answer.json()
                if answer.status != 202 or told["accepted"] != EACH:
                    raise RuntimeError(told)

    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        await asyncio.gather(some(session), some(session))
        return BULKS * EACH / (time.perf_counter() - began)


def _inserted(database: Path) -> float:
    """Rows a second when the last batches' rows go into a table like theirs, a thousand a transaction."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
        statements = [
            sql for (sql,) in store.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'messages'") if sql
        ]
        rows = store.execute("SELECT * FROM messages ORDER BY id DESC LIMIT ?", (BULKS * EACH,)).fetchall()[::-1]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        copy = sqlite3.connect(Path(folder) / "copy.db", isolation_level=None)
        copy.execute("PRAGMA journal_mode=WAL")
        copy.execute("PRAGMA synchronous=FULL")
        for statement in statements:
            copy.execute(statement)
        insert = f"INSERT INTO messages VALUES ({', '.join('?' * len(rows[0]))})"
        began = time.perf_counter()
        for start in range(0, len(rows), EACH):
            copy.execute("BEGIN IMMEDIATE")
            copy.executemany(insert, rows[start : start + EACH])
            copy.execute("COMMIT")
        took = time.perf_counter() - began
        copy.close()
    return len(rows) / took


def measure() -> list[dict]:
    """The ratio, in turns."""
    ours, theirs = [], []
    with gateway() as server:
        asyncio.run(introduce(server, EACH))
        for round_ in range(ROUNDS):
            ours.append(asyncio.run(_sent(server, round_)))
            theirs.append(_inserted(server.folder / "data" / "gateway.db"))
    value = statistics.median(ours) / statistics.median(theirs)
    return [{"figure": "bulk of 1,000, messages / plain inserts", "value": round(value, 3), "at_least": 0.45,
             "ours": round(statistics.median(ours)), "reference": round(statistics.median(theirs)),
             "reached": value >= 0.45}]  # fmt: skip
