"""What new senders have sent on each day of their warm-up. `sender` is the slug in config.toml, empty for `[sender]`;
`day` is the ordinal of a date on the venue's calendar."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE warm_ups (
            sender TEXT NOT NULL, day INTEGER NOT NULL, sent INTEGER NOT NULL, PRIMARY KEY (sender, day)
        ) STRICT, WITHOUT ROWID
        """,
    )
