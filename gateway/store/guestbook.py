"""Guests as whole people: what is known of each, lists of them, and what changes when they are edited."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.model import GuestStatus
from gateway.store.db import Tx
from gateway.store.guests import ARRIVED


class Contact(NamedTuple):
    """A contact point that counts."""

    id: int
    guest_id: int
    uuid: bytes
    kind: str
    blind: bytes
    address_sealed: bytes
    created_at: int


class Whole(NamedTuple):
    """A guest with everything that is known of him. `version` grows with every edit."""

    id: int
    uuid: bytes
    key_id: int
    status: GuestStatus
    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    profile_sealed: bytes | None
    created_at: int
    updated_at: int
    version: int
    contacts: list[Contact]
    tags: list[str]


class Edit(NamedTuple):
    """What a guest's row becomes."""

    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    profile_sealed: bytes | None
    id: int


_WHOLE = f"""
    SELECT
        g.id, g.uuid, g.key_id, g.status, g.country, g.region, g.timezone, g.language, g.profile_sealed, g.created_at,
        COALESCE(g.updated_at, g.created_at), g.version
    FROM guests g WHERE g.status <> 'erased' AND {ARRIVED}
"""  # noqa: S608 our own condition
FILTERS = {
    "tag": "g.id IN (SELECT guest_id FROM guest_tags WHERE tag = ?)",
    "language": "g.language = ?",
    "country": "g.country = ?",
    "status": "g.status = ?",
    "has": "EXISTS (SELECT 1 FROM contacts c WHERE c.guest_id = g.id AND c.kind = ? AND c.removed_at IS NULL)",
    "address": "g.id IN (SELECT guest_id FROM contacts WHERE blind = ? AND removed_at IS NULL)",
    "from": "g.created_at >= ?",
    "to": "g.created_at < ?",
    "before": "g.id < ?",
}
"""What a list can be narrowed by."""


def find(reader: sqlite3.Connection, uuid: bytes) -> Whole | None:
    """One guest by his public id."""
    return next(iter(_with_all(reader, reader.execute(f"{_WHOLE} AND g.uuid = ?", (uuid,)).fetchall())), None)


def some(reader: sqlite3.Connection, uuids: Sequence[bytes]) -> list[Whole]:
    """Those of these guests who are there."""
    marks = ", ".join("?" * len(uuids))
    return _with_all(reader, reader.execute(f"{_WHOLE} AND g.uuid IN ({marks})", list(uuids)).fetchall())


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Whole]:
    """The newest guests who meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = "".join(f" AND {FILTERS[name]}" for name in wanted)
    rows = reader.execute(f"{_WHOLE}{where} ORDER BY g.id DESC LIMIT ?", (*wanted.values(), limit))
    return _with_all(reader, rows.fetchall())


def segment(
    reader: sqlite3.Connection, kind: str, tags: Sequence[str], language: str | None, country: str | None, most: int
) -> list[bytes]:
    """Uuids of the guests who have a contact point of this kind, all of these tags, this language or a regional form of
    it, and this country; the oldest first, at most `most` of them."""
    conditions = [FILTERS["has"], *[FILTERS["tag"] for _ in tags]]
    values: list[Any] = [kind, *tags]
    if language is not None:
        conditions.append("(lower(g.language) = ? OR lower(g.language) LIKE ? || '-%')")
        values += [language.lower()] * 2
    if country is not None:
        conditions.append(FILTERS["country"])
        values.append(country)
    rows = reader.execute(
        f"""
        SELECT g.uuid FROM guests g WHERE g.status <> 'erased' AND {ARRIVED} AND {" AND ".join(conditions)}
        ORDER BY g.id LIMIT ?
        """,  # noqa: S608 our own conditions
        (*values, most),
    )
    return [uuid for (uuid,) in rows]


def _with_all(reader: sqlite3.Connection, rows: list[tuple]) -> list[Whole]:
    """Rows of guests with their contact points, the oldest first, and their tags."""
    if not rows:
        return []
    people = {row[0]: Whole._make([*row, [], []]) for row in rows}
    marks = ", ".join("?" * len(people))
    contacts = f"""
        SELECT id, guest_id, uuid, kind, blind, address_sealed, created_at FROM contacts
        WHERE removed_at IS NULL AND guest_id IN ({marks}) ORDER BY id
    """  # noqa: S608 a row of question marks
    for row in reader.execute(contacts, list(people)):
        people[row[1]].contacts.append(Contact._make(row))
    tags = f"SELECT guest_id, tag FROM guest_tags WHERE guest_id IN ({marks}) ORDER BY tag"  # noqa: S608
    for guest_id, tag in reader.execute(tags, list(people)):
        people[guest_id].tags.append(tag)
    return list(people.values())


def edit(tx: Tx, new: Edit) -> None:
    """Change what a guest's row says, and count it as one more version."""
    tx.execute(
        """
        UPDATE guests
        SET version = version + 1, updated_at = ?, country = ?, region = ?, timezone = ?, language = ?,
            profile_sealed = ?
        WHERE id = ?
        """,
        (tx.now, *new),
    )


def untag(tx: Tx, guest_id: int) -> None:
    """Take all of a guest's tags."""
    tx.execute("DELETE FROM guest_tags WHERE guest_id = ?", (guest_id,))


def remove_contact(tx: Tx, contact_id: int) -> None:
    """Take a contact point away. Its row stays for the messages that went there."""
    tx.execute("UPDATE contacts SET removed_at = ? WHERE id = ?", (tx.now, contact_id))
