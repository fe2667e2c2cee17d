"""Webhooks, and what went or goes to each. `events_seen` and its like say how far each has been told; `ended`
counts the batches that have finished, in the order they did. Of a delivery, `source` and `source_id` name the row
it tells of, and those of one `subject` go one after the other; `next_try` is set while it waits."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE webhooks (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, target_sealed BLOB NOT NULL, events TEXT NOT NULL,
            include_metadata INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL,
            disabled_at INTEGER, events_seen INTEGER NOT NULL, consents_seen INTEGER NOT NULL,
            suppressions_seen INTEGER NOT NULL, batches_seen INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE webhook_deliveries (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, webhook_id INTEGER NOT NULL, source TEXT NOT NULL,
            source_id INTEGER NOT NULL, subject INTEGER NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0, code TEXT, tried_at INTEGER,
            next_try INTEGER
        ) STRICT
        """,
        "CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id)",
        "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_try) WHERE next_try IS NOT NULL",
        """
        CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, source, subject, id)
        WHERE next_try IS NOT NULL
        """,
        "ALTER TABLE batches ADD COLUMN ended INTEGER",
        "ALTER TABLE batches ADD COLUMN ended_at INTEGER",
        "CREATE INDEX batches_by_end ON batches (ended)",
    )
