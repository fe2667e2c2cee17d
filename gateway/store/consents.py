"""The consent ledger: what guests agreed to and took back. Appended, never changed."""

import sqlite3
from hashlib import sha256
from typing import NamedTuple

from msgspec import json

from gateway.rules import ConsentEvent
from gateway.store.db import Tx


class NewConsent(NamedTuple):
    """An entry to be written; its proof and the address it was said from are sealed under the guest's key, its facts
    name nobody. `about`: the row that a reminder is about."""

    uuid: bytes
    guest_id: int
    event: ConsentEvent
    proof_sealed: bytes | None
    actor: str
    wording_id: int | None = None
    ip_sealed: bytes | None = None
    about: int | None = None

    @property
    def digest(self) -> bytes:
        """What the audit entry vouches for: the facts, which name nobody, and what is sealed."""
        return _digest(self.uuid, facts_of(self.event), self.proof_sealed, self.ip_sealed)


class Entry(NamedTuple):
    """An entry of the ledger as it stands there, and whose it is."""

    id: int
    uuid: bytes
    guest_id: int
    event: ConsentEvent
    proof_sealed: bytes | None
    wording_id: int | None
    ip_sealed: bytes | None


_decoder = json.Decoder(ConsentEvent)
_ENTRY = "SELECT id, uuid, guest_id, facts, proof_sealed, wording_id, ip_sealed FROM consents"


def facts_of(event: ConsentEvent) -> bytes:
    """The event as it is stored."""
    return json.encode(event)


def add(tx: Tx, consent: NewConsent) -> int:
    """Append an entry, and say that what was known about the guest's addresses is stale; the id of its row. What may
    come to an end one day is watched from now on."""
    event = consent.event
    row = tx.insert(
        """
        INSERT INTO consents (
            uuid, guest_id, action, at, facts, proof_sealed, actor, wording_id, ip_sealed, about
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            consent.uuid, consent.guest_id, event.action, event.at, facts_of(event).decode(), *consent[3:],
        ),
    )  # fmt: skip
    if event.may_end:
        tx.execute("INSERT INTO endings (consent_id) VALUES (?)", (row,))
    for (blind,) in tx.execute("SELECT blind FROM contacts WHERE guest_id = ?", (consent.guest_id,)):
        tx.changed(blind)
    return row


def of(reader: sqlite3.Connection, guest_id: int) -> list[ConsentEvent]:
    """A guest's whole ledger, oldest first."""
    rows = reader.execute("SELECT facts FROM consents WHERE guest_id = ? ORDER BY id", (guest_id,))
    return [_decoder.decode(facts) for (facts,) in rows]


def entries(reader: sqlite3.Connection, guest_id: int) -> list[Entry]:
    """The same with what stands beside the facts."""
    return [_entry(row) for row in reader.execute(f"{_ENTRY} WHERE guest_id = ? ORDER BY id", (guest_id,))]


def find(reader: sqlite3.Connection, uuid: bytes) -> Entry | None:
    """One entry by its public id."""
    row = reader.execute(f"{_ENTRY} WHERE uuid = ?", (uuid,)).fetchone()
    return _entry(row) if row else None


def digest_of(reader: sqlite3.Connection, uuid: bytes) -> bytes | None:
    """The digest of an entry as it stands now; None where there is none, or what was sealed went with its guest."""
    row = reader.execute(
        """
        SELECT k.uuid, CAST(k.facts AS BLOB), k.proof_sealed, k.ip_sealed
        FROM consents k JOIN guests g ON g.id = k.guest_id AND g.status <> 'erased' WHERE k.uuid = ?
        """,
        (uuid,),
    ).fetchone()
    return _digest(*row) if row else None


def _digest(uuid: bytes, facts: bytes, proof_sealed: bytes | None, ip_sealed: bytes | None) -> bytes:
    return sha256(uuid + facts + (proof_sealed or b"") + (ip_sealed or b"")).digest()


def _entry(row: tuple) -> Entry:
    return Entry._make([*row[:3], _decoder.decode(row[3]), *row[4:]])
