"""keys.db: every key there is, wrapped. Apart from the store, so that an old backup of the store opens only what may
still be opened today. All SQL about keys is here.

Guests' keys are numbered, and a number is never given twice. Spare ones are written ahead, thousands at once, so that
a new guest costs no second fsync; `high` is written with them, and says which numbers may be in use by now.
"""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import KeyUnusable
from gateway.vault.master import TODO, Master

PURPOSES = ("index", "links", "apikeys", "requests", "limiter", "venue", "audit", "jwt")
"""One independent random key each. `index` is never replaced; of the others old ones stay for reading."""
SPARE = 2000
OPENED = 20_000
CHECK = b"guest-gateway key check"

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
)


class PurposeKey(NamedTuple):
    """A key with a job: its number, which sealed things name, and its bytes."""

    id: int
    secret: bytes


class KeyStore:
    """The open key store. Safe to use from any thread."""

    def __init__(self, folder: Path, masters: list[Master]):
        self._folder = folder
        self._masters = {master.id: master for master in masters}
        self._current = masters[0]
        self._lock = threading.Lock()
        self._opened: OrderedDict[int, AESGCM] = OrderedDict()
        self._db = _connect(folder / "keys.db")

    # -- life ---------------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, master: Master) -> "KeyStore":
        """Make a key store with a fresh key for every purpose, and the first spare keys."""
        handle = os.open(folder / "keys.db", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        os.close(handle)
        store = cls(folder, [master])
        with store._lock, store._transaction():
            for statement in _TABLES:
                store._db.execute(statement)
            store._db.execute("INSERT INTO masters VALUES (?, ?)", (master.id, master.wrap(CHECK, b"check")))
            for purpose in PURPOSES:
                store._db.execute(
                    "INSERT INTO purposes (purpose, wrapped, master) VALUES (?, ?, ?)",
                    (purpose, master.wrap(os.urandom(32), b"purpose:" + purpose.encode()), master.id),
                )
        store.begin(0)
        return store

    @classmethod
    def open(cls, folder: Path, masters: list[Master]) -> "KeyStore":
        """Open it, after seeing that the master key is the right one. Raises KeyUnusable before anything is written."""
        if not (folder / "keys.db").exists():
            raise KeyUnusable("the key store is not there", "put keys.db back beside the master key")
        store = cls(folder, masters)
        try:
            known = dict(store._db.execute("SELECT id, known FROM masters").fetchall())
        except sqlite3.DatabaseError:
            raise KeyUnusable("the key store is damaged", "restore keys.db from its newest copy") from None
        for name, check in known.items():
            if name in store._masters:
                store._masters[name].unwrap(check, b"check")
        used = {
            name
            for (name,) in store._db.execute("SELECT DISTINCT master FROM guest_keys UNION SELECT master FROM purposes")
        }
        if used - store._masters.keys():
            raise KeyUnusable("the master key is not the one this data was sealed with", TODO)
        return store

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def begin(self, used_up_to: int) -> None:
        """Start handing out keys above everything that may be in use: what the store knows of, and what was handed
        out before the store last forgot (a backup restored, a kill)."""
        with self._lock:
            (high,) = self._db.execute("SELECT value FROM marks WHERE name = 'high'").fetchone()
            self._next = max(used_up_to, high) + 1
            (self._last,) = self._db.execute("SELECT COALESCE(MAX(id), 0) FROM guest_keys").fetchone()
        self.refill()

    # -- guests' keys -------------------------------------------------------------------------------------------------

    def next_key(self) -> int:
        """The number of a key nobody has. It is on disk already."""
        with self._lock:
            if self._next > self._last:
                self._write_ahead(SPARE)
            number = self._next
            self._next += 1
            return number

    def refill(self) -> None:
        """Write spare keys ahead if fewer than half are left. Takes some milliseconds: call it off the loop."""
        with self._lock:
            if self._last - self._next + 1 < SPARE // 2:
                self._write_ahead(SPARE)

    def _write_ahead(self, count: int) -> None:
        first = max(self._last, self._next - 1) + 1
        rows = [
            (number, self._current.wrap(os.urandom(32), b"guest:%d" % number), self._current.id)
            for number in range(first, first + count)
        ]
        with self._transaction():
            self._db.executemany("INSERT INTO guest_keys (id, wrapped, master) VALUES (?, ?, ?)", rows)
            self._db.execute("UPDATE marks SET value = ? WHERE name = 'high'", (self._next - 1,))
        self._last = first + count - 1

    def cipher(self, number: int) -> AESGCM | None:
        """The cipher of a guest's key, None if the key was destroyed. The last 20,000 stay opened."""
        found = self._opened.get(number)
        if found is not None:
            return found
        with self._lock:
            row = self._db.execute("SELECT wrapped, master FROM guest_keys WHERE id = ?", (number,)).fetchone()
            if row is None:
                return None
            cipher = AESGCM(self._masters[row[1]].unwrap(row[0], b"guest:%d" % number))
            self._opened[number] = cipher
            if len(self._opened) > OPENED:
                self._opened.popitem(last=False)
        return cipher

    def destroy(self, number: int) -> None:
        """Make everything sealed under a guest's key unreadable for good, here and in every older backup of the store.
        A tombstone keeps it destroyed when an older copy of the key store comes back."""
        with self._lock:
            with open(self._folder / "tombstones", "a") as file:  # noqa: PTH123 appended and synced by hand
                file.write(f"{number}\n")
                file.flush()
                os.fsync(file.fileno())
            with self._transaction():
                self._db.execute("DELETE FROM guest_keys WHERE id = ?", (number,))
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._opened.pop(number, None)

    def check(self, needed: Iterable[int]) -> None:
        """See that every key needed is there or was destroyed on purpose. Raises KeyUnusable with the count."""
        with self._lock:
            have = {number for (number,) in self._db.execute("SELECT id FROM guest_keys")}
        missing = [number for number in needed if number not in have]
        if missing:
            buried = self._tombstones()
            if lost := sum(number not in buried for number in missing):
                raise KeyUnusable(f"the keys of {lost} guests are missing", "restore the newest copy of keys.db")

    def _tombstones(self) -> set[int]:
        path = self._folder / "tombstones"
        return {int(line) for line in path.read_text().split()} if path.exists() else set()

    # -- keys with a job ----------------------------------------------------------------------------------------------

    def purpose(self, name: str) -> list[PurposeKey]:
        """The keys of a purpose, the current one first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, wrapped, master FROM purposes WHERE purpose = ? ORDER BY id DESC", (name,)
            ).fetchall()
        label = b"purpose:" + name.encode()
        return [PurposeKey(number, self._masters[master].unwrap(wrapped, label)) for number, wrapped, master in rows]

    def masters_in_use(self) -> dict[str, int]:
        """How many keys each master key wraps."""
        with self._lock:
            return dict(
                self._db.execute(
                    "SELECT master, count(*) FROM (SELECT master FROM guest_keys UNION ALL SELECT master FROM purposes)"
                    " GROUP BY master"
                ).fetchall()
            )

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("ROLLBACK" if kind else "COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "busy_timeout=5000", "cache_size=-1024"):
        db.execute(f"PRAGMA {pragma}")
    return db
