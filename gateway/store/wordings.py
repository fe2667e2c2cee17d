"""The words that guests are asked to agree to: a version in a language, never changed once it is there."""

import sqlite3
from typing import NamedTuple

from msgspec import json

from gateway.model import ChannelName
from gateway.store.db import Tx


class Wording(NamedTuple):
    """A wording; its text is sealed under the venue's key."""

    id: int
    uuid: bytes
    version: str
    language: str
    channels: list[ChannelName]
    categories: list[str]
    text_sealed: bytes
    created_at: int
    actor: str


_WORDING = "SELECT id, uuid, version, language, channels, categories, text_sealed, created_at, actor FROM wordings"


def add(tx: Tx, new: Wording) -> int:
    """Keep a wording; the id of its row, whatever `new` has there."""
    lists = (json.encode(new.channels).decode(), json.encode(new.categories).decode())
    return tx.insert(
        """
        INSERT INTO wordings (uuid, version, language, channels, categories, text_sealed, created_at, actor)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (new.uuid, new.version, new.language, *lists, new.text_sealed, tx.now, new.actor),
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> Wording | None:
    """One wording by its public id."""
    return _first(reader, "uuid = ?", uuid)


def get(reader: sqlite3.Connection, row: int) -> Wording | None:
    """The wording of a row."""
    return _first(reader, "id = ?", row)


def of_version(reader: sqlite3.Connection, version: str) -> dict[str, Wording]:
    """The wordings of a version, by language, the first that was kept first."""
    rows = reader.execute(f"{_WORDING} WHERE version = ? ORDER BY id", (version,))
    return {one.language: one for one in map(_wording, rows)}


def page(reader: sqlite3.Connection, version: str | None, before: int, limit: int) -> list[Wording]:
    """The newest wordings, of one version or of all, newest first."""
    rows = reader.execute(
        f"{_WORDING} WHERE version = COALESCE(?, version) AND id < ? ORDER BY id DESC LIMIT ?", (version, before, limit)
    )
    return [_wording(row) for row in rows]


def _first(reader: sqlite3.Connection, where: str, value: bytes | int) -> Wording | None:
    row = reader.execute(f"{_WORDING} WHERE {where}", (value,)).fetchone()
    return _wording(row) if row else None


def _wording(row: tuple) -> Wording:
    return Wording._make([*row[:4], json.decode(row[4]), json.decode(row[5]), *row[6:]])
