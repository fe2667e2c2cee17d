"""One SQLite file: one thread that writes and commits in groups, and readers that never wait for it.

A write is a *work*: a plain function `work(tx, items) -> results`, one result per item. Everything that waits when the
writer comes round is run in one transaction, items of the same work together, followed by one fsync; only then do the
callers hear of it. So an answer means that it is on disk, and a thousand callers share the price of one commit.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway import metrics
from gateway.clock import Clock
from gateway.errors import Draining, GatewayError, StorageFailed, StorageFull, Unavailable
from gateway.store import tally
from gateway.store.changes import Changes
from gateway.store.reserve import Reserve

Work = Callable[["Tx", Sequence[Any]], Sequence[Any]]

CACHE_KIB = 8192
READERS = 2
CHECKPOINT_ROWS = 20_000
IDLE_SECONDS = 1.0
LARGE_WAL = 256 << 20
BUSY_MS, SOON_MS = 5000, 100
STRIDES = (32, 8, 2, 1)
"""How many rows one statement inserts: few sizes, so that few statements are prepared."""
BUSY, LOCKED, IOERR, CORRUPT, FULL, NOTADB = 5, 6, 10, 11, 13, 26


@dataclass(slots=True)
class Job:
    """One item waiting for its work, and the future of the caller who waits for it."""

    work: Work
    item: Any
    future: asyncio.Future
    may_use_reserve: bool


@dataclass(slots=True)
class Tx:
    """The open transaction, as works see it. Rows go in at once; audit entries and changes are gathered."""

    connection: sqlite3.Connection
    now: int
    entries: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    changes: list[bytes] = field(default_factory=list)
    leaves_no_trace: bool = False
    """Set by a work whose old pages shall not lie in the log: it is emptied right after the commit, or as soon as
    nobody reads in it any more."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self.connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self.connection.executemany(sql, rows)

    def insert(self, sql: str, parameters: Sequence[Any]) -> int:
        """Insert one row; its id."""
        return self.connection.execute(sql, parameters).lastrowid or 0

    def insert_many(self, into: str, rows: Sequence[Sequence[Any]], otherwise: str = "") -> int:
        """Insert rows `into` a table with its columns named, such as `events (message_id, type)`; `otherwise` may say
        what becomes of one that is there already. The id of the last; those of the others are right before it.

        Many rows go in one statement: Python lets go of its lock once a statement, and every time that happens this
        thread may have to wait until the loop's thread pauses.
        """
        done, last = 0, None
        for size in STRIDES:
            while len(rows) - done >= size:
                last = self.connection.execute(
                    _insert(into, len(rows[0]), size, otherwise),
                    [value for row in rows[done : done + size] for value in row],
                ).lastrowid
                done += size
        return last or 0

    def execute_for(self, sql: str, parameters: Sequence[Any], ids: Sequence[int]) -> None:
        """Run a statement for many rows at once: it ends in `IN`, and the ids follow after the parameters."""
        done = 0
        for size in STRIDES:
            while len(ids) - done >= size:
                self.connection.execute(_for(sql, size), [*parameters, *ids[done : done + size]])
                done += size

    def first(self, sql: str, parameters: Sequence[Any] = ()) -> tuple | None:
        return self.connection.execute(sql, parameters).fetchone()

    def next_id(self, table: str) -> int:
        """The row id the next insert into `table` may use: one above the highest."""
        (highest,) = self.connection.execute(f"SELECT max(id) FROM {table}").fetchone()  # noqa: S608 our own names
        return (highest or 0) + 1

    def audit(self, actor: str, action: str, object_: str, data_hash: bytes) -> None:
        """Add an entry to the audit log, in this very transaction."""
        self.entries.append((actor, action, object_, data_hash))

    def changed(self, blind: bytes) -> None:
        """Tell everyone, right after the commit, that what was known about this address is stale."""
        self.changes.append(blind)


