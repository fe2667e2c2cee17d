"""Stops that reached the venue otherwise than through the gateway: until when the law wants them to hold."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        "ALTER TABLE suppressions ADD COLUMN due_at INTEGER",
        "CREATE INDEX suppressions_late ON suppressions (recorded_at) WHERE recorded_at > due_at",
    )
