"""People who are written to, and the addresses they are reached at."""

import sqlite3
from typing import NamedTuple

from gateway.model import GuestStatus
from gateway.store.db import Tx

_COLUMNS = """
    g.id, g.uuid, g.key_id, g.status, g.country, g.region, g.timezone, g.language,
    c.id, c.uuid, c.address_sealed, c.blind
"""


class Guest(NamedTuple):
    """A guest together with the contact point in question (its last four members; None where he has none)."""

    id: int
    uuid: bytes
    key_id: int
    status: GuestStatus
    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    contact_id: int
    contact_uuid: bytes
    address_sealed: bytes
    blind: bytes


class NewContact(NamedTuple):
    """A contact point to be written: its address already sealed."""

    uuid: bytes
    kind: str
    blind: bytes
    address_sealed: bytes


class NewGuest(NamedTuple):
    """A guest to be written together with his contact points, the one to be used now first."""

    uuid: bytes
    key_id: int
    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    profile_sealed: bytes | None
    contacts: list[NewContact]


def behind(reader: sqlite3.Connection, blind: bytes) -> Guest | None:
    """Of all who share this address, the oldest who is not erased."""
    row = reader.execute(
        f"""
        SELECT {_COLUMNS}
        FROM contacts c JOIN guests g ON g.id = c.guest_id
        WHERE c.blind = ? AND g.status <> 'erased'
        ORDER BY g.id LIMIT 1
        """,  # noqa: S608 our own columns
        (blind,),
    ).fetchone()
    return Guest._make(row) if row else None


def named(reader: sqlite3.Connection, uuid: bytes, kind: str) -> Guest | None:
    """The guest of this id with his oldest contact point of this kind; its members are None when he has none."""
    row = reader.execute(
        f"""
        SELECT {_COLUMNS}
        FROM guests g LEFT JOIN contacts c ON c.guest_id = g.id AND c.kind = ?
        WHERE g.uuid = ?
        ORDER BY c.id LIMIT 1
        """,  # noqa: S608
        (kind, uuid),
    ).fetchone()
    return Guest._make(row) if row else None


def all_behind(reader: sqlite3.Connection, blind: bytes) -> list[tuple[bytes, int, str]]:
    """Uuid, key id and status of everyone who has this address."""
    return reader.execute(
        "SELECT g.uuid, g.key_id, g.status FROM contacts c JOIN guests g ON g.id = c.guest_id WHERE c.blind = ?",
        (blind,),
    ).fetchall()


def addresses_around(reader: sqlite3.Connection, blind: bytes) -> list[tuple[bytes, str]]:
    """Blind index and kind of every contact point of everyone behind this address."""
    return reader.execute(
        """
        SELECT DISTINCT o.blind, o.kind
        FROM contacts c JOIN contacts o ON o.guest_id = c.guest_id
        WHERE c.blind = ?
        """,
        (blind,),
    ).fetchall()


def add(tx: Tx, guest: NewGuest, made_by: int | None = None) -> tuple[int, int]:
    """Write a guest; the ids of his row and of his first contact point. `made_by`: the batch that brought him."""
    row = tx.insert(
        """
        INSERT INTO guests (uuid, key_id, country, region, timezone, language, profile_sealed, created_at, made_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (*guest[:7], tx.now, made_by),
    )
    ids = [_add_contact(tx, row, contact) for contact in guest.contacts]
    for contact in guest.contacts:
        tx.changed(contact.blind)
    return row, ids[0]


def _add_contact(tx: Tx, guest_id: int, contact: NewContact) -> int:
    return tx.insert(
        "INSERT INTO contacts (guest_id, uuid, kind, blind, address_sealed, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (guest_id, *contact, tx.now),
    )


def highest_key(reader: sqlite3.Connection) -> int:
    """The highest data key any guest ever had, 0 where there are no guests."""
    (highest,) = reader.execute("SELECT COALESCE(max(key_id), 0) FROM guests").fetchone()
    return highest


def keys_in_use(reader: sqlite3.Connection) -> list[int]:
    """Ids of the data keys of all guests who are not erased, ascending."""
    return [key for (key,) in reader.execute("SELECT key_id FROM guests WHERE status <> 'erased' ORDER BY key_id")]
