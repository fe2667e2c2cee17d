"""The audit log's rows, the signed checkpoints over them, and how far each place outside has these."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.clock import rfc3339
from gateway.store.db import Tx


def append(tx: Tx, rows: Sequence[tuple[int, bytes]], tiles: Sequence[tuple[int, bytes]]) -> None:
    """Write entries (seq, canonical bytes), and the hashes of the tiles they fill, which are numbered from 0."""
    tx.insert_many("audit (seq, entry)", rows)
    tx.insert_many("audit_tiles (number, hash)", tiles)


def since(reader: sqlite3.Connection, seq: int) -> list[bytes]:
    """The entries after number `seq`, in order."""
    return [entry for (entry,) in reader.execute("SELECT entry FROM audit WHERE seq > ? ORDER BY seq", (seq,))]


def between(reader: sqlite3.Connection, first: int, last: int) -> list[bytes]:
    """The entries from number `first` to number `last`, both included, in order."""
    rows = reader.execute("SELECT entry FROM audit WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last))
    return [entry for (entry,) in rows]


def last(reader: sqlite3.Connection) -> tuple[int, bytes] | None:
    """The newest entry."""
    return reader.execute("SELECT seq, entry FROM audit ORDER BY seq DESC LIMIT 1").fetchone()


def tiles(reader: sqlite3.Connection, count: int) -> list[bytes]:
    """The hashes of the first `count` tiles."""
    rows = reader.execute("SELECT hash FROM audit_tiles WHERE number < ? ORDER BY number", (count,))
    return [hash_ for (hash_,) in rows]


# -- looked through ----------------------------------------------------------------------------------------------------

WHEN = "rtrim(CAST(substr(entry, instr(entry, CAST('\"ts\":\"' AS BLOB)) + 6) AS TEXT), 'Z\"}')"
"""The time of an entry, so that text sorts as time does."""
FILTERS = {
    "actor": ("instr(entry, ?) > 0", lambda said: f'"actor":"{said}"'.encode()),
    "action": ("instr(entry, ?) > 0", lambda said: f'"action":"{said}{"" if "." in said else "."}'.encode()),
    "object": ("instr(entry, ?) > 0", lambda said: f'"object":"{said}"'.encode()),
    "from": (f"{WHEN} >= ?", lambda said: rfc3339(said).removesuffix("Z")),
    "to": (f"{WHEN} < ?", lambda said: rfc3339(said).removesuffix("Z")),
    "before": ("seq < ?", lambda said: said),
    "after": ("seq > ?", lambda said: said),
}
"""What entries can be narrowed by, and how that is looked for. An action without a dot is a family of them. There is no
index: it would cost every message something, and a million entries are looked through in a moment."""


def search(reader: sqlite3.Connection, wanted: Mapping[str, Any], limit: int) -> list[bytes]:
    """The newest entries that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where, values = _where(wanted)
    rows = reader.execute(f"SELECT entry FROM audit {where} ORDER BY seq DESC LIMIT ?", (*values, limit))  # noqa: S608
    return [entry for (entry,) in rows]


def of_object(reader: sqlite3.Connection, public: str, at: int) -> int | None:
    """The number of the first entry about an object that came to be then (ms), give or take a minute; None where there
    is none. The place is found by halves, since entries stand in the order of time."""
    first = _first_since(reader, rfc3339(at - 60_000).removesuffix("Z"))
    row = reader.execute(
        "SELECT seq FROM audit WHERE seq >= ? AND seq < ? AND instr(entry, ?) > 0 ORDER BY seq LIMIT 1",
        (first, _first_since(reader, rfc3339(at + 60_000).removesuffix("Z")), f'"object":"{public}"'.encode()),
    ).fetchone()
    return row[0] if row else None


def _first_since(reader: sqlite3.Connection, moment: str) -> int:
    """The number of the first entry that is not older, one after the last where there is none."""
    newest = last(reader)
    low, high = 1, newest[0] + 1 if newest else 1
    while low < high:
        middle = (low + high) // 2
        sql = f"SELECT {WHEN} < ? FROM audit WHERE seq = ?"  # noqa: S608 our own expression
        (older,) = reader.execute(sql, (moment, middle)).fetchone()
        low, high = (middle + 1, high) if older else (low, middle)
    return low


def walk(reader: sqlite3.Connection, wanted: Mapping[str, Any]) -> Iterator[bytes]:
    """Every entry that meets the filters, in order."""
    where, values = _where(wanted)
    for (entry,) in reader.execute(f"SELECT entry FROM audit {where} ORDER BY seq", values):  # noqa: S608
        yield entry


def counts(reader: sqlite3.Connection, wanted: Mapping[str, Any]) -> list[tuple[str, int, int, int]]:
    """Every action among the entries that meet the filters: how often, and the numbers of the first and the last."""
    where, values = _where(wanted)
    rows = reader.execute(
        f"""
        SELECT CAST(substr(entry, 12, instr(substr(entry, 12), CAST('"' AS BLOB)) - 1) AS TEXT) AS action,
               count(*), min(seq), max(seq)
        FROM audit {where} GROUP BY action ORDER BY action
        """,  # noqa: S608
        values,
    )
    return rows.fetchall()


def _where(wanted: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The condition, out of our own words and question marks, and what is looked for."""
    if not wanted:
        return "", []
    conditions = [FILTERS[name][0] for name in wanted]
    return f"WHERE {' AND '.join(conditions)}", [FILTERS[name][1](said) for name, said in wanted.items()]


# -- checkpoints -------------------------------------------------------------------------------------------------------


def add_checkpoint(tx: Tx, size: int, note: bytes, frontier: bytes) -> None:
    """Keep a checkpoint, and the tree's edge at its size, from which the next start goes on."""
    tx.execute("INSERT OR REPLACE INTO checkpoints (size, note, frontier) VALUES (?, ?, ?)", (size, note, frontier))


def newest_checkpoint(reader: sqlite3.Connection) -> tuple[int, bytes, bytes] | None:
    """Size, note and frontier of the last checkpoint."""
    return reader.execute("SELECT size, note, frontier FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()


def first_checkpoint_after(reader: sqlite3.Connection, size: int) -> bytes | None:
    """The oldest checkpoint of more than `size` entries."""
    row = reader.execute("SELECT note FROM checkpoints WHERE size > ? ORDER BY size LIMIT 1", (size,)).fetchone()
    return row[0] if row else None


def outside(reader: sqlite3.Connection, place: str) -> tuple[int, int]:
    """The size of the newest checkpoint that a place outside has, and when it got it (ms); zeros for none."""
    row = reader.execute("SELECT size, at FROM audit_outside WHERE place = ?", (place,)).fetchone()
    return row or (0, 0)


def is_outside(tx: Tx, place: str, size: int) -> None:
    """Note that a place outside has the checkpoint of this size."""
    tx.execute("INSERT OR REPLACE INTO audit_outside (place, size, at) VALUES (?, ?, ?)", (place, size, tx.now))
