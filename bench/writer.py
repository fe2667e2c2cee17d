"""The writer: rows a second against the same rows put in by nothing else; the bytes a message of a batch costs."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from bench import bulk
from bench.analytics import KINDS, message
from bench.figures import at_most, ratio
from bench.load import introduce
from bench.servers import Server, gateway
from gateway.clock import SystemClock
from gateway.store import messages, schema
from gateway.store.db import Database, Tx
from gateway.store.messages import NewMessage

ROWS, EACH = 50_000, 250
ROUNDS = 5


def measure() -> list[dict]:
    """Both."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ours, theirs = [], []
        for round_ in range(ROUNDS):
            ours.append(asyncio.run(written(Path(folder) / f"ours{round_}.db")))
            theirs.append(inserted(Path(folder) / f"theirs{round_}.db", Path(folder) / f"ours{round_}.db"))
    return [
        ratio("writer, rows/s / executemany of the same rows", ours, theirs, 0.7),
        at_most("bytes written for a message of a batch", spent(), 1024),
    ]


async def written(path: Path) -> float:
    """Rows a second when messages are given to the writer as bulk gives them: a slice a job, one commit each."""
    schema.create_or_migrate(path)
    rows = [message(at, 1_795_539_600_000 + at, KINDS[at % len(KINDS)]) for at in range(ROWS)]
    db = Database(path, SystemClock(), print)
    db.open()
    began = time.perf_counter()
    for start in range(0, ROWS, EACH):
        await db.write(insert, rows[start : start + EACH])
    took = time.perf_counter() - began
    await db.close()
    return ROWS / took


def insert(tx: Tx, slices: Sequence[list[NewMessage]]) -> list[range]:
    """The work of a slice."""
    return [messages.insert(tx, rows) for rows in slices]


def inserted(path: Path, written: Path) -> float:
    """Rows a second when those very rows go into a table like theirs, as many a commit, by `executemany`."""
    with closing(sqlite3.connect(written)) as store:
        rows = store.execute("SELECT * FROM messages ORDER BY id").fetchall()
        tables = [sql for (sql,) in store.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'messages'") if sql]
    return bulk.insert(path, tables, {"messages": rows}, EACH)


def spent() -> float:
    """Bytes the gateway has the disk write for each message of some batches, until all are on their way: log, copying
    back, audit, keys. Each batch is to the same thousand guests."""
    with gateway() as server:
        asyncio.run(introduce(server, bulk.EACH))
        before = bytes_written(server)
        bulk.sent(server, 0)
        time.sleep(2)  # the log is copied back after a second of rest
        return (bytes_written(server) - before) / (bulk.BULKS * bulk.EACH)


def bytes_written(server: Server) -> int:
    """Bytes that the process has had written to disk."""
    told = Path(f"/proc/{server.process.pid}/io").read_text()
    return int(told.partition("\nwrite_bytes: ")[2].split()[0])
