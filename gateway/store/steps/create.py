"""What every step does: statements, one after the other, in the step's transaction."""

import sqlite_utils


def create(db: sqlite_utils.Database, *statements: str) -> None:
    """Run them as they stand."""
    for statement in statements:
        db.conn.execute(statement)
