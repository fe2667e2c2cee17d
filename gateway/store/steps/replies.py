"""What guests answered, and what came of it; and how far webhooks have been told of it. The text is sealed under the
guest's key, or the venue's where nobody has the address."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE replies (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, guest_id INTEGER, blind BLOB NOT NULL,
            channel TEXT NOT NULL, action TEXT NOT NULL, reasons TEXT NOT NULL, status TEXT NOT NULL,
            received_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, actor TEXT NOT NULL, text_sealed BLOB,
            suppression BLOB, consent BLOB, message BLOB, not_sent TEXT, decision TEXT, decided_at INTEGER
        ) STRICT
        """,
        "CREATE INDEX replies_by_guest ON replies (guest_id)",
        "CREATE INDEX replies_by_address ON replies (blind)",
        "CREATE INDEX replies_by_stop ON replies (suppression) WHERE suppression IS NOT NULL",
        "CREATE INDEX replies_by_age ON replies (received_at, id) WHERE text_sealed IS NOT NULL",
        "ALTER TABLE webhooks ADD COLUMN replies_seen INTEGER NOT NULL DEFAULT 0",
    )
