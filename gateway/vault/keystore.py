"""keys.db: every key there is, wrapped. Apart from the store, so that an old backup of the store opens only what may
still be opened today. All SQL about keys is here.

Guests' keys are numbered, and a number is never given twice. Spare ones are written ahead, thousands at once, so that
a new guest costs no second fsync; `high` is written with them, and says which numbers may be in use by now.

A rollback journal, not a log: writes are few, the store of keys is always one file, a destroyed key is overwritten when
its commit returns, and there is no automatic checkpoint, in which SQLite would swallow a failed fsync.
"""

import contextlib
import errno
import os
import re
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import GatewayError, KeyUnusable, NotUsable, StorageFailed, StorageFull, Unavailable
from gateway.vault.master import TODO, Master

PURPOSES = ("index", "links", "apikeys", "requests", "limiter", "venue", "audit", "jwt")
"""One independent random key each. `index` is never replaced; of the others old ones stay for reading."""
SPARE = 2000
OPENED = 20_000
CHECK = b"guest-gateway key check"
SCHEMA = 1
BEYOND = 1 << 63
"""Above every number a row can have."""
_BURIED = re.compile(r"^([0-9]+) destroyed$", re.MULTILINE)

_TABLES = (
    "CREATE TABLE masters (id TEXT PRIMARY KEY, known BLOB NOT NULL) STRICT",
    """
    CREATE TABLE purposes (
        id INTEGER PRIMARY KEY, purpose TEXT NOT NULL, wrapped BLOB NOT NULL, master TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE guest_keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT, wrapped BLOB NOT NULL, master TEXT NOT NULL
    ) STRICT
    """,
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "INSERT INTO marks VALUES ('high', 0)",
    f"PRAGMA user_version = {SCHEMA}",
)


class PurposeKey(NamedTuple):
    """A key with a job: its number, which sealed things name, and its bytes."""

    id: int
    secret: bytes


