"""The writer thread, its groups, and what becomes of those whose work fails."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from gateway.clock import SystemClock
from gateway.errors import Conflict, Draining, StorageFailed, StorageFull
from gateway.store import schema
from gateway.store.db import Database, connect
from gateway.store.reserve import SLICE, Reserve


@pytest.fixture
async def db(tmp_path):
    """An open store; what it holds fatal is collected in `db.ends`."""
    path = tmp_path / "gateway.db"
    schema.create_or_migrate(path)
    ends = []
    database = Database(path, SystemClock(), ends.append)
    database.ends = ends
    database.open()
    yield database
    await database.close()


def note(tx, items):
    """A work that writes each item down."""
    tx.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", items)
    return [name for name, _ in items]


def count(connection):
    return connection.execute("SELECT count(*) FROM meta").fetchone()[0]


async def test_an_answer_means_that_it_is_on_disk(db):
    """What was answered can be read by another connection, and the answers come back to whom they belong."""
    names = await asyncio.gather(*[db.write(note, (f"n{number}", "x")) for number in range(50)])
    assert names == [f"n{number}" for number in range(50)]
    with closing(connect(db.path, reading=True)) as other:
        assert count(other) == 50
    assert await db.read(count) == 50


async def test_what_comes_together_is_committed_together(db):
    """Fifty writes of one turn of the loop share a few commits, not fifty."""
    commits = []
    db.after_commit = commits.append
    await asyncio.gather(*[db.write(note, (f"n{number}", "x")) for number in range(50)])
    assert 1 <= len(commits) <= 3


async def test_what_leaves_no_trace_empties_the_log_as_soon_as_nobody_reads(db):
    """At once where nobody reads; while somebody does, the work is done all the same and the log is emptied after."""

    def quietly(tx):
        tx.leaves_no_trace = True
        note(tx, [(f"n{tx.now}", "x")])

    await db.write(note, ("before", "x"))
    assert db.wal_size() > 0
    await db.do(quietly)
    assert db.wal_size() == 0
    await db.write(note, ("again", "x"))
    other = connect(db.path, reading=True)
    other.execute("BEGIN")
    assert count(other) == 3
    await asyncio.sleep(0.002)
    await db.do(quietly)
    assert db.wal_size() > 0
    assert count(db.reader) == 4
    other.execute("COMMIT")
    for _ in range(100):
        if db.wal_size() == 0:
            break
        await asyncio.sleep(0.05)
    assert db.wal_size() == 0
    other.close()


async def test_one_bad_item_does_not_harm_its_neighbours(db):
    """An item the database refuses fails alone; the others of the same group are kept."""
    results = await asyncio.gather(
        *[db.write(note, (name, "x")) for name in ("a", "b", "a", "c")], return_exceptions=True
    )
    assert [result for result in results if isinstance(result, str)] == ["a", "b", "c"]
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert count(db.reader) == 3


async def test_a_work_may_refuse_by_raising(db):
    """What a work raises reaches its caller, and nothing of it stays: neither rows nor audit entries nor changes."""

    def refuse(tx, items):
        tx.audit("somebody", "did", "that", b"")
        tx.changed(b"x")
        note(tx, [("half", "done")])
        raise Conflict()

    seen = []
    db.before_commit = lambda tx: seen.append((list(tx.entries), list(tx.changes)))
    with pytest.raises(Conflict):
        await db.write(refuse, None)
    assert seen == [([], [])]
    assert count(db.reader) == 0
    assert await db.write(note, ("whole", "done")) == "whole"


async def test_a_reader_sees_one_moment_per_turn_and_the_newest_in_the_next(db):
    """What was committed is there for the next turn of the loop."""
    assert count(db.reader) == 0
    await db.write(note, ("a", "x"))
    assert count(db.reader) == 1


async def test_readers_cannot_write(db):
    """The readers' connections refuse to write; the writer's does not."""
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.reader.execute("DELETE FROM meta")
    assert await db.write(note, ("a", "x")) == "a"


async def test_a_failed_fsync_ends_the_process_and_acknowledges_nothing(db):
    """An I/O error at the commit is fatal at once, and every later write is refused."""

    def broken(tx, items):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error

    with pytest.raises(StorageFailed):
        await db.write(broken)
    assert db.ends == ["the disk failed (SQLITE_IOERR_FSYNC)"]
    with pytest.raises(StorageFailed):
        await db.write(note, ("a", "x"))


async def test_on_a_full_disk_the_favoured_use_the_reserve(db, tmp_path):
    """Ordinary writes are refused, a stop is written; afterwards both work again."""
    db.reserve = Reserve(tmp_path / "reserve", 2 * SLICE)
    assert db.reserve.fill()

    def full(tx, items):
        if (tmp_path / "reserve").stat().st_size == 2 * SLICE:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
            raise error
        return note(tx, items)

    ordinary, stop = await asyncio.gather(
        db.write(full, ("ordinary", "x")), db.write(full, ("stop", "x"), may_use_reserve=True), return_exceptions=True
    )
    assert isinstance(ordinary, StorageFull)
    assert stop == "stop"
    assert not db.ends
    assert await db.write(note, ("later", "x")) == "later"


async def test_what_was_given_up_of_the_reserve_is_not_for_everyone(db, tmp_path):
    """Until the reserve is whole again only a stop is written, though there is room; then everything is."""
    db.reserve = Reserve(tmp_path / "reserve", 2 * SLICE)
    db.reserve.fill()
    db.reserve.release()
    db.reserve.size = 1 << 60  # no disk has so much
    with pytest.raises(StorageFull):
        await db.write(note, ("ordinary", "x"))
    assert await db.write(note, ("stop", "x"), may_use_reserve=True) == "stop"
    db.reserve.size = 2 * SLICE
    assert await db.write(note, ("ordinary", "x")) == "ordinary"


async def test_a_closing_store_takes_nothing_new(tmp_path):
    """After close the answer is `draining`; what was asked for before is on disk."""
    path = tmp_path / "gateway.db"
    schema.create_or_migrate(path)
    database = Database(path, SystemClock(), lambda reason: None)
    database.open()
    last = asyncio.ensure_future(database.write(note, ("last", "x")))
    await asyncio.sleep(0)
    await database.close()
    assert await last == "last"
    with pytest.raises(Draining):
        await database.write(note, ("after", "x"))
    with closing(connect(path, reading=True)) as other:
        assert count(other) == 1


async def test_a_stolen_log_is_noticed(db):
    """SQLite would go on writing into a deleted log; the gateway ends instead."""
    db.check_files()
    assert not db.ends
    (db.path.parent / "gateway.db-wal").unlink()
    db.check_files()
    assert db.ends
