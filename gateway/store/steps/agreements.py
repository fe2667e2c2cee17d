"""The words that guests agree to, what they were asked and have not answered yet, and consents that come to an end.
`first` marks an ask that nobody had asked for: there is one of them for each guest and channel, and it is kept."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE wordings (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, version TEXT NOT NULL, language TEXT NOT NULL,
            channels TEXT NOT NULL, categories TEXT NOT NULL, text_sealed BLOB NOT NULL, created_at INTEGER NOT NULL,
            actor TEXT NOT NULL, UNIQUE (version, language)
        ) STRICT
        """,
        "ALTER TABLE consents ADD COLUMN wording_id INTEGER",
        "ALTER TABLE consents ADD COLUMN ip_sealed BLOB",
        """
        CREATE TABLE asks (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, guest_id INTEGER NOT NULL REFERENCES guests (id),
            blind BLOB NOT NULL, message_uuid BLOB NOT NULL, via TEXT NOT NULL, channels TEXT NOT NULL,
            categories TEXT NOT NULL, wording_id INTEGER NOT NULL REFERENCES wordings (id), form_sealed BLOB,
            first INTEGER NOT NULL, actor TEXT NOT NULL, asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            confirmed_as BLOB
        ) STRICT
        """,
        "CREATE INDEX asks_by_guest ON asks (guest_id)",
        "CREATE UNIQUE INDEX asks_first ON asks (guest_id, via) WHERE first = 1",
        "CREATE INDEX asks_by_end ON asks (expires_at) WHERE first = 0",
        """
        CREATE TABLE endings (
            consent_id INTEGER PRIMARY KEY REFERENCES consents (id), ends_at INTEGER, rule TEXT,
            told INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX endings_by_end ON endings (ends_at)",
        """
        INSERT INTO endings (consent_id)
        SELECT id FROM consents
        WHERE action IN ('grant', 'renew') AND (
            json_extract(facts, '$.expires_at') IS NOT NULL
            OR json_extract(facts, '$.kind') NOT IN ('express', 'express_written')
        )
        """,
        "ALTER TABLE consents ADD COLUMN about INTEGER",
    )