class Database:
    """The store's file. Open it with `open()`, end it with `close()`.

    `before_commit(tx)` may add rows to every transaction, `after_commit(tx)` hears of it in the writer thread,
    `fatal(reason)` is called when storage can no longer be trusted and must not return to business.
    """

    def __init__(self, path: Path, clock: Clock, fatal: Callable[[str], None], reserve: Reserve | None = None):
        self.path, self.clock, self.fatal, self.reserve = path, clock, fatal, reserve
        self.before_commit: Callable[[Tx], None] = lambda tx: None
        self.after_commit: Callable[[Tx], None] = lambda tx: None
        self.broken: str | None = None
        self.changes = Changes()
        self.turn_mark = 0
        """How far the changes had come when the reader's present snapshot was taken, or before."""
        self._jobs: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._waiting: list[Job] = []
        self.waiting = 0
        """How many writes were asked for and are not on disk yet."""
        self._asked: deque[tuple[float, int]] = deque()
        self._in_turn = False
        self._closing = False
        self._rows_since_checkpoint = 0
        self._to_be_emptied = False
        self._wal: tuple[int, int] | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect, and start the writer. The file must exist with its schema."""
        self._loop = asyncio.get_running_loop()
        self._writer = connect(self.path)
        self._writer.execute("PRAGMA temp_store=MEMORY")  # or what a savepoint may undo goes to a file, page by page
        self._turn_reader = connect(self.path, reading=True)
        self._turn_reader.execute("SELECT 1 FROM meta").fetchone()  # opens the WAL, so that it can be watched
        self._opened: list[sqlite3.Connection] = []
        """Those of the readers' threads."""
        self._readers = ThreadPoolExecutor(READERS, "reader", initializer=self._open_reader)
        self._own = threading.local()
        self._wal = self.wal_identity()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Commit what waits, write everything back into the file and let go of it."""
        self._closing = True
        self._hand_over()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        for connection in (*self._opened, self._turn_reader, self._writer):
            connection.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    async def write(self, work: Work, item: Any = None, may_use_reserve: bool = False) -> Any:
        """Have `work` done for `item` and wait until it is on disk. Returns its result, or raises the exception that
        the work returned or raised for it. Raises StorageFull, StorageFailed, Unavailable or Draining when the store
        could not; then nothing of it was kept."""
        result = await self.ask(work, item, may_use_reserve)
        if isinstance(result, Exception):
            raise result
        return result

    def ask(self, work: Work, item: Any = None, may_use_reserve: bool = False) -> asyncio.Future:
        """As `write`, without waiting: the future's result is what `write` returns or raises. What is asked for later
        is on disk no sooner."""
        if self._closing or self.broken:
            raise StorageFailed() if self.broken else Draining()
        job = Job(work, item, self._loop.create_future(), may_use_reserve)
        if not self._waiting:
            self._loop.call_soon(self._hand_over)
        self._waiting.append(job)
        self.waiting += 1
        return job.future

    async def do(self, act: Callable[[Tx], Any], may_use_reserve: bool = False) -> Any:
        """As `write`, for what comes alone and seldom: `act(tx)` is work and item in one."""
        return await self.write(lambda tx, items: [act(tx) for _ in items], may_use_reserve=may_use_reserve)

    def _hand_over(self) -> None:
        """Once per turn of the loop: everything asked for in it goes to the writer together."""
        if self._waiting:
            self._asked.append((self.clock.monotonic(), len(self._waiting)))
            self._jobs.put(self._waiting)
            self._waiting = []

    def _write(self) -> None:
        """The writer thread: take all that waits, commit it, say so."""
        while True:
            jobs = self._next_jobs()
            if jobs is None:
                break
            if jobs:
                self._settle(jobs, self._group(jobs))
            if not jobs or self._rows_since_checkpoint > CHECKPOINT_ROWS:
                self._checkpoint()
        self._checkpoint("TRUNCATE")

    def _next_jobs(self) -> list[Job] | None:
        """All jobs that wait, an empty list after an idle second with something to write back, None at the end."""
        try:
            something = self._rows_since_checkpoint or self._to_be_emptied
            jobs = self._jobs.get(timeout=IDLE_SECONDS if something else None)
        except queue.Empty:
            return []
        while jobs is not None and not self._jobs.empty():
            more = self._jobs.get()
            if more is None:
                self._jobs.put(None)
                break
            jobs = jobs + more
        return jobs

    def _group(self, jobs: list[Job]) -> list[Any]:
        """Run all jobs in one transaction; when the disk is full, only those that may use the reserve."""
        if self.reserve is not None and self.reserve.touched and not self.reserve.fill():
            return self._favoured(jobs, self._transaction)
        try:
            return self._transaction(jobs)
        except sqlite3.Error as error:
            failure = self._judge(error)
        if isinstance(failure, StorageFull) and self.reserve is not None:
            return self._favoured(jobs, self._with_reserve)
        return [failure] * len(jobs)

    def _favoured(self, jobs: list[Job], run: Callable[[list[Job]], list[Any]]) -> list[Any]:
        """Run those that may use the reserve; to the others the disk is full."""
        favoured = [job for job in jobs if job.may_use_reserve]
        try:
            results = iter(run(favoured)) if favoured else iter(())
        except sqlite3.Error as error:
            self._judge(error)
            results = iter(self._with_reserve(favoured))
        return [next(results) if job.may_use_reserve else StorageFull() for job in jobs]

    def _with_reserve(self, jobs: list[Job]) -> list[Any]:
        if self.reserve is None or not self.reserve.release():
            return [StorageFull()] * len(jobs)
        try:
            return self._transaction(jobs)
        except sqlite3.Error as error:
            return [self._judge(error)] * len(jobs)

    def _transaction(self, jobs: list[Job]) -> list[Any]:
        groups: dict[Work, list[int]] = {}
        for index, job in enumerate(jobs):
            groups.setdefault(job.work, []).append(index)
        results: list[Any] = [None] * len(jobs)
        tx = Tx(self._writer, self.clock.now())
        before = self._writer.total_changes
        tx.execute("BEGIN IMMEDIATE")
        try:
            for work, indexes in groups.items():
                outcome = attempt(tx, work, [jobs[index].item for index in indexes])
                for index, result in zip(indexes, outcome, strict=True):
                    results[index] = result
            self.before_commit(tx)
            tx.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                tx.execute("ROLLBACK")
            raise
        self._rows_since_checkpoint += self._writer.total_changes - before
        metrics.COMMITS.observe(len(jobs))
        if tx.changes:
            self.changes.add(tx.changes)
        self.after_commit(tx)
        if tx.leaves_no_trace:
            self._to_be_emptied = True
            self._checkpoint()
        return results

    def _settle(self, jobs: list[Job], results: list[Any]) -> None:
        self._loop.call_soon_threadsafe(self._settled, jobs, results)

    def _settled(self, jobs: list[Job], results: list[Any]) -> None:
        """On the loop's thread: jobs come in the order they were asked for, each turn's together."""
        self.waiting -= len(jobs)
        done = len(jobs)
        while done:
            done -= self._asked.popleft()[1]
        resolve(jobs, results)

    def oldest_wait(self) -> float:
        """Seconds that the oldest write which is not on disk has waited; 0 when there is none."""
        return self.clock.monotonic() - self._asked[0][0] if self._asked else 0.0

    def _judge(self, error: sqlite3.Error) -> GatewayError:
        """What a failed transaction means. Anything that leaves the file in doubt ends the process."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        metrics.STORE_ERRORS.labels(getattr(error, "sqlite_errorname", "unknown")).inc()
        if code == FULL:
            return StorageFull()
        if code == BUSY:
            return Unavailable("Something outside holds the store; try again.", retry_after=5)
        if code in (CORRUPT, NOTADB):
            self.broken = "damaged"
            return StorageFailed()
        if code == IOERR:  # a failed fsync may have lost pages that a second one would report as safe
            self.broken = "failed"
            self.fatal(f"the disk failed ({getattr(error, 'sqlite_errorname', 'SQLITE_IOERR')})")
        return StorageFailed()

    def _checkpoint(self, how: str = "PASSIVE") -> None:
        """Copy the log back into the file, here and nowhere else: SQLite swallows the errors of its automatic ones. To
        empty the log is to wait for readers: long only once it is large."""
        if self.broken:
            return
        self._rows_since_checkpoint = 0
        try:
            large = self.wal_size() > LARGE_WAL
            if self._to_be_emptied or large:
                how = "TRUNCATE"
            self._writer.execute(f"PRAGMA busy_timeout={BUSY_MS if large else SOON_MS}")
            (busy, _, _) = self._writer.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
            self._to_be_emptied = self._to_be_emptied and bool(busy)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (BUSY, LOCKED, FULL):
                self._judge(error)
        finally:
            self._writer.execute(f"PRAGMA busy_timeout={BUSY_MS}")

    # -- reading ------------------------------------------------------------------------------------------------------

    @property
    def reader(self) -> sqlite3.Connection:
        """A connection for look-ups by key, on the loop's own thread, in one snapshot per turn of the loop.

        Only for statements that touch a handful of rows: everything else goes through `read`.
        """
        if not self._in_turn:
            self._in_turn = True
            self.turn_mark = self.changes.mark
            self._turn_reader.execute("BEGIN")
            self._loop.call_soon(self._end_turn)
        return self._turn_reader

    def _end_turn(self) -> None:
        self._in_turn = False
        self._turn_reader.execute("COMMIT")

    async def read(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Run `question(connection, *arguments)` in a reading thread, for whatever looks at more than a few rows."""
        return await self._loop.run_in_executor(self._readers, lambda: question(self._own.connection, *arguments))

    def _open_reader(self) -> None:
        self._own.connection = connect(self.path, reading=True)
        self._opened.append(self._own.connection)

    # -- health -------------------------------------------------------------------------------------------------------

    def wal_size(self) -> int:
        """Bytes of the write-ahead log."""
        with contextlib.suppress(FileNotFoundError):
            return Path(f"{self.path}-wal").stat().st_size
        return 0

    def wal_identity(self) -> tuple[int, int] | None:
        """Which files the log and its index are, to notice that somebody took them away."""
        try:
            return tuple(Path(f"{self.path}{end}").stat().st_ino for end in ("-wal", "-shm"))  # type: ignore[return-value]
        except FileNotFoundError:
            return None

    def check_files(self) -> None:
        """End the process if the log was deleted or replaced under us: SQLite would not notice."""
        if self.wal_identity() != self._wal and not self._closing:
            self.broken = "failed"
            self.fatal("the write-ahead log was taken away while the gateway was running")


def connect(path: Path, reading: bool = False) -> sqlite3.Connection:
    """A connection as every part of the store uses it: explicit transactions, foreign keys, no automatic checkpoint;
    what is deleted is overwritten."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    connection.create_function("plus", 2, tally.plus, deterministic=True)
    if reading:
        connection.execute("PRAGMA query_only=ON")
    return connection


@lru_cache(256)
def _insert(into: str, columns: int, rows: int, otherwise: str) -> str:
    """The statement that inserts so many rows of so many columns."""
    row = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)} {otherwise}"  # noqa: S608 our own tables and question marks


@lru_cache(256)
def _for(sql: str, ids: int) -> str:
    """The statement with a place for so many ids."""
    return f"{sql} ({', '.join('?' * ids)})"


def attempt(tx: Tx, work: Work, items: list[Any]) -> list[Any]:
    """Do the work for all items at once, or, if one of them makes it raise, for each of them apart."""
    kept = len(tx.entries), len(tx.changes)
    tx.execute("SAVEPOINT work")
    try:
        results = list(work(tx, items))
    except sqlite3.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 the work is at fault, or an item is: nobody else shall suffer
        tx.execute("ROLLBACK TO work")
        tx.execute("RELEASE work")
        del tx.entries[kept[0] :], tx.changes[kept[1] :]
        if len(items) == 1:
            return [error]
        return [attempt(tx, work, [item])[0] for item in items]
    tx.execute("RELEASE work")
    return results


def resolve(jobs: list[Job], results: list[Any]) -> None:
    """Wake the callers, on their own loop."""
    for job, result in zip(jobs, results, strict=True):
        if not job.future.done():
            job.future.set_result(result)
