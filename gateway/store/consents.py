"""The consent ledger: what guests agreed to and took back. Appended, never changed."""

import sqlite3
from typing import NamedTuple

from msgspec import json

from gateway.rules import ConsentEvent
from gateway.store.db import Tx


class NewConsent(NamedTuple):
    """An entry to be written; its proof is sealed under the guest's key, its facts name nobody."""

    uuid: bytes
    guest_id: int
    event: ConsentEvent
    proof_sealed: bytes | None
    actor: str


_decoder = json.Decoder(ConsentEvent)


def add(tx: Tx, consent: NewConsent) -> None:
    """Append an entry, and say that what was known about the guest's addresses is stale."""
    tx.execute(
        """
        INSERT INTO consents (uuid, guest_id, action, at, facts, proof_sealed, actor) VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        (
            consent.uuid, consent.guest_id, consent.event.action, consent.event.at,
            json.encode(consent.event).decode(), consent.proof_sealed, consent.actor,
        ),
    )  # fmt: skip
    for (blind,) in tx.execute("SELECT blind FROM contacts WHERE guest_id = ?", (consent.guest_id,)):
        tx.changed(blind)


def of(reader: sqlite3.Connection, guest_id: int) -> list[ConsentEvent]:
    """A guest's whole ledger, oldest first."""
    rows = reader.execute("SELECT facts FROM consents WHERE guest_id = ? ORDER BY id", (guest_id,))
    return [_decoder.decode(facts) for (facts,) in rows]
