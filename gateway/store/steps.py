"""The tables, as numbered steps. A step is never edited once released; a new need is a new step.

Ids: `id` is the integer inside, `uuid` the 16 bytes behind the public id. Times are milliseconds since 1970 UTC.
Sealed columns end in `_sealed` and hold what `gateway.vault` made of them. `blind` is the keyed blind index of an
address, 16 bytes. Only imported when there is a step to take: most starts need none of it.
"""

import sqlite_utils
from sqlite_utils.migrations import Migrations

steps = Migrations("gateway")


def _create(db: sqlite_utils.Database, *statements: str) -> None:
    for statement in statements:
        db.conn.execute(statement)


@steps(name="0001_first_tables")
def first_tables(db: sqlite_utils.Database) -> None:
    """Guests, messages and their way out, consents, suppressions, the audit log, keys and limits."""
    _create(
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


@steps(name="0002_templates")
def templates(db: sqlite_utils.Database) -> None:
    """Templates and every version of them, and which version a message was printed from."""
    _create(
        db,
        """
        CREATE TABLE templates (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, name TEXT NOT NULL, channel TEXT NOT NULL,
            language TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, removed_at INTEGER
        ) STRICT
        """,
        "CREATE UNIQUE INDEX templates_by_name ON templates (name, channel, language) WHERE removed_at IS NULL",
        """
        CREATE TABLE template_versions (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, template_id INTEGER NOT NULL REFERENCES templates (id),
            version INTEGER NOT NULL, sheet_sealed BLOB NOT NULL, created_at INTEGER NOT NULL, actor TEXT NOT NULL,
            UNIQUE (template_id, version)
        ) STRICT
        """,
        "ALTER TABLE messages ADD COLUMN template_version_id INTEGER",
    )


@steps(name="0003_guests")
def guestbook(db: sqlite_utils.Database) -> None:
    """Guests that are edited, tagged and imported; contact points that are taken away; stops that are lifted."""
    _create(
        db,
        "ALTER TABLE guests ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE guests ADD COLUMN updated_at INTEGER",
        "ALTER TABLE guests ADD COLUMN import_id INTEGER",
        "CREATE INDEX guests_by_import ON guests (import_id) WHERE import_id IS NOT NULL",
        "ALTER TABLE contacts ADD COLUMN removed_at INTEGER",
        """
        CREATE TABLE guest_tags (
            guest_id INTEGER NOT NULL REFERENCES guests (id), tag TEXT NOT NULL, PRIMARY KEY (guest_id, tag)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX guest_tags_by_tag ON guest_tags (tag, guest_id)",
        """
        CREATE TABLE imports (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, actor TEXT NOT NULL, started_at INTEGER NOT NULL,
            finished_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE import_fills (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, import_id INTEGER NOT NULL, guest_uuid BLOB NOT NULL,
            said_sealed BLOB NOT NULL
        ) STRICT
        """,
        "CREATE INDEX import_fills_by_import ON import_fills (import_id, id)",
        "ALTER TABLE suppressions ADD COLUMN lift_asked_by BLOB",
        "ALTER TABLE suppressions ADD COLUMN lift_reasons_sealed BLOB",
    )


@steps(name="0004_people")
def people(db: sqlite_utils.Database) -> None:
    """Users with their second factor, their sessions, codes to begin with; and of API keys when each was last used."""
    _create(
        db,
        "ALTER TABLE apikeys ADD COLUMN last_used_at INTEGER",
        "ALTER TABLE apikeys ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        """
        CREATE TABLE users (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, role TEXT NOT NULL, blind BLOB NOT NULL UNIQUE,
            profile_sealed BLOB NOT NULL, password TEXT, totp_sealed BLOB, totp_on INTEGER NOT NULL DEFAULT 0,
            totp_step INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL,
            signed_in_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE recovery_codes (
            digest BLOB PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id)",
        """
        CREATE TABLE setup_codes (
            digest BLOB PRIMARY KEY, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE,
            user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, generation INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL, used_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX sessions_by_user ON sessions (user_id)",
    )


@steps(name="0005_counters")
def counters(db: sqlite_utils.Database) -> None:
    """What messages are counted under, and the counters. Messages that are there get their series; a guest's language
    is what it is today."""
    _create(
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


@steps(name="0006_batches")
def batches(db: sqlite_utils.Database) -> None:
    """Batches. `counts` is 0 until the last transaction of their acceptance; what never counted is removed at a start.
    `released_to` is the id of the last message that was put on its way, `done` says that all were."""
    _create(
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


@steps(name="0007_webhooks")
def webhooks(db: sqlite_utils.Database) -> None:
    """Webhooks, and what went or goes to each. `events_seen` and its like say how far each has been told; `ended`
    counts the batches that have finished, in the order they did. Of a delivery, `source` and `source_id` name the row
    it tells of, and those of one `subject` go one after the other; `next_try` is set while it waits."""
    _create(
        db,
        """
        CREATE TABLE webhooks (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, target_sealed BLOB NOT NULL, events TEXT NOT NULL,
            include_metadata INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL,
            disabled_at INTEGER, events_seen INTEGER NOT NULL, consents_seen INTEGER NOT NULL,
            suppressions_seen INTEGER NOT NULL, batches_seen INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE webhook_deliveries (
            id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, webhook_id INTEGER NOT NULL, source TEXT NOT NULL,
            source_id INTEGER NOT NULL, subject INTEGER NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0, code TEXT, tried_at INTEGER,
            next_try INTEGER
        ) STRICT
        """,
        "CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id)",
        "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_try) WHERE next_try IS NOT NULL",
        """
        CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, source, subject, id)
        WHERE next_try IS NOT NULL
        """,
        "ALTER TABLE batches ADD COLUMN ended INTEGER",
        "ALTER TABLE batches ADD COLUMN ended_at INTEGER",
        "CREATE INDEX batches_by_end ON batches (ended)",
    )
