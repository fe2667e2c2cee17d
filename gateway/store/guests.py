"""People who are written to, and the addresses they are reached at."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.model import GuestStatus
from gateway.store.db import Tx

_COLUMNS = """
    g.id, g.uuid, g.key_id, g.status, g.country, g.region, g.timezone, g.language,
    c.id, c.uuid, c.address_sealed, c.blind
"""
ARRIVED = """
    (g.import_id IS NULL OR EXISTS (SELECT 1 FROM imports i WHERE i.id = g.import_id AND i.finished_at IS NOT NULL))
"""
"""Of a guest `g`: not part of an import that is still under way, and may yet turn out never to have been."""


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
    contacts: Sequence[NewContact]
    tags: Sequence[str] = ()
    import_id: int | None = None


def behind(reader: sqlite3.Connection, blind: bytes) -> Guest | None:
    """Of all who share this address, the oldest who is not erased."""
    row = reader.execute(
        f"""
        SELECT {_COLUMNS}
        FROM contacts c JOIN guests g ON g.id = c.guest_id
        WHERE c.blind = ? AND c.removed_at IS NULL AND g.status <> 'erased' AND {ARRIVED}
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
        FROM guests g LEFT JOIN contacts c ON c.guest_id = g.id AND c.kind = ? AND c.removed_at IS NULL
        WHERE g.uuid = ?
        ORDER BY c.id LIMIT 1
        """,  # noqa: S608
        (kind, uuid),
    ).fetchone()
    return Guest._make(row) if row else None


def status(reader: sqlite3.Connection, guest_id: int) -> GuestStatus:
    """The status of a guest now; of one whose row is gone, erased."""
    row = reader.execute("SELECT status FROM guests WHERE id = ?", (guest_id,)).fetchone()
    return row[0] if row else "erased"


def mark(tx: Tx, guest_id: int, status: GuestStatus) -> None:
    """Give a guest another status, and say so of his addresses: whoever writes to him looks at it again."""
    tx.execute(
        "UPDATE guests SET status = ?, version = version + 1, updated_at = ? WHERE id = ?", (status, tx.now, guest_id)
    )
    for (blind,) in tx.execute("SELECT blind FROM contacts WHERE guest_id = ?", (guest_id,)):
        tx.changed(blind)


def at(reader: sqlite3.Connection, guest_id: int, blind: bytes) -> Guest | None:
    """A guest who is not erased with the contact point of this address, if he still has it."""
    row = reader.execute(
        f"""
        SELECT {_COLUMNS} FROM guests g JOIN contacts c ON c.guest_id = g.id
        WHERE g.id = ? AND c.blind = ? AND c.removed_at IS NULL AND g.status <> 'erased'
        """,  # noqa: S608 our own columns
        (guest_id, blind),
    ).fetchone()
    return Guest._make(row) if row else None


def blinds_of(reader: sqlite3.Connection, guest_id: int) -> list[bytes]:
    """The addresses of a guest, the oldest first."""
    rows = reader.execute(
        "SELECT blind FROM contacts WHERE guest_id = ? AND removed_at IS NULL ORDER BY id", (guest_id,)
    )
    return [blind for (blind,) in rows]


def uuid_of(reader: sqlite3.Connection, guest_id: int) -> bytes:
    """The uuid of a guest's row."""
    (uuid,) = reader.execute("SELECT uuid FROM guests WHERE id = ?", (guest_id,)).fetchone()
    return uuid


def key_of(reader: sqlite3.Connection, guest_id: int) -> int:
    """The data key of a guest's row."""
    (key_id,) = reader.execute("SELECT key_id FROM guests WHERE id = ?", (guest_id,)).fetchone()
    return key_id


def all_behind(reader: sqlite3.Connection, blind: bytes) -> list[tuple[bytes, int, str]]:
    """Uuid, key id and status of everyone who has this address."""
    return reader.execute(
        f"""
        SELECT g.uuid, g.key_id, g.status FROM contacts c JOIN guests g ON g.id = c.guest_id
        WHERE c.blind = ? AND c.removed_at IS NULL AND {ARRIVED}
        """,  # noqa: S608 our own condition
        (blind,),
    ).fetchall()


def owners(reader: sqlite3.Connection, blinds: Sequence[bytes]) -> dict[bytes, list[bytes]]:
    """Who has each of these addresses: uuids of guests who are not erased, the oldest first."""
    marks = ", ".join("?" * len(blinds))
    rows = reader.execute(
        f"""
        SELECT c.blind, g.uuid FROM contacts c JOIN guests g ON g.id = c.guest_id
        WHERE c.blind IN ({marks}) AND c.removed_at IS NULL AND g.status <> 'erased' AND {ARRIVED}
        ORDER BY g.id
        """,  # noqa: S608 question marks and our own condition
        list(blinds),
    )
    found: dict[bytes, list[bytes]] = {}
    for blind, uuid in rows:
        found.setdefault(blind, []).append(uuid)
    return found


def addresses_around(reader: sqlite3.Connection, blind: bytes) -> list[tuple[bytes, str]]:
    """Blind index and kind of every contact point of everyone behind this address, of those who only arrive too."""
    return reader.execute(
        """
        SELECT DISTINCT o.blind, o.kind
        FROM contacts c JOIN contacts o ON o.guest_id = c.guest_id
        WHERE c.blind = ? AND c.removed_at IS NULL AND o.removed_at IS NULL
        """,
        (blind,),
    ).fetchall()


def add(tx: Tx, guest: NewGuest, made_by: int | None = None) -> tuple[int, int]:
    """Write a guest, and say that his addresses have one; the ids of his row and of his first contact point. `made_by`:
    the batch that brought him."""
    ids = add_many(tx, [guest], made_by)
    for contact in guest.contacts:
        tx.changed(contact.blind)
    return ids


def add_many(tx: Tx, new: Sequence[NewGuest], made_by: int | None = None) -> tuple[int, int]:
    """Write guests with their contact points and tags; the ids of the first guest and the first contact point."""
    guest_id, contact_id = tx.next_id("guests"), tx.next_id("contacts")
    numbered = list(enumerate(new, guest_id))
    tx.insert_many(
        """
        guests (
            id, uuid, key_id, country, region, timezone, language, profile_sealed, import_id, created_at,
            made_by
        )
        """,
        [(number, *guest[:7], guest.import_id, tx.now, made_by) for number, guest in numbered],
    )
    add_contacts(tx, [(number, contact) for number, guest in numbered for contact in guest.contacts])
    add_tags(tx, [(number, tag) for number, guest in numbered for tag in guest.tags])
    return guest_id, contact_id


def add_contacts(tx: Tx, rows: Sequence[tuple[int, NewContact]]) -> None:
    """Write contact points of guests (by their row's id)."""
    tx.insert_many(
        "contacts (guest_id, uuid, kind, blind, address_sealed, created_at)",
        [(number, *contact, tx.now) for number, contact in rows],
    )


def add_tags(tx: Tx, rows: Sequence[tuple[int, str]]) -> None:
    """Tag guests (by their row's id)."""
    tx.insert_many("guest_tags (guest_id, tag)", rows)


def highest_key(reader: sqlite3.Connection) -> int:
    """The highest data key any guest ever had, 0 where there are no guests."""
    (highest,) = reader.execute("SELECT COALESCE(max(key_id), 0) FROM guests").fetchone()
    return highest


def keys_in_use(reader: sqlite3.Connection) -> list[int]:
    """Ids of the data keys of all guests who are not erased, ascending."""
    return [key for (key,) in reader.execute("SELECT key_id FROM guests WHERE status <> 'erased' ORDER BY key_id")]
