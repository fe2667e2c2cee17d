"""What guests were asked to agree to and have not answered yet. An answer becomes an entry of the consent ledger."""

import sqlite3
from typing import NamedTuple

from msgspec import json

from gateway.model import ChannelName
from gateway.store.db import Tx


class Ask(NamedTuple):
    """A question under way. `form_sealed`: where the guest asked for it; `first`: nobody had asked for it;
    `confirmed_as`: the entry of the ledger that the answer became."""

    id: int
    uuid: bytes
    guest_id: int
    blind: bytes
    message_uuid: bytes
    via: str
    channels: list[ChannelName]
    categories: list[str]
    wording_id: int
    form_sealed: bytes | None
    first: bool
    actor: str
    asked_at: int
    expires_at: int
    confirmed_as: bytes | None


_ASK = """
    SELECT
        id, uuid, guest_id, blind, message_uuid, via, channels, categories, wording_id, form_sealed, first, actor,
        asked_at, expires_at, confirmed_as
    FROM asks
"""


def add(tx: Tx, ask: Ask) -> None:
    """Write down that a guest is being asked."""
    lists = (json.encode(ask.channels).decode(), json.encode(ask.categories).decode())
    tx.execute(
        """
        INSERT INTO asks (
            uuid, guest_id, blind, message_uuid, via, channels, categories, wording_id, form_sealed, first, actor,
            asked_at, expires_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (*ask[1:6], *lists, *ask[8:14]),
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> Ask | None:
    """One question."""
    row = reader.execute(f"{_ASK} WHERE uuid = ?", (uuid,)).fetchone()
    return _ask(row) if row else None


def since(reader: sqlite3.Connection, guest_id: int, via: str, at: int) -> list[Ask]:
    """What a guest who had asked for it was asked over a channel since then, the oldest first."""
    rows = reader.execute(
        f"{_ASK} WHERE guest_id = ? AND via = ? AND first = 0 AND asked_at > ? ORDER BY id", (guest_id, via, at)
    )
    return [_ask(row) for row in rows]


def asked_first(reader: sqlite3.Connection, guest_id: int, via: str) -> bool:
    """Whether a guest was ever asked over a channel without having asked for it."""
    found = reader.execute("SELECT 1 FROM asks WHERE guest_id = ? AND via = ? AND first = 1", (guest_id, via))
    return found.fetchone() is not None


def confirm(tx: Tx, ask: Ask, consent: bytes) -> None:
    """Note which entry of the ledger the answer became."""
    tx.execute("UPDATE asks SET confirmed_as = ? WHERE id = ?", (consent, ask.id))


def forget_old(tx: Tx, most: int) -> bool:
    """Forget questions that guests had asked for, and what became of them, once their time is over; True when none is
    left. That somebody was asked first is kept: it is what keeps him from being asked again."""
    done = tx.execute(
        "DELETE FROM asks WHERE id IN (SELECT id FROM asks WHERE first = 0 AND expires_at <= ? LIMIT ?)", (tx.now, most)
    )
    return done.rowcount < most


def of(reader: sqlite3.Connection, guest_id: int) -> list[Ask]:
    """What a guest was asked and has not answered, and that he was asked first."""
    return [_ask(row) for row in reader.execute(f"{_ASK} WHERE guest_id = ? ORDER BY id", (guest_id,))]


def forget_guest(tx: Tx, guest_id: int) -> None:
    """Forget all that a guest was asked: he is being erased."""
    tx.execute("DELETE FROM asks WHERE guest_id = ?", (guest_id,))


def _ask(row: tuple) -> Ask:
    return Ask._make([*row[:6], json.decode(row[6]), json.decode(row[7]), *row[8:10], bool(row[10]), *row[11:]])
