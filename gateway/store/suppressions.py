"""Who must not be written to: entries on an address's blind index, which outlive the guest and stop all behind it."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import json

from gateway.ids import Ids, public
from gateway.rules import Suppression
from gateway.store.db import Tx


class NewSuppression(NamedTuple):
    """An entry to be written. `origin` is the address it was said for; a global one is written for others too.
    `due_at`: by when the law wants it to hold, of one that did not come through the gateway (ms)."""

    uuid: bytes
    blind: bytes
    scope: str
    channels: tuple[str, ...]
    categories: tuple[str, ...]
    classes: tuple[str, ...]
    source: str
    permanent: bool
    created_at: int
    origin: bytes
    actor: str
    due_at: int | None = None


def add(tx: Tx, rows: Sequence[NewSuppression]) -> None:
    """Write entries, and say which addresses they stop."""
    tx.executemany(
        """
        INSERT INTO suppressions (
            uuid, blind, scope, channels, categories, classes, source, permanent, created_at, origin, actor, due_at,
            recorded_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            (
                row.uuid, row.blind, row.scope, *(json.encode(names).decode() for names in row[3:6]), *row[6:], tx.now,
            )
            for row in rows
        ],
    )  # fmt: skip
    for row in rows:
        tx.changed(row.blind)


def of(reader: sqlite3.Connection, blind: bytes) -> list[Suppression]:
    """Every entry on this address, lifted ones too, oldest first."""
    rows = reader.execute(
        """
        SELECT uuid, scope, channels, categories, classes, created_at, source, permanent, lifted_at
        FROM suppressions WHERE blind = ? ORDER BY id
        """,
        (blind,),
    )
    return [
        Suppression(
            id=public("sup", uuid), scope=scope, channels=json.decode(channels), categories=json.decode(categories),
            classes=json.decode(classes), created_at=created_at, source=source, permanent=bool(permanent),
            lifted_at=lifted_at,
        )
        for uuid, scope, channels, categories, classes, created_at, source, permanent, lifted_at in rows
    ]  # fmt: skip


def inherit(tx: Tx, blinds: Sequence[bytes], ids: Ids) -> None:
    """Write every global entry in force on one of these addresses of one guest for his others too."""
    marks = ", ".join("?" * len(blinds))
    rows = tx.execute(
        f"""
        SELECT blind, channels, categories, classes, source, permanent, created_at, origin, actor
        FROM suppressions WHERE scope = 'global' AND lifted_at IS NULL AND blind IN ({marks})
        """,  # noqa: S608 a row of question marks
        list(blinds),
    ).fetchall()
    has: dict[tuple, set[bytes]] = {}
    for blind, *said in rows:
        has.setdefault(tuple(said), set()).add(blind)
    add(
        tx,
        [
            NewSuppression._make([ids.new(), blind, "global", *(tuple(json.decode(names)) for names in said[:3]),
                                  *said[3:], None])
            for said, covered in has.items()
            for blind in blinds
            if blind not in covered
        ],
    )  # fmt: skip


# -- as a collection ---------------------------------------------------------------------------------------------------


class Stored(NamedTuple):
    """A suppression as it stands."""

    id: int
    uuid: bytes
    blind: bytes
    scope: str
    channels: list[str]
    categories: list[str]
    classes: list[str]
    source: str
    permanent: bool
    created_at: int
    recorded_at: int
    lifted_at: int | None
    origin: bytes
    actor: str
    lift_asked_by: bytes | None
    lift_reasons_sealed: bytes | None
    due_at: int | None


class Sealed(NamedTuple):
    """The address of a contact point, and what opens it."""

    key_id: int
    kind: str
    uuid: bytes
    sealed: bytes


_STORED = """
    SELECT
        s.id, s.uuid, s.blind, s.scope, s.channels, s.categories, s.classes, s.source, s.permanent, s.created_at,
        s.recorded_at, s.lifted_at, s.origin, s.actor, s.lift_asked_by, s.lift_reasons_sealed,
        s.due_at
    FROM suppressions s
"""
FILTERS = {
    "scope": "s.scope = ?",
    "channel": "instr(s.channels, '\"' || ? || '\"') > 0",
    "category": "instr(s.categories, '\"' || ? || '\"') > 0",
    "source": "s.source = ?",
    "state": "CASE WHEN s.lifted_at IS NULL THEN 'in_force' ELSE 'lifted' END = ?",
    "guest": "s.blind IN (SELECT c.blind FROM contacts c JOIN guests g ON g.id = c.guest_id WHERE g.uuid = ?)",
    "receipt": "'G-' || substr(hex(s.uuid), 25, 4) || '-' || substr(hex(s.uuid), 29) = upper(?)",
    "late": "ifnull(s.recorded_at > s.due_at, 0) = ?",
    "from": "s.created_at >= ?",
    "to": "s.created_at < ?",
    "before": "s.id < ?",
}
"""What a list can be narrowed by."""


