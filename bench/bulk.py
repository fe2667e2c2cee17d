"""Bulk over HTTP, a thousand recipients a request, against putting the same rows into tables like theirs."""

import asyncio
import json
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import aiohttp

from bench.figures import ratio
from bench.load import LATER, introduce
from bench.servers import Server, gateway

EACH = 1000
BULKS = 20
ROUNDS = 3
ORDER = {"channel": "email", "class": "transactional", "category": "booking", "subject": "Your stay",
         "text": "See you on Friday at the gate. " * 26, "declares": {"contains_promotion": False}}  # fmt: skip
TABLES = ("messages", "outbox", "events")
"""Where a message of a batch has a row each."""


def sent(server: Server, round_: int) -> float:
    """Messages a second over some bulks to guests who are known, until all are on their way."""
    began = time.perf_counter()
    asyncio.run(offered(server, round_))
    with closing(sqlite3.connect(f"file:{server.folder}/data/gateway.db?mode=ro", uri=True)) as store:
        while store.execute("SELECT 1 FROM batches WHERE done = 0").fetchone():
            time.sleep(0.002)
    return BULKS * EACH / (time.perf_counter() - began)


async def offered(server: Server, round_: int) -> None:
    """Hand in the bulks, two of them at a time, until all are accepted."""
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
        await asyncio.gather(some(session), some(session))


def inserted(database: Path) -> float:
    """Messages a second when the rows of the last batches go into tables like theirs, a thousand a transaction."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        marks = ", ".join("?" * len(TABLES))
        found = store.execute(f"SELECT sql FROM sqlite_master WHERE tbl_name IN ({marks}) ORDER BY type DESC", TABLES)
        tables = [sql for (sql,) in found if sql]
        rows = {
            table: store.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT ?", (BULKS * EACH,)).fetchall()[::-1]
            for table in TABLES
        }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return insert(Path(folder) / "copy.db", tables, rows, EACH)


def insert(path: Path, tables: list[str], rows: dict[str, list[tuple]], each: int) -> float:
    """Rows of each table a second, as many a transaction, each on disk as the gateway's are."""
    copy = sqlite3.connect(path, isolation_level=None)
    copy.execute("PRAGMA journal_mode=WAL")
    copy.execute("PRAGMA synchronous=FULL")
    for statement in tables:
        copy.execute(statement)
    many = max(map(len, rows.values()))
    began = time.perf_counter()
    for start in range(0, many, each):
        copy.execute("BEGIN IMMEDIATE")
        for table, its in rows.items():
            marks = ", ".join("?" * len(its[0]))
            copy.executemany(f"INSERT INTO {table} VALUES ({marks})", its[start : start + each])
        copy.execute("COMMIT")
    took = time.perf_counter() - began
    copy.close()
    return many / took


def measure() -> list[dict]:
    """The ratio, in turns."""
    ours, theirs = [], []
    with gateway() as server:
        asyncio.run(introduce(server, EACH))
        for round_ in range(ROUNDS):
            ours.append(sent(server, round_))
            theirs.append(inserted(server.folder / "data" / "gateway.db"))
    return [ratio("bulk of 1,000, messages / plain inserts of the same rows", ours, theirs, 0.45)]
