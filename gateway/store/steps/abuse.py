"""Steps taken against abuse. `digest` stands for a source or a caller, `signals` is JSON: what led to it and how often;
the address is sealed under the venue's key."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE abuse (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, digest BLOB NOT NULL, kind TEXT NOT NULL,
            step TEXT NOT NULL, until INTEGER NOT NULL, dry_run INTEGER NOT NULL, signals TEXT NOT NULL, actor TEXT,
            since INTEGER NOT NULL, ended_at INTEGER, address_sealed BLOB
        ) STRICT
        """,
        "CREATE INDEX abuse_of ON abuse (digest)",
        "CREATE INDEX abuse_in_force ON abuse (until) WHERE ended_at IS NULL",
        "CREATE INDEX abuse_since ON abuse (since)",
    )
