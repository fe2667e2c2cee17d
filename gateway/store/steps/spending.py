"""What the messages of a channel have cost on each day, in millionths; `day` is the ordinal of a date on the venue's
calendar. `past_ceiling`: a person let the message go though the day's money was spent."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE spending (
            channel TEXT NOT NULL, day INTEGER NOT NULL, spent INTEGER NOT NULL, PRIMARY KEY (channel, day)
        ) STRICT, WITHOUT ROWID
        """,
        "ALTER TABLE outbox ADD COLUMN past_ceiling INTEGER NOT NULL DEFAULT 0",
    )
