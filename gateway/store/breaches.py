"""The register of breaches: one row each, with the guests it is about, the authorities to be told, and who was told."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gateway.store.db import Tx

FILTERS = {
    "state": "CASE WHEN closed_at IS NULL THEN 'open' ELSE 'closed' END = ?",
    "from": "noticed_at >= ?",
    "to": "noticed_at < ?",
    "before": "id < ?",
}
"""What a list can be narrowed by."""


class Breach(NamedTuple):
    """A breach as it stands."""

    id: int
    uuid: bytes
    noticed_at: int
    risk: str | None
    words_sealed: bytes
    version: int
    created_at: int
    closed_at: int | None


class Authority(NamedTuple):
    """A country whose authority is to be told until `due_at` (ms), by which rule; None: no law names a time."""

    country: str
    due_at: int
    rule: str | None
    state: str = "open"
    settled_at: int | None = None


class Around(NamedTuple):
    """What belongs to a breach: its authorities, how many guests, and the batches that told them, with the time."""

    authorities: list[Authority]
    guests: int
    notices: list[tuple[bytes, int]]


_SELECT = "SELECT id, uuid, noticed_at, risk, words_sealed, version, created_at, closed_at FROM breaches"


def add(tx: Tx, uuid: bytes, noticed_at: int, words_sealed: bytes) -> int:
    """Write a breach; its row."""
    return tx.insert(
        "INSERT INTO breaches (uuid, noticed_at, words_sealed, created_at) VALUES (?, ?, ?, ?)",
        (uuid, noticed_at, words_sealed, tx.now),
    )


def change(tx: Tx, row: int, risk: str | None, words_sealed: bytes, closed_at: int | None) -> None:
    """Write what may be changed of a breach, and count its version on."""
    tx.execute(
        "UPDATE breaches SET risk = ?, words_sealed = ?, closed_at = ?, version = version + 1 WHERE id = ?",
        (risk, words_sealed, closed_at, row),
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> Breach | None:
    """One breach by its public id."""
    row = reader.execute(f"{_SELECT} WHERE uuid = ?", (uuid,)).fetchone()
    return Breach._make(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Breach]:
    """The newest breaches that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = f"WHERE {' AND '.join(FILTERS[name] for name in wanted)}" if wanted else ""
    rows = reader.execute(f"{_SELECT} {where} ORDER BY id DESC LIMIT ?", (*wanted.values(), limit))
    return [Breach._make(row) for row in rows]


def around(reader: sqlite3.Connection, row: int) -> Around:
    """What belongs to a breach."""
    authorities = reader.execute(
        "SELECT country, due_at, rule, state, settled_at FROM breach_authorities WHERE breach_id = ? ORDER BY country",
        (row,),
    )
    (guests,) = reader.execute("SELECT count(*) FROM breach_guests WHERE breach_id = ?", (row,)).fetchone()
    notices = reader.execute("SELECT batch_uuid, at FROM breach_notices WHERE breach_id = ? ORDER BY at", (row,))
    return Around([Authority._make(one) for one in authorities], guests, notices.fetchall())


# -- guests ------------------------------------------------------------------------------------------------------------


def rows_of(reader: sqlite3.Connection, uuids: Iterable[bytes]) -> list[int | None]:
    """The row of each guest, None for one there is not (any more)."""
    sql = "SELECT id FROM guests WHERE uuid = ? AND status <> 'erased'"
    found = (reader.execute(sql, (uuid,)).fetchone() for uuid in uuids)
    return [row[0] if row else None for row in found]


def add_guests(tx: Tx, row: int, guests: Sequence[int]) -> None:
    """Note whom it is about; who is noted already stays."""
    tx.insert_many("breach_guests (breach_id, guest_id)", [(row, guest) for guest in guests], "ON CONFLICT DO NOTHING")


def countries(reader: sqlite3.Connection, row: int) -> list[str]:
    """The countries of the guests it is about."""
    sql = """
        SELECT DISTINCT g.country FROM breach_guests b JOIN guests g ON g.id = b.guest_id
        WHERE b.breach_id = ? AND g.country IS NOT NULL
    """
    return [country for (country,) in reader.execute(sql, (row,))]


def guests(reader: sqlite3.Connection, row: int) -> list[bytes]:
    """The uuids of the guests it is about who are still there."""
    sql = """
        SELECT g.uuid FROM breach_guests b JOIN guests g ON g.id = b.guest_id
        WHERE b.breach_id = ? AND g.status <> 'erased' ORDER BY g.id
    """
    return [uuid for (uuid,) in reader.execute(sql, (row,))]


# -- authorities and notices -------------------------------------------------------------------------------------------


def add_authorities(tx: Tx, row: int, authorities: Iterable[Authority]) -> None:
    """Note which are to be told; one that is noted already stays as it is."""
    tx.executemany(
        """
        INSERT INTO breach_authorities (breach_id, country, due_at, rule) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
        [(row, one.country, one.due_at, one.rule) for one in authorities],
    )


def settle(tx: Tx, row: int, country: str, state: str, at: int) -> None:
    """Note that an authority was told, or need not be."""
    tx.execute(
        "UPDATE breach_authorities SET state = ?, settled_at = ? WHERE breach_id = ? AND country = ?",
        (state, at, row, country),
    )


def told(tx: Tx, row: int, batch: bytes) -> bool:
    """Note the batch that told the guests; False where that is noted already."""
    sql = "INSERT INTO breach_notices (breach_id, batch_uuid, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    return bool(tx.execute(sql, (row, batch, tx.now)).rowcount)


def due(reader: sqlite3.Connection) -> list[int]:
    """When authorities that have heard nothing yet are to be told (ms), of breaches that are not closed."""
    sql = """
        SELECT a.due_at FROM breach_authorities a JOIN breaches b ON b.id = a.breach_id
        WHERE a.state = 'open' AND b.closed_at IS NULL
    """
    return [at for (at,) in reader.execute(sql)]


def forget(tx: Tx, closed_before: int) -> list[bytes]:
    """Take breaches away that were closed before that time (ms); their uuids."""
    rows = tx.execute("DELETE FROM breaches WHERE closed_at < ? RETURNING uuid", (closed_before,))
    return [uuid for (uuid,) in rows.fetchall()]
