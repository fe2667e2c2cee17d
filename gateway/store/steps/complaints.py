"""Complaints about what the house does with data: by when each is to be acknowledged, when it was, and how it ended.
Words are sealed under the guest's key, or the venue's where nobody is known."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE complaints (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, guest_id INTEGER, received_via TEXT NOT NULL,
            received_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, actor TEXT NOT NULL, jurisdiction TEXT NOT NULL,
            rule TEXT, due_at INTEGER, due_date TEXT, acknowledged_at INTEGER, closed_at INTEGER, words_sealed BLOB,
            answer_sealed BLOB
        ) STRICT
        """,
        "CREATE INDEX complaints_by_guest ON complaints (guest_id)",
        "CREATE INDEX complaints_open ON complaints (due_at) WHERE closed_at IS NULL",
    )
