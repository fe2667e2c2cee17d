"""Guests, messages and their way out, consents, suppressions, the audit log, keys and limits."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
        """
        CREATE TABLE guests (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, key_id INTEGER NOT NULL,
            status TEXT NOT NULL DEFAULT 'active', country TEXT, region TEXT, timezone TEXT, language TEXT,
            profile_sealed BLOB, created_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX guests_by_key ON guests (key_id)",
        """
        CREATE TABLE contacts (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, guest_id INTEGER NOT NULL REFERENCES guests (id),
            kind TEXT NOT NULL, blind BLOB NOT NULL, address_sealed BLOB NOT NULL, created_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX contacts_by_blind ON contacts (blind)",
        "CREATE INDEX contacts_by_guest ON contacts (guest_id)",
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, state TEXT NOT NULL, reason TEXT,
            channel TEXT NOT NULL, class TEXT NOT NULL, category TEXT NOT NULL, guest_id INTEGER, contact_id INTEGER,
            sender TEXT, provider TEXT, reference TEXT, created_at INTEGER NOT NULL, due_at INTEGER,
            expires_at INTEGER, settled_at INTEGER, retry_of BLOB, fallback_of BLOB, actor TEXT NOT NULL,
            envelope TEXT NOT NULL, decision TEXT NOT NULL, content_sealed BLOB, blind BLOB
        ) STRICT
        """,
        "CREATE INDEX messages_by_guest ON messages (guest_id, id)",
        "CREATE INDEX messages_by_reference ON messages (reference, id) WHERE reference IS NOT NULL",
        """
        CREATE TABLE outbox (
            message_id INTEGER PRIMARY KEY, channel TEXT NOT NULL, lease INTEGER NOT NULL, due_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, avoid TEXT, reason TEXT, uncertain INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX outbox_by_due ON outbox (channel, lease, due_at)",
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL, detail TEXT,
            words_sealed BLOB
        ) STRICT
        """,
        "CREATE INDEX events_by_message ON events (message_id)",
        """
        CREATE TABLE consents (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, guest_id INTEGER NOT NULL REFERENCES guests (id),
            action TEXT NOT NULL, at INTEGER NOT NULL, facts TEXT NOT NULL, proof_sealed BLOB, actor TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX consents_by_guest ON consents (guest_id, id)",
        """
        CREATE TABLE suppressions (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, blind BLOB NOT NULL, scope TEXT NOT NULL,
            channels TEXT NOT NULL, categories TEXT NOT NULL, classes TEXT NOT NULL, source TEXT NOT NULL,
            permanent INTEGER NOT NULL, created_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, lifted_at INTEGER,
            origin BLOB NOT NULL, actor TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX suppressions_by_blind ON suppressions (blind)",
        "CREATE TABLE audit (seq INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
        "CREATE TABLE audit_salts (seq INTEGER PRIMARY KEY, salt_sealed BLOB NOT NULL) STRICT",
        "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL, frontier BLOB NOT NULL) STRICT",
        """
        CREATE TABLE idempotency (
            id INTEGER PRIMARY KEY, digest BLOB NOT NULL, mac BLOB NOT NULL, status INTEGER NOT NULL,
            answer BLOB NOT NULL, location TEXT, at INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE apikeys (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, public TEXT NOT NULL UNIQUE, digest BLOB NOT NULL,
            principal BLOB NOT NULL, scopes TEXT NOT NULL, networks TEXT NOT NULL, expires_at INTEGER,
            created_at INTEGER NOT NULL, revoked_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE limits (
            rule TEXT NOT NULL, caller BLOB NOT NULL, state TEXT NOT NULL, PRIMARY KEY (rule, caller)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE TABLE scratch (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT",
    )
