"""Requests of guests about their data: what was asked and until when, the proof that was asked for, and everything
that happened. A request outlives its guest and then names nobody; `reminded` says which alarm was given last. The
numbers of requests and events are given once: guests are told the former, webhooks remember the latter."""

import sqlite_utils

from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step."""
    create(
        db,
        """
        CREATE TABLE data_requests (
            id INTEGER PRIMARY KEY AUTOINCREMENT, uuid BLOB NOT NULL UNIQUE, guest_id INTEGER, kind TEXT NOT NULL,
            status TEXT NOT NULL, received_via TEXT NOT NULL, received_at INTEGER NOT NULL, actor TEXT NOT NULL,
            jurisdiction TEXT NOT NULL, country TEXT, due_date TEXT NOT NULL, due_at INTEGER NOT NULL,
            reasons TEXT NOT NULL, pauses TEXT NOT NULL DEFAULT '[]', paused_at INTEGER, extended_at INTEGER,
            verified_at INTEGER, verified_by TEXT, guest_was TEXT, erase_at INTEGER, closed_at INTEGER, refusal TEXT,
            reminded TEXT, created_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX data_requests_open ON data_requests (due_at) WHERE closed_at IS NULL",
        "CREATE INDEX data_requests_by_guest ON data_requests (guest_id)",
        """
        CREATE TABLE data_request_proofs (
            request_id INTEGER PRIMARY KEY REFERENCES data_requests (id) ON DELETE CASCADE, purpose TEXT NOT NULL,
            digest BLOB NOT NULL, channel TEXT NOT NULL, expires_at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
            sent INTEGER NOT NULL DEFAULT 1
        ) STRICT
        """,
        """
        CREATE TABLE data_request_events (
            id INTEGER PRIMARY KEY AUTOINCREMENT, uuid BLOB NOT NULL UNIQUE,
            request_id INTEGER NOT NULL REFERENCES data_requests (id) ON DELETE CASCADE, type TEXT NOT NULL,
            at INTEGER NOT NULL, actor TEXT NOT NULL, detail TEXT, note_sealed BLOB
        ) STRICT
        """,
        "CREATE INDEX data_request_events_by_request ON data_request_events (request_id)",
        "ALTER TABLE webhooks ADD COLUMN requests_seen INTEGER NOT NULL DEFAULT 0",
    )
