"""What lets things about guests go: the day of the event a message is about, when and why its text went, guests of whom
nothing may go, and what each run of retention took. The text of a message is found by category and age; a refused one
by the address it was for. `event_date` is midnight UTC of the day; `held` are the guests of whom nothing ages."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        "ALTER TABLE messages ADD COLUMN event_date INTEGER",
        "ALTER TABLE messages ADD COLUMN text_gone_at INTEGER",
        "ALTER TABLE messages ADD COLUMN text_gone_why TEXT",
        """
        CREATE INDEX messages_to_age ON messages (category, COALESCE(event_date, created_at))
        WHERE content_sealed IS NOT NULL
        """,
        "CREATE INDEX messages_by_blind ON messages (blind) WHERE blind IS NOT NULL",
        "CREATE INDEX guests_erased ON guests (key_id) WHERE status = 'erased'",
        """
        CREATE TABLE holds (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, guest_id INTEGER NOT NULL REFERENCES guests (id),
            reason_sealed BLOB NOT NULL, actor TEXT NOT NULL, placed_at INTEGER NOT NULL, ended_at INTEGER
        ) STRICT
        """,
        "CREATE UNIQUE INDEX holds_in_force ON holds (guest_id) WHERE ended_at IS NULL",
        "CREATE INDEX holds_by_guest ON holds (guest_id)",
        "CREATE INDEX guests_restricted ON guests (id) WHERE status = 'restricted'",
        """
        CREATE VIEW held AS
        SELECT id AS guest_id FROM guests WHERE status = 'restricted'
        UNION SELECT guest_id FROM holds WHERE ended_at IS NULL
        """,
        """
        CREATE TABLE retention_runs (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, went TEXT NOT NULL
        ) STRICT
        """,
    )
