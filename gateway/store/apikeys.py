"""API keys: what they may do. The secret itself is never here, only a keyed digest of it."""

import sqlite3
from collections.abc import Iterable
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

    id: int
    name: str
    public: str
    digest: bytes
    principal: bytes
    scopes: frozenset[str]
    networks: tuple[str, ...]
    expires_at: int | None
    created_at: int
    revoked_at: int | None
    last_used_at: int | None
    version: int


_COLUMNS = """
    id, name, public, digest, principal, scopes, networks, expires_at, created_at, revoked_at, last_used_at, version
"""


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


def find(reader: sqlite3.Connection, public: str) -> Key | None:
    """The key with this public part, revoked or not."""
    row = reader.execute(f"SELECT {_COLUMNS} FROM apikeys WHERE public = ?", (public,)).fetchone()  # noqa: S608
    return _key(row) if row else None


def page(reader: sqlite3.Connection, before: int, limit: int) -> list[Key]:
    """Keys whose row is below `before`, newest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM apikeys WHERE id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608 our own columns
        (before, limit),
    )
    return [_key(row) for row in rows]


def change(tx: Tx, key: Key) -> None:
    """Write what may be changed of a key, and count its version on."""
    tx.execute(
        "UPDATE apikeys SET name = ?, scopes = ?, networks = ?, expires_at = ?, version = version + 1 WHERE id = ?",
        (
            key.name, json.encode(sorted(key.scopes)).decode(), json.encode(key.networks).decode(), key.expires_at,
            key.id,
        ),
    )  # fmt: skip
    tx.changed(key.principal)


def revoke(tx: Tx, key: Key) -> None:
    """End a key now."""
    tx.execute("UPDATE apikeys SET revoked_at = ?, version = version + 1 WHERE id = ?", (tx.now, key.id))
    tx.changed(key.principal)


def used(tx: Tx, publics: Iterable[str]) -> None:
    """Note that these keys were used within the last minute."""
    tx.executemany("UPDATE apikeys SET last_used_at = ? WHERE public = ?", [(tx.now, public) for public in publics])


def _key(row: tuple) -> Key:
    return Key._make([*row[:5], frozenset(json.decode(row[5])), tuple(json.decode(row[6])), *row[7:]])
