"""Webhooks: where events go, and how far each endpoint has been told. Address and secrets are sealed."""

import sqlite3
from typing import NamedTuple

from msgspec import json

from gateway.store import batches, feed
from gateway.store.db import Tx
from gateway.store.feed import Marks


class NewWebhook(NamedTuple):
    """A webhook to be written."""

    uuid: bytes
    target_sealed: bytes
    events: tuple[str, ...]
    include_metadata: bool


class Webhook(NamedTuple):
    """A webhook as it stands. `seen`: how far it has been told."""

    id: int
    uuid: bytes
    target_sealed: bytes
    events: tuple[str, ...]
    include_metadata: bool
    version: int
    created_at: int
    disabled_at: int | None
    seen: Marks


_SELECT = """
    SELECT
        id, uuid, target_sealed, events, include_metadata, version, created_at, disabled_at, events_seen, consents_seen,
        suppressions_seen, batches_seen, requests_seen, replies_seen
    FROM webhooks
"""


def add(tx: Tx, new: NewWebhook) -> None:
    """Write a webhook. It is told of what happens from now on."""
    tx.execute(
        """
        INSERT INTO webhooks (
            uuid, target_sealed, events, include_metadata, created_at, events_seen, consents_seen, suppressions_seen,
            batches_seen, requests_seen, replies_seen
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (new.uuid, new.target_sealed, json.encode(new.events).decode(), new.include_metadata, tx.now, *_now(tx)),
    )


def count(reader: sqlite3.Connection) -> int:
    """How many there are."""
    return reader.execute("SELECT count(*) FROM webhooks").fetchone()[0]


def find(reader: sqlite3.Connection, uuid: bytes) -> Webhook | None:
    """The webhook behind a public id."""
    row = reader.execute(f"{_SELECT} WHERE uuid = ?", (uuid,)).fetchone()
    return _webhook(row) if row else None


def get(reader: sqlite3.Connection, row_id: int) -> Webhook | None:
    """The webhook of this row."""
    row = reader.execute(f"{_SELECT} WHERE id = ?", (row_id,)).fetchone()
    return _webhook(row) if row else None


def page(reader: sqlite3.Connection, before: int, limit: int) -> list[Webhook]:
    """Webhooks whose row is below `before`, newest first."""
    return [
        _webhook(row) for row in reader.execute(f"{_SELECT} WHERE id < ? ORDER BY id DESC LIMIT ?", (before, limit))
    ]


def enabled(reader: sqlite3.Connection) -> set[int]:
    """The rows of those that are told."""
    return {row_id for (row_id,) in reader.execute("SELECT id FROM webhooks WHERE disabled_at IS NULL")}


def change(tx: Tx, webhook: Webhook) -> None:
    """Write what may be changed of a webhook, and count its version on."""
    tx.execute(
        "UPDATE webhooks SET target_sealed = ?, events = ?, include_metadata = ?, version = version + 1 WHERE id = ?",
        (webhook.target_sealed, json.encode(webhook.events).decode(), webhook.include_metadata, webhook.id),
    )


def enable(tx: Tx, row_id: int) -> None:
    """Tell it again, of what happens from now on."""
    tx.execute(
        """
        UPDATE webhooks SET disabled_at = NULL, version = version + 1, events_seen = ?, consents_seen = ?,
            suppressions_seen = ?, batches_seen = ?, requests_seen = ?, replies_seen = ?
        WHERE id = ? AND disabled_at IS NOT NULL
        """,
        (*_now(tx), row_id),
    )


def disable(tx: Tx, row_id: int) -> bool:
    """Tell it nothing more; whether it was told until now."""
    sql = "UPDATE webhooks SET disabled_at = ?, version = version + 1 WHERE id = ? AND disabled_at IS NULL"
    return bool(tx.execute(sql, (tx.now, row_id)).rowcount)


def told(tx: Tx, row_id: int, seen: Marks, now_seen: Marks) -> bool:
    """Note how far it has been told; False, and nothing is noted, when it is no longer where it was, or disabled."""
    sql = """
        UPDATE webhooks SET events_seen = ?, consents_seen = ?, suppressions_seen = ?, batches_seen = ?,
            requests_seen = ?, replies_seen = ?
        WHERE id = ? AND disabled_at IS NULL
            AND events_seen = ? AND consents_seen = ? AND suppressions_seen = ? AND batches_seen = ?
            AND requests_seen = ? AND replies_seen = ?
    """
    return bool(tx.execute(sql, (*now_seen, row_id, *seen)).rowcount)


def remove(tx: Tx, row_id: int) -> None:
    """Take a webhook away. Its deliveries must be gone already."""
    tx.execute("DELETE FROM webhooks WHERE id = ?", (row_id,))


def _now(tx: Tx) -> Marks:
    """The present, with every batch that has finished until now behind it."""
    batches.end(tx)
    return feed.last(tx.connection)


def _webhook(row: tuple) -> Webhook:
    id_, uuid, target_sealed, events, include_metadata, version, created_at, disabled_at, *seen = row
    return Webhook(
        id_, uuid, target_sealed, tuple(json.decode(events)), bool(include_metadata), version, created_at, disabled_at,
        Marks._make(seen),
    )  # fmt: skip
