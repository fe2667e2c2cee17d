"""Templates and every version of them, and which version a message was printed from."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE templates (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, name TEXT NOT NULL, channel TEXT NOT NULL,
            language TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, removed_at INTEGER
        ) STRICT
        """,
        "CREATE UNIQUE INDEX templates_by_name ON templates (name, channel, language) WHERE removed_at IS NULL",
        """
        CREATE TABLE template_versions (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, template_id INTEGER NOT NULL REFERENCES templates (id),
            version INTEGER NOT NULL, sheet_sealed BLOB NOT NULL, created_at INTEGER NOT NULL, actor TEXT NOT NULL,
            UNIQUE (template_id, version)
        ) STRICT
        """,
        "ALTER TABLE messages ADD COLUMN template_version_id INTEGER",
    )