def find(reader: sqlite3.Connection, uuid: bytes) -> Stored | None:
    """One suppression by its public id."""
    row = reader.execute(f"{_STORED} WHERE s.uuid = ?", (uuid,)).fetchone()
    return _stored(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Stored]:
    """The newest suppressions that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = f"WHERE {' AND '.join(FILTERS[name] for name in wanted)}" if wanted else ""
    rows = reader.execute(f"{_STORED} {where} ORDER BY s.id DESC LIMIT ?", (*wanted.values(), limit))
    return [_stored(row) for row in rows]


def _stored(row: tuple) -> Stored:
    lists = [json.decode(names) for names in row[4:7]]
    return Stored._make([*row[:4], *lists, row[7], bool(row[8]), *row[9:]])


def addresses(reader: sqlite3.Connection, blinds: Sequence[bytes]) -> dict[bytes, Sealed]:
    """The sealed address behind each of these, of those that a guest who is not erased has or had."""
    marks = ", ".join("?" * len(blinds))
    rows = reader.execute(
        f"""
        SELECT c.blind, g.key_id, c.kind, c.uuid, c.address_sealed
        FROM contacts c JOIN guests g ON g.id = c.guest_id
        WHERE g.status <> 'erased' AND c.blind IN ({marks})
        """,  # noqa: S608 a row of question marks
        list(blinds),
    )
    return {blind: Sealed(*rest) for blind, *rest in rows}


def ask_to_lift(tx: Tx, entry: Stored, principal: bytes, reasons_sealed: bytes) -> None:
    """Note who wants it lifted, and why."""
    tx.execute(
        "UPDATE suppressions SET lift_asked_by = ?, lift_reasons_sealed = ? WHERE id = ?",
        (principal, reasons_sealed, entry.id),
    )


def lift(tx: Tx, entry: Stored) -> None:
    """Lift it. What was said once and written for several addresses is lifted for all of them."""
    rows = tx.execute(
        """
        UPDATE suppressions SET lifted_at = ?
        WHERE lifted_at IS NULL AND (
            id = ? OR scope = ? AND scope IN ('global', 'category') AND origin = ? AND created_at = ?
            AND channels = ? AND categories = ? AND classes = ? AND source = ? AND actor = ?
        )
        RETURNING blind
        """,
        (
            tx.now, entry.id, entry.scope, entry.origin, entry.created_at,
            *(json.encode(names).decode() for names in (entry.channels, entry.categories, entry.classes)),
            entry.source, entry.actor,
        ),
    ).fetchall()  # fmt: skip
    for (blind,) in rows:
        tx.changed(blind)


def said_before(tx: Tx, entry: NewSuppression, since: int) -> Stored | None:
    """The same stop for the same address, if it was recorded since then, stands, and nobody behind the address has
    agreed to anything after it."""
    row = tx.first(
        f"""
        {_STORED}
        WHERE s.blind = ? AND s.origin = s.blind AND s.lifted_at IS NULL AND s.recorded_at >= ?
          AND s.scope = ? AND s.channels = ? AND s.categories = ? AND s.classes = ? AND s.source = ? AND s.actor = ?
          AND NOT EXISTS (
              SELECT 1 FROM consents k JOIN contacts c ON c.guest_id = k.guest_id
              WHERE c.blind = s.blind AND k.at >= s.recorded_at
          )
        ORDER BY s.id DESC LIMIT 1
        """,  # noqa: S608 our own columns
        (
            entry.blind, since, entry.scope, *(json.encode(names).decode() for names in entry[3:6]), entry.source,
            entry.actor,
        ),
    )  # fmt: skip
    return _stored(row) if row else None


def late(reader: sqlite3.Connection, since: int) -> int:
    """How many stops were entered after their deadline, of those entered since then."""
    (count,) = reader.execute(
        "SELECT count(*) FROM suppressions WHERE recorded_at > due_at AND recorded_at >= ?", (since,)
    ).fetchone()
    return count
