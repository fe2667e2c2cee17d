"""From where and with which API keys the API may be used; why is sealed under the venue's key."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE access_rules (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, verdict TEXT NOT NULL, network TEXT UNIQUE,
            api_key TEXT UNIQUE, reason_sealed BLOB NOT NULL, actor TEXT NOT NULL, created_at INTEGER NOT NULL,
            expires_at INTEGER, CHECK ((network IS NULL) <> (api_key IS NULL))
        ) STRICT
        """,
        "CREATE INDEX access_rules_over ON access_rules (expires_at) WHERE expires_at IS NOT NULL",
    )
