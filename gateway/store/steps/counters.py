"""What messages are counted under, and the counters. Messages that are there get their series; a guest's language
is what it is today."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE series (
            id INTEGER PRIMARY KEY, channel TEXT NOT NULL, class TEXT NOT NULL, category TEXT NOT NULL,
            language TEXT NOT NULL, jurisdiction TEXT NOT NULL,
            UNIQUE (channel, class, category, language, jurisdiction)
        ) STRICT
        """,
        """
        CREATE TABLE counters (
            grain TEXT NOT NULL, period INTEGER NOT NULL, series INTEGER NOT NULL, provider TEXT NOT NULL,
            counts BLOB NOT NULL, until_sent BLOB, until_delivered BLOB,
            PRIMARY KEY (grain, period, series, provider)
        ) STRICT, WITHOUT ROWID
        """,
        "ALTER TABLE messages ADD COLUMN series INTEGER",
        """
        CREATE TEMP VIEW counted AS
        SELECT
            m.id, m.channel, m.class, m.category,
            lower(substr(g.language, 1, instr(g.language || '-', '-') - 1)) AS language,
            (SELECT group_concat(value, '/') FROM json_each(m.decision, '$.jurisdictions')) AS jurisdiction
        FROM messages m LEFT JOIN guests g ON g.id = m.guest_id
        """,
        """
        INSERT INTO series (channel, class, category, language, jurisdiction)
        SELECT DISTINCT channel, class, category, COALESCE(language, 'und'), COALESCE(jurisdiction, '') FROM counted
        """,
        """
        UPDATE messages SET series = s.id
        FROM counted c JOIN series s USING (channel, class, category)
        WHERE c.id = messages.id
            AND s.language = COALESCE(c.language, 'und') AND s.jurisdiction = COALESCE(c.jurisdiction, '')
        """,
        "DROP VIEW counted",
    )
