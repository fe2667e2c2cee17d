"""Suppressions as a collection: lists of them, the addresses they are on, and lifting them."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import json

from gateway.store.db import Tx


class Stop(NamedTuple):
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


class Sealed(NamedTuple):
    """The address of a contact point, and what opens it."""

    key_id: int
    kind: str
    uuid: bytes
    sealed: bytes


_STOP = """
    SELECT
        s.id, s.uuid, s.blind, s.scope, s.channels, s.categories, s.classes, s.source, s.permanent, s.created_at,
        s.recorded_at, s.lifted_at, s.origin, s.actor, s.lift_asked_by, s.lift_reasons_sealed
    FROM suppressions s
"""
FILTERS = {
    "scope": "s.scope = ?",
    "channel": "instr(s.channels, '\"' || ? || '\"') > 0",
    "category": "instr(s.categories, '\"' || ? || '\"') > 0",
    "source": "s.source = ?",
    "state": "CASE WHEN s.lifted_at IS NULL THEN 'in_force' ELSE 'lifted' END = ?",
    "guest": "s.blind IN (SELECT c.blind FROM contacts c JOIN guests g ON g.id = c.guest_id WHERE g.uuid = ?)",
    "from": "s.created_at >= ?",
    "to": "s.created_at < ?",
    "before": "s.id < ?",
}
"""What a list can be narrowed by."""


def find(reader: sqlite3.Connection, uuid: bytes) -> Stop | None:
    """One suppression by its public id."""
    row = reader.execute(f"{_STOP} WHERE s.uuid = ?", (uuid,)).fetchone()
    return _stop(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Stop]:
    """The newest suppressions that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = f"WHERE {' AND '.join(FILTERS[name] for name in wanted)}" if wanted else ""
    rows = reader.execute(f"{_STOP} {where} ORDER BY s.id DESC LIMIT ?", (*wanted.values(), limit))
    return [_stop(row) for row in rows]


def _stop(row: tuple) -> Stop:
    lists = [json.decode(names) for names in row[4:7]]
    return Stop._make([*row[:4], *lists, row[7], bool(row[8]), *row[9:]])


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


def ask_to_lift(tx: Tx, stop: Stop, principal: bytes, reasons_sealed: bytes) -> None:
    """Note who wants it lifted, and why."""
    tx.execute(
        "UPDATE suppressions SET lift_asked_by = ?, lift_reasons_sealed = ? WHERE id = ?",
        (principal, reasons_sealed, stop.id),
    )


def lift(tx: Tx, stop: Stop) -> None:
    """Lift it. What was said for everything is lifted for every address it was written for."""
    rows = tx.execute(
        """
        UPDATE suppressions SET lifted_at = ?
        WHERE lifted_at IS NULL AND (id = ? OR scope = 'global' AND scope = ? AND origin = ? AND created_at = ?)
        RETURNING blind
        """,
        (tx.now, stop.id, stop.scope, stop.origin, stop.created_at),
    ).fetchall()
    for (blind,) in rows:
        tx.changed(blind)
