"""Codes by which somebody who has no password yet, or none any more, gets one. Only their digests are here."""

import sqlite3
from typing import NamedTuple

from gateway.store.db import Tx


class Setup(NamedTuple):
    """What a code is for: the user in this row, or None for the first owner of all."""

    user_id: int | None


def add(tx: Tx, digest: bytes, user_id: int | None, expires_at: int) -> None:
    """Keep a code's digest; an older one for the same purpose ends."""
    tx.execute("DELETE FROM setup_codes WHERE user_id IS ? OR expires_at <= ?", (user_id, tx.now))
    tx.execute("INSERT INTO setup_codes (digest, user_id, expires_at) VALUES (?, ?, ?)", (digest, user_id, expires_at))


def find(reader: sqlite3.Connection, digest: bytes, now: int) -> Setup | None:
    """What a code is for. None when there is none such that is still good."""
    row = reader.execute(
        "SELECT user_id FROM setup_codes WHERE digest = ? AND expires_at > ?", (digest, now)
    ).fetchone()
    return Setup(row[0]) if row else None


def use(tx: Tx, digest: bytes) -> bool:
    """Use a code up. False when there is none such that is still good."""
    return bool(tx.execute("DELETE FROM setup_codes WHERE digest = ? AND expires_at > ?", (digest, tx.now)).rowcount)
