"""API keys: what they may do. The secret itself is never here, only a keyed digest of it."""

import sqlite3
from typing import NamedTuple

from msgspec import json

from gateway.store.db import Tx


class NewKey(NamedTuple):
    """A key to be written. `principal` stays the same when the key is replaced by a new one."""

    name: str
    public: str
    digest: bytes
    principal: bytes
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    expires_at: int | None


class Key(NamedTuple):
    """A key as it is known: `public` is the part of it that is no secret."""

    name: str
    public: str
    digest: bytes
    principal: bytes
    scopes: frozenset[str]
    networks: tuple[str, ...]
    expires_at: int | None
    created_at: int
    revoked_at: int | None


_COLUMNS = "name, public, digest, principal, scopes, networks, expires_at, created_at, revoked_at"


def add(tx: Tx, key: NewKey) -> None:
    """Write a key."""
    tx.execute(
        """
        INSERT INTO apikeys (name, public, digest, principal, scopes, networks, expires_at, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (*key[:4], json.encode(key.scopes).decode(), json.encode(key.networks).decode(), key.expires_at, tx.now),
    )


def digest(reader: sqlite3.Connection, public: str) -> bytes:
    """The digest of the key with this public part; zeros where there is none or it was revoked. Found or not,
    the work is the same, so that the time it takes tells next to nothing."""
    sql = "SELECT coalesce((SELECT digest FROM apikeys WHERE public = ? AND revoked_at IS NULL), zeroblob(32))"
    return reader.execute(sql, (public,)).fetchone()[0]


def find(reader: sqlite3.Connection, public: str) -> Key:
    """The key with this public part, which there must be."""
    return _key(reader.execute(f"SELECT {_COLUMNS} FROM apikeys WHERE public = ?", (public,)).fetchone())  # noqa: S608


def every(reader: sqlite3.Connection) -> list[Key]:
    """All keys, oldest first."""
    return [_key(row) for row in reader.execute(f"SELECT {_COLUMNS} FROM apikeys ORDER BY id")]  # noqa: S608


def revoke(tx: Tx, public: str) -> bool:
    """End a key now. False when there is none such that was still good."""
    return bool(
        tx.execute(
            "UPDATE apikeys SET revoked_at = ? WHERE public = ? AND revoked_at IS NULL", (tx.now, public)
        ).rowcount
    )


def _key(row: tuple) -> Key:
    return Key._make([*row[:4], frozenset(json.decode(row[4])), tuple(json.decode(row[5])), *row[6:]])