class KeyStore:
    """The open key store. Safe to use from any thread. `opened`: how many guests' ciphers it keeps at hand."""

    def __init__(self, folder: Path, masters: list[Master], opened: int = OPENED):
        self._folder = folder
        self._masters = {master.id: master for master in masters}
        self._current = masters[0]
        self._lock = threading.Lock()
        self._filling = threading.Lock()
        self._opened: OrderedDict[int, AESGCM] = OrderedDict()
        self._most = opened
        self._spare: dict[int, bytes] = {}
        self._broken = False
        self._db = _connect(folder / "keys.db")

    # -- life ---------------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, master: Master) -> "KeyStore":
        """Make a key store with a fresh key for every purpose, and the first spare keys. It is there whole or not at
        all, whenever the power goes."""
        new = folder / "keys.db.new"
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with contextlib.closing(_connect(new)) as db:
            db.execute("BEGIN")
            for statement in _TABLES:
                db.execute(statement)
            db.executemany(
                "INSERT INTO purposes (purpose, wrapped, master) VALUES (?, ?, ?)",
                [(name, master.wrap(os.urandom(32), b"purpose:" + name.encode()), master.id) for name in PURPOSES],
            )
            db.execute("COMMIT")
        new.rename(folder / "keys.db")
        sync_folder(folder)
        store = cls(folder, [master])
        store.begin(0)
        return store

    @classmethod
    def open(cls, folder: Path, masters: list[Master]) -> "KeyStore":
        """Open it, after seeing that the master key is the right one. Raises KeyUnusable before anything is written."""
        if not (folder / "keys.db").exists():
            raise KeyUnusable("the key store is not there", "put keys.db back beside the master key")
        try:
            store = cls(folder, masters)
        except sqlite3.DatabaseError:
            raise _unreadable() from None
        try:
            store._recognise()
        except sqlite3.DatabaseError:
            store.close()
            raise _unreadable() from None
        except BaseException:
            store.close()
            raise
        return store

    def _recognise(self) -> None:
        """See that schema and master keys fit. Only reads."""
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA:
            raise NotUsable("the key store was written by a newer gateway", "start that one")
        for name, known in self._db.execute("SELECT id, known FROM masters").fetchall():
            if name in self._masters:
                self._masters[name].unwrap(known, b"check")
        used = self._db.execute("SELECT DISTINCT master FROM guest_keys UNION SELECT master FROM purposes").fetchall()
        if any(name not in self._masters for (name,) in used):
            raise KeyUnusable("the master key is not the one this data was sealed with", TODO)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def begin(self, used_up_to: int) -> None:
        """Start to write: destroy again what an older copy of the key store brought back, remember the current master
        key, and hand out keys above everything that may be in use. That is what the store knows of (`used_up_to`),
        what was handed out before the store last forgot (a backup restored, a kill), and what was ever destroyed."""
        check = self._current.wrap(CHECK, b"check")
        with self._lock:
            buried = self.buried()
            self._db.execute("PRAGMA journal_mode=DELETE")
            with self._transaction():
                self._db.executemany("DELETE FROM guest_keys WHERE id = ?", [(number,) for number in buried])
                self._db.execute("INSERT OR IGNORE INTO masters VALUES (?, ?)", (self._current.id, check))
            (high,) = self._db.execute("SELECT value FROM marks WHERE name = 'high'").fetchone()
            self._next = max(used_up_to, high, *buried) + 1
            (self._last,) = self._db.execute("SELECT COALESCE(MAX(id), 0) FROM guest_keys").fetchone()
        self.refill()

    # -- guests' keys -------------------------------------------------------------------------------------------------

    def next_key(self) -> int:
        """The number of a key nobody has. It is on disk already. Raises StorageFull, StorageFailed or Unavailable when
        spare keys ran out and no more could be written."""
        while True:
            with self._lock:
                if self._next <= self._last:
                    self._next += 1
                    return self._next - 1
            self._write_ahead(1)

    def refill(self) -> None:
        """Write spare keys ahead if fewer than half are left. Takes some milliseconds: call it off the loop. Raises as
        `next_key` does; StorageFailed means that the disk failed, and that this store of keys writes no more."""
        self._write_ahead(SPARE // 2)

    def _write_ahead(self, enough: int) -> None:
        """Write spare keys unless there are enough. They are wrapped before the lock is taken: others wait at it."""
        with self._filling:
            if self._last - self._next + 1 >= enough:
                return
            first = max(self._last, self._next - 1) + 1
            spare = {number: os.urandom(32) for number in range(first, first + SPARE)}
            wrap, name = self._current.wrap, self._current.id
            rows = [(number, wrap(secret, b"guest:%d" % number), name) for number, secret in spare.items()]
            with self._lock:
                with self._transaction():
                    self._db.executemany("INSERT INTO guest_keys (id, wrapped, master) VALUES (?, ?, ?)", rows)
                    self._db.execute("UPDATE marks SET value = ? WHERE name = 'high'", (self._next - 1,))
                self._spare |= spare
                self._last = first + SPARE - 1

    def cipher(self, number: int) -> AESGCM | None:
        """The cipher of a guest's key, None if the key was destroyed. Those used last stay at hand."""
        try:
            self._opened.move_to_end(number)
            return self._opened[number]
        except KeyError:  # not at hand, or just now put away by another thread
            return self._unwrapped(number)

    def _unwrapped(self, number: int) -> AESGCM | None:
        with self._lock:
            secret = self._spare.pop(number, None) or self._read(number)
            if secret is None:
                return None
            cipher = self._opened[number] = AESGCM(secret)
            if len(self._opened) > self._most:
                self._opened.popitem(last=False)
        return cipher

    def _read(self, number: int) -> bytes | None:
        row = self._db.execute("SELECT wrapped, master FROM guest_keys WHERE id = ?", (number,)).fetchone()
        return self._masters[row[1]].unwrap(row[0], b"guest:%d" % number) if row else None

    def destroy(self, *numbers: int) -> None:
        """Make everything sealed under these guests' keys unreadable for good, here and in every older backup of the
        store. Tombstones, written first, keep them destroyed when an older copy of the key store comes back, and finish
        the work at the next start if this one is cut short. Costs some fsyncs, however many they are: call it off the
        loop. Raises as `next_key` does."""
        with self._lock:
            self._bury(*numbers)
            with self._transaction():
                self._db.executemany("DELETE FROM guest_keys WHERE id = ?", [(number,) for number in numbers])
                self._db.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'high'", (max(numbers),))
            for number in numbers:
                self._opened.pop(number, None)
                self._spare.pop(number, None)

    def _bury(self, *numbers: int) -> None:
        """Add tombstones. Each starts on a new line and ends in a word: a torn one is none, and spoils no other."""
        try:
            with open(self._folder / "tombstones", "a") as file:  # noqa: PTH123 appended and synced by hand
                file.write("".join(f"\n{number} destroyed\n" for number in numbers))
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self._folder)
        except OSError as error:
            raise StorageFull() if error.errno == errno.ENOSPC else StorageFailed() from None

    def buried(self) -> set[int]:
        """The numbers of all keys that were destroyed on purpose."""
        path = self._folder / "tombstones"
        return {int(number) for number in _BURIED.findall(path.read_text())} if path.exists() else set()

    def check(self, needed: Iterable[int]) -> None:
        """See that every key needed is there or was destroyed on purpose. Raises KeyUnusable with the count."""
        missing = self._missing(sorted(needed))
        if lost := len(missing - self.buried()) if missing else 0:
            raise KeyUnusable(f"the keys of {lost} guests are missing", "restore the newest copy of keys.db")

    def remaining(self, numbers: Iterable[int]) -> list[int]:
        """Those of these keys that are still there."""
        wanted = sorted(numbers)
        missing = self._missing(wanted) if wanted else set()
        return [number for number in wanted if number not in missing]

    def _missing(self, needed: list[int]) -> set[int]:
        """Both sides are walked in order, so that a million keys are never held at once."""
        missing, at = set(), 0
        with self._lock:
            there = self._db.execute("SELECT id FROM guest_keys ORDER BY id")
            for number in needed:
                while at < number:
                    (at,) = next(there, (BEYOND,))
                if at != number:
                    missing.add(number)
        return missing

    # -- keys with a job ----------------------------------------------------------------------------------------------

    def purpose(self, name: str) -> list[PurposeKey]:
        """The keys of a purpose, the current one first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, wrapped, master FROM purposes WHERE purpose = ? ORDER BY id DESC", (name,)
            ).fetchall()
        label = b"purpose:" + name.encode()
        return [PurposeKey(number, self._masters[master].unwrap(wrapped, label)) for number, wrapped, master in rows]

    def renew(self, name: str) -> None:
        """Draw a new key for a purpose: it is the current one from now on, the old ones stay. Raises as `next_key`."""
        wrapped = self._current.wrap(os.urandom(32), b"purpose:" + name.encode())
        with self._lock, self._transaction():
            self._db.execute(
                "INSERT INTO purposes (purpose, wrapped, master) VALUES (?, ?, ?)", (name, wrapped, self._current.id)
            )

    def masters_in_use(self) -> dict[str, int]:
        """How many keys each master key wraps."""
        with self._lock:
            return dict(
                self._db.execute(
                    "SELECT master, count(*) FROM (SELECT master FROM guest_keys UNION ALL SELECT master FROM purposes)"
                    " GROUP BY master"
                ).fetchall()
            )

    # -- writing ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE … COMMIT, or ROLLBACK and an error the doors know."""
        if self._broken:
            raise StorageFailed()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._judge(error) from None
        finally:
            if self._db.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")

    def _judge(self, error: sqlite3.Error) -> GatewayError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StorageFull()
        if code == sqlite3.SQLITE_BUSY:
            return Unavailable("Something outside holds the key store; try again.")
        self._broken = True  # a failed fsync may have lost pages that a second one would report as safe
        return StorageFailed()


def _connect(path: Path) -> sqlite3.Connection:
    """Writes nothing. EXTRA also syncs the folder after a commit: else a power cut could bring the journal back, and
    with it the time before the commit."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("busy_timeout=5000", "synchronous=EXTRA", "secure_delete=ON", "cache_size=-1024"):
            db.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _unreadable() -> KeyUnusable:
    return KeyUnusable("the key store cannot be read", "check its owner, or restore the newest copy of keys.db")


def sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
