"""What is taken out of the rows when a guest is erased. His row stays as a number without a person, so that counts, the
record and the consents he once gave still add up; his addresses stay as stops alone.

Copies of all this in backups are beyond reach here: they are ended by destroying the key.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.model import GuestStatus
from gateway.store import guests, holds
from gateway.store.db import Tx


class Leaving(NamedTuple):
    """A guest who is to be erased."""

    id: int
    uuid: bytes
    key_id: int
    status: GuestStatus
    held: bool


_ROWS = (
    """
    UPDATE guests SET status = 'erased', country = NULL, region = NULL, timezone = NULL, language = NULL,
        profile_sealed = NULL, import_id = NULL, made_by = NULL, updated_at = :now, version = version + 1
    WHERE id = :guest
    """,
    "DELETE FROM guest_tags WHERE guest_id = :guest",
    "DELETE FROM import_fills WHERE guest_uuid = (SELECT uuid FROM guests WHERE id = :guest)",
    "DELETE FROM holds WHERE guest_id = :guest",
    "UPDATE consents SET proof_sealed = NULL, ip_sealed = NULL WHERE guest_id = :guest",
    "DELETE FROM asks WHERE guest_id = :guest",
    "UPDATE replies SET text_sealed = NULL, blind = x'', status = 'done' WHERE guest_id = :guest",
    "UPDATE complaints SET words_sealed = NULL, answer_sealed = NULL WHERE guest_id = :guest",
    "DELETE FROM endings WHERE consent_id IN (SELECT id FROM consents WHERE guest_id = :guest)",
    """
    UPDATE data_request_events SET note_sealed = NULL
    WHERE request_id IN (SELECT id FROM data_requests WHERE guest_id = :guest)
    """,
    """
    UPDATE events SET words_sealed = NULL
    WHERE words_sealed IS NOT NULL AND message_id IN (SELECT id FROM messages WHERE guest_id = :guest)
    """,
    """
    UPDATE messages SET
        text_gone_at = CASE WHEN content_sealed IS NULL THEN text_gone_at ELSE :now END,
        text_gone_why = CASE WHEN content_sealed IS NULL THEN text_gone_why ELSE 'erasure' END,
        content_sealed = NULL, envelope = '{}', reference = NULL, blind = NULL
    WHERE guest_id = :guest
    """,
    """
    UPDATE contacts SET blind = x'', address_sealed = x'', removed_at = COALESCE(removed_at, :now)
    WHERE guest_id = :guest
    """,
)
_ADDRESS = (
    """
    UPDATE messages SET blind = NULL
    WHERE blind = :blind AND guest_id IS NULL AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.blind = :blind)
    """,
    """
    UPDATE replies SET text_sealed = NULL, blind = x'', status = 'done'
    WHERE blind = :blind AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.blind = :blind)
    """,
    """
    UPDATE suppressions SET lift_reasons_sealed = NULL
    WHERE blind = :blind AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.blind = :blind)
    """,
)
"""What is left of an address once nobody has it: refusals that were for it, and what staff wrote about a stop."""


def find(reader: sqlite3.Connection, uuid: bytes) -> Leaving | None:
    """The guest of this uuid, erased or not."""
    sql = f"SELECT g.id, g.uuid, g.key_id, g.status, {holds.HELD} FROM guests g WHERE g.uuid = ?"  # noqa: S608 ours
    row = reader.execute(sql, (uuid,)).fetchone()
    return Leaving._make(row) if row else None


def blinds(reader: sqlite3.Connection, guest_id: int) -> tuple[set[bytes], set[bytes]]:
    """The addresses of a guest: those he has, and all that he ever had."""
    rows = reader.execute("SELECT blind, removed_at FROM contacts WHERE guest_id = ?", (guest_id,)).fetchall()
    return {blind for blind, removed in rows if removed is None}, {blind for blind, _ in rows}


def strip(tx: Tx, guest_id: int) -> None:
    """Take everything out that is about a guest, and say that whatever was known of his addresses is stale. The rows of
    his contact points stay, empty: their numbers are given to nobody else."""
    tx.leaves_no_trace = True
    _, addresses = blinds(tx.connection, guest_id)
    for sql in _ROWS:
        tx.connection.execute(sql, {"guest": guest_id, "now": tx.now})
    for blind in addresses:
        for sql in _ADDRESS:
            tx.connection.execute(sql, {"blind": blind})
        tx.changed(blind)


def keys(reader: sqlite3.Connection) -> list[int]:
    """The keys of all guests who are erased."""
    return [key for (key,) in reader.execute("SELECT key_id FROM guests WHERE status = 'erased' ORDER BY key_id")]


def still_there(reader: sqlite3.Connection, buried: Sequence[int]) -> list[bytes]:
    """Guests who are not erased though their keys were destroyed: an older copy of the store has brought them back."""
    known = set(buried).intersection(guests.keys_in_use(reader)) if buried else ()
    sql = "SELECT uuid FROM guests WHERE key_id = ? AND status <> 'erased'"
    return [uuid for key in sorted(known) for (uuid,) in reader.execute(sql, (key,))]
