"""Batches. `counts` is 0 until the last transaction of their acceptance; what never counted is removed at a start.
`released_to` is the id of the last message that was put on its way, `done` says that all were."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE batches (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, counts INTEGER NOT NULL DEFAULT 0,
            channel TEXT NOT NULL, class TEXT NOT NULL, category TEXT NOT NULL, sender TEXT, actor TEXT NOT NULL,
            created_at INTEGER NOT NULL, content_sealed BLOB NOT NULL, resend_of BLOB, tally TEXT NOT NULL DEFAULT '{}',
            released_to INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0, cancelled_at INTEGER
        ) STRICT
        """,
        "CREATE INDEX batches_at_work ON batches (id) WHERE counts = 0 OR done = 0",
        "ALTER TABLE messages ADD COLUMN batch_id INTEGER",
        "CREATE INDEX messages_by_batch ON messages (batch_id, id) WHERE batch_id IS NOT NULL",
        "ALTER TABLE guests ADD COLUMN made_by INTEGER",
        "CREATE INDEX guests_by_batch ON guests (made_by) WHERE made_by IS NOT NULL",
    )
