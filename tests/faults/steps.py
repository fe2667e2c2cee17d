"""Kills the way to today's schema before every statement of it, and looks at what is left each time.

`python -m tests.faults.steps FOLDER` prints one JSON object: how often it was killed, and what was wrong afterwards.
With `torn` behind the folder one step is not kept together on purpose, so that there is something to find. A process of
its own, since it forks.
"""

import itertools
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path

import sqlite_utils

from gateway.store import db, schema
from gateway.store.steps import steps

Layout = tuple[list[tuple], list[tuple]]


def one_more(database: sqlite_utils.Database) -> None:
    """Stands in for the next release's step: a column, rows and an index."""
    database.conn.execute("ALTER TABLE guests ADD COLUMN colour TEXT")
    database.conn.execute("INSERT INTO meta VALUES ('colour', 'blue')")
    database.conn.execute("CREATE INDEX guests_by_colour ON guests (colour)")


def main(folder: Path, torn: bool) -> None:
    """Kill before the first statement, before the second, and so on until there is none left to kill it before."""
    steps(name="9999_one_more", transactional=not torn)(one_more)
    schema.VERSION += 1
    wholes = [
        whole(folder / f"whole-{stop}.db", stop) for stop in (*(one.name for one in steps.pending(empty())), None)
    ]
    wrong: list[str] = []
    for number in itertools.count(1):
        path = folder / f"{number}.db"
        if not killed_before(number, path):
            break
        if layout(path) not in wholes:
            wrong.append(f"half a step is left by a kill before statement {number}")
        try:
            schema.create_or_migrate(path)
        except sqlite3.Error as error:
            wrong.append(f"the next start fails after a kill before statement {number}: {error}")
        if layout(path) != wholes[-1]:
            wrong.append(f"the next start does not go on after a kill before statement {number}")
    print(json.dumps({"kills": number - 1, "wrong": wrong}))


def killed_before(number: int, path: Path) -> bool:
    """Whether the way to today's schema was long enough to be killed there."""
    child = os.fork()
    if child == 0:
        schema.connect = mortal(number)
        schema.create_or_migrate(path)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def mortal(number: int):
    """A way to connect that ends the process before the statement of this number."""
    count = itertools.count(1)

    def connect(path: Path) -> sqlite3.Connection:
        connection = db.connect(path)
        connection.set_trace_callback(lambda _: os.kill(os.getpid(), signal.SIGKILL) if next(count) == number else None)
        return connection

    return connect


def whole(path: Path, stop: str | None) -> Layout:
    """What a store looks like that has every step before this one."""
    connection = db.connect(path)
    steps.apply(sqlite_utils.Database(connection, execute_plugins=False), stop_before=stop)
    connection.close()
    return layout(path)


def empty() -> sqlite_utils.Database:
    """A store without any step."""
    return sqlite_utils.Database(memory=True, execute_plugins=False)


def layout(path: Path) -> Layout:
    """The tables and indexes, and the rows a step may have written; without the record of steps itself."""
    connection = db.connect(path)
    shapes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE tbl_name <> '_sqlite_migrations' ORDER BY name"
    )
    made = shapes.fetchall()
    rows = connection.execute("SELECT * FROM meta").fetchall() if made else []
    connection.close()
    return made, rows


if __name__ == "__main__":
    main(Path(sys.argv[1]), "torn" in sys.argv[2:])
