"""Templates: what they are called, and every version of their words. A version is written once and never changed."""

import sqlite3
from typing import Any, NamedTuple

from gateway.model import ChannelName
from gateway.store.db import Tx


class Template(NamedTuple):
    """A template in one of its versions; `sheet_sealed` opens with that version's uuid."""

    id: int
    uuid: bytes
    name: str
    channel: ChannelName
    language: str
    created_at: int
    version_id: int
    version_uuid: bytes
    version: int
    changed_at: int
    actor: str
    sheet_sealed: bytes


class Named(NamedTuple):
    """The newest version of one of the templates that share a name."""

    channel: ChannelName
    language: str
    version_id: int


class NewVersion(NamedTuple):
    """A version to be written."""

    uuid: bytes
    sheet_sealed: bytes
    actor: str


_SELECT = """
    SELECT
        t.id, t.uuid, t.name, t.channel, t.language, t.created_at, v.id, v.uuid, v.version, v.created_at, v.actor,
        v.sheet_sealed
    FROM templates t JOIN template_versions v ON v.template_id = t.id
"""
FILTERS = {"name": "t.name = ?", "channel": "t.channel = ?", "language": "t.language = ?", "before": "t.id < ?"}
"""What a list can be narrowed by."""


def add(tx: Tx, uuid: bytes, name: str, channel: str, language: str, version: NewVersion) -> None:
    """Write a template in its first version."""
    row = tx.insert(
        "INSERT INTO templates (uuid, name, channel, language, version, created_at) VALUES (?, ?, ?, ?, 1, ?)",
        (uuid, name, channel, language, tx.now),
    )
    _add_version(tx, row, 1, version)


def change(tx: Tx, template_id: int, number: int, version: NewVersion) -> None:
    """Write the next version of a template and make it the one in use."""
    tx.execute("UPDATE templates SET version = ? WHERE id = ?", (number, template_id))
    _add_version(tx, template_id, number, version)


def _add_version(tx: Tx, template_id: int, number: int, version: NewVersion) -> None:
    tx.insert(
        """
        INSERT INTO template_versions (template_id, version, uuid, sheet_sealed, actor, created_at)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        (template_id, number, *version, tx.now),
    )


def remove(tx: Tx, template_id: int) -> None:
    """Take a template out of use. Its versions stay, for the messages that were printed from them."""
    tx.execute("UPDATE templates SET removed_at = ? WHERE id = ?", (tx.now, template_id))


def find(reader: sqlite3.Connection, uuid: bytes, version: int | None = None) -> Template | None:
    """A template that is in use, in its newest version or in the one asked for."""
    row = reader.execute(
        f"{_SELECT} WHERE t.uuid = ? AND t.removed_at IS NULL AND v.version = COALESCE(?, t.version)", (uuid, version)
    ).fetchone()
    return Template._make(row) if row else None


def taken(reader: sqlite3.Connection, name: str, channel: str, language: str) -> bool:
    """Whether a template in use is called so."""
    row = reader.execute(
        "SELECT 1 FROM templates WHERE name = ? AND channel = ? AND language = ? AND removed_at IS NULL",
        (name, channel, language),
    ).fetchone()
    return row is not None


def named(reader: sqlite3.Connection, name: str) -> list[Named]:
    """Every template in use that has this name, over all channels and languages."""
    rows = reader.execute(
        """
        SELECT t.channel, t.language, v.id
        FROM templates t JOIN template_versions v ON v.template_id = t.id AND v.version = t.version
        WHERE t.name = ? AND t.removed_at IS NULL
        """,
        (name,),
    )
    return [Named._make(row) for row in rows]


def version(reader: sqlite3.Connection, version_id: int) -> Template | None:
    """One version by its row."""
    row = reader.execute(f"{_SELECT} WHERE v.id = ?", (version_id,)).fetchone()
    return Template._make(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Template]:
    """The newest templates in use that meet every filter in `wanted` (keys of FILTERS), newest first."""
    conditions = ["t.removed_at IS NULL", "v.version = t.version", *[FILTERS[name] for name in wanted]]
    rows = reader.execute(
        f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY t.id DESC LIMIT ?", (*wanted.values(), limit)
    )
    return [Template._make(row) for row in rows]


def versions(reader: sqlite3.Connection, template_id: int, before: int | None, limit: int) -> list[Template]:
    """A template's versions, newest first, below number `before`."""
    rows = reader.execute(
        f"{_SELECT} WHERE t.id = ?1 AND (?2 IS NULL OR v.version < ?2) ORDER BY v.version DESC LIMIT ?3",
        (template_id, before, limit),
    )
    return [Template._make(row) for row in rows]
