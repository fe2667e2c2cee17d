"""Guests that are edited, tagged and imported; contact points that are taken away; stops that are lifted."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        "ALTER TABLE guests ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE guests ADD COLUMN updated_at INTEGER",
        "ALTER TABLE guests ADD COLUMN import_id INTEGER",
        "CREATE INDEX guests_by_import ON guests (import_id) WHERE import_id IS NOT NULL",
        "ALTER TABLE contacts ADD COLUMN removed_at INTEGER",
        """
        CREATE TABLE guest_tags (
            guest_id INTEGER NOT NULL REFERENCES guests (id), tag TEXT NOT NULL, PRIMARY KEY (guest_id, tag)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX guest_tags_by_tag ON guest_tags (tag, guest_id)",
        """
        CREATE TABLE imports (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, actor TEXT NOT NULL, started_at INTEGER NOT NULL,
            finished_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE import_fills (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, import_id INTEGER NOT NULL, guest_uuid BLOB NOT NULL,
            said_sealed BLOB NOT NULL
        ) STRICT
        """,
        "CREATE INDEX import_fills_by_import ON import_fills (import_id, id)",
        "ALTER TABLE suppressions ADD COLUMN lift_asked_by BLOB",
        "ALTER TABLE suppressions ADD COLUMN lift_reasons_sealed BLOB",
    )
