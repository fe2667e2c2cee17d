"""The register of breaches: what happened (sealed under the venue's key), whom it is about, which authorities are to be
told by when, and the batches that told the guests."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE breaches (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, noticed_at INTEGER NOT NULL, risk TEXT,
            words_sealed BLOB NOT NULL, version INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL,
            closed_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE breach_guests (
            breach_id INTEGER NOT NULL REFERENCES breaches (id) ON DELETE CASCADE, guest_id INTEGER NOT NULL,
            PRIMARY KEY (breach_id, guest_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE breach_authorities (
            breach_id INTEGER NOT NULL REFERENCES breaches (id) ON DELETE CASCADE, country TEXT NOT NULL,
            due_at INTEGER NOT NULL, rule TEXT, state TEXT NOT NULL DEFAULT 'open', settled_at INTEGER,
            PRIMARY KEY (breach_id, country)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE breach_notices (
            breach_id INTEGER NOT NULL REFERENCES breaches (id) ON DELETE CASCADE, batch_uuid BLOB NOT NULL,
            at INTEGER NOT NULL, PRIMARY KEY (breach_id, batch_uuid)
        ) STRICT, WITHOUT ROWID
        """,
    )
