"""What the gateway is held against: an aiohttp handler that does nothing, and one that commits for each request."""

import sqlite3
import sys
from pathlib import Path

import uvloop
from aiohttp import web


async def ready(_: web.Request) -> web.Response:
    """Somebody is here."""
    return web.Response(text="ok")


def bare(size: int, status: int = 200):
    """A handler that reads the body and answers with as many bytes as the gateway does."""
    answer = b"x" * size

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, body=answer, content_type="application/json")

    return handle


def one_by_one(folder: str):
    """Write each body down and commit it by itself, as the straightforward program would."""
    db = sqlite3.connect(Path(folder) / "one.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, body BLOB)")

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO messages (body) VALUES (?)", (body,))
        db.execute("COMMIT")
        return web.Response(status=202, body=b"x" * 420, content_type="application/json")

    return handle


def main(name: str, port: str, folder: str) -> None:
    """Serve one of them until the process is ended."""
    app = web.Application()
    app.router.add_get("/health/ready", ready)
    app.router.add_post("/communications/messages/send", bare(420, 202) if name == "bare" else one_by_one(folder))
    app.router.add_post("/communications/compliance/check", bare(182))
    app.router.add_get("/communications/messages/{id}", bare(870))
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
