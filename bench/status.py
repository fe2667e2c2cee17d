"""Looking at one message over HTTP, its story and decision from the store, against a handler that does nothing."""

import asyncio
import sqlite3
from contextlib import closing

from bench.figures import ratio
from bench.load import introduce, wrk
from bench.servers import Server, gateway, reference
from gateway import ids

ROUNDS, SECONDS = 3, 6
MESSAGES = 10_000


def measure() -> list[dict]:
    """In turns, over ten thousand messages."""
    ours, theirs = [], []
    with gateway() as server, reference("bare") as bare:
        asyncio.run(introduce(server, MESSAGES))
        listed = listing(server)
        for _ in range(ROUNDS):
            theirs.append(wrk(bare, 64, SECONDS, kind="status", messages=listed)["per_second"])
            ours.append(wrk(server, 64, SECONDS, kind="status", messages=listed)["per_second"])
    return [ratio("message looked at / bare, 64 connections", ours, theirs, 0.55)]


def listing(server: Server) -> str:
    """A file with the ids of all messages there are."""
    file = server.folder / "messages"
    with closing(sqlite3.connect(f"file:{server.folder}/data/gateway.db?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT uuid FROM messages").fetchall()
    file.write_text("".join(f"{ids.public('msg', uuid)}\n" for (uuid,) in rows))
    return str(file)
