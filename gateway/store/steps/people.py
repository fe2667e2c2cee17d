"""Users with their second factor, their sessions, codes to begin with; and of API keys when each was last used."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        "ALTER TABLE apikeys ADD COLUMN last_used_at INTEGER",
        "ALTER TABLE apikeys ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        """
        CREATE TABLE users (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, role TEXT NOT NULL, blind BLOB NOT NULL UNIQUE,
            profile_sealed BLOB NOT NULL, password TEXT, totp_sealed BLOB, totp_on INTEGER NOT NULL DEFAULT 0,
            totp_step INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL,
            signed_in_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE recovery_codes (
            digest BLOB PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id)",
        """
        CREATE TABLE setup_codes (
            digest BLOB PRIMARY KEY, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE,
            user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, generation INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL, used_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX sessions_by_user ON sessions (user_id)",
    )
