"""What guests ask about their data: the requests, the proofs that are asked for, and everything that happens to them.

A request outlives its guest. Nothing here names anybody but by ids; what people wrote is sealed with the events.
"""

import sqlite3
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec import json

from gateway.model import GuestStatus, RequestKind, RequestStatus
from gateway.store.db import Tx


class NewRequest(NamedTuple):
    """A request to be written. `due_date` is a local day as ISO has it, `due_at` the instant it is over."""

    uuid: bytes
    guest_id: int | None
    kind: RequestKind
    status: RequestStatus
    received_via: str
    received_at: int
    actor: str
    jurisdiction: str
    country: str | None
    due_date: date
    due_at: int
    reasons: Sequence[str]


class Request(NamedTuple):
    """A request as it stands. `paused_at`: since when the clock stands still; `guest_was`: what its guest's status was
    before; `key_id`: whose key seals what is written about it, 0 once there is no guest any more."""

    id: int
    uuid: bytes
    kind: RequestKind
    status: RequestStatus
    received_via: str
    received_at: int
    actor: str
    jurisdiction: str
    country: str | None
    due_date: date
    due_at: int
    reasons: list[str]
    pauses: list[tuple[int, int]]
    paused_at: int | None
    extended_at: int | None
    verified_at: int | None
    verified_by: str | None
    guest_was: GuestStatus | None
    erase_at: int | None
    closed_at: int | None
    refusal: str | None
    reminded: str | None
    created_at: int
    guest_id: int | None
    guest_uuid: bytes | None
    key_id: int

    @property
    def known(self) -> bool:
        """Whether there is a guest to be written to, or to be sealed for."""
        return bool(self.key_id)


class Proof(NamedTuple):
    """A code that was sent: what it is for, how often it was tried, how many were sent before it and with it."""

    purpose: str
    digest: bytes
    channel: str
    expires_at: int
    tries: int
    sent: int


class Event(NamedTuple):
    """Something that happened to a request. `detail` names nobody; what somebody wrote is sealed."""

    uuid: bytes
    request_id: int
    type: str
    at: int
    actor: str
    detail: dict[str, Any]
    note_sealed: bytes | None


_SELECT = """
    SELECT
        r.id, r.uuid, r.kind, r.status, r.received_via, r.received_at, r.actor, r.jurisdiction, r.country, r.due_date,
        r.due_at, r.reasons, r.pauses, r.paused_at, r.extended_at, r.verified_at, r.verified_by, r.guest_was,
        r.erase_at, r.closed_at, r.refusal, r.reminded, r.created_at, r.guest_id, g.uuid,
        CASE WHEN g.status <> 'erased' THEN g.key_id ELSE 0 END
    FROM data_requests r LEFT JOIN guests g ON g.id = r.guest_id
"""
FILTERS = {
    "status": "r.status = ?",
    "kind": "r.kind = ?",
    "guest": "g.uuid = ?",
    "due_before": "r.closed_at IS NULL AND r.due_at < ?",
    "before": "r.id < ?",
}
"""What a list can be narrowed by."""
LISTS = ("reasons", "pauses")
_DATE, _REASONS, _PAUSES, _KEY = (Request._fields.index(name) for name in ("due_date", "reasons", "pauses", "key_id"))


def add(tx: Tx, new: NewRequest) -> int:
    """Write a request; its row."""
    return tx.insert(
        """
        INSERT INTO data_requests (
            uuid, guest_id, kind, status, received_via, received_at, actor, jurisdiction, country, due_date, due_at,
            reasons, created_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (*new[:9], new.due_date.isoformat(), new.due_at, json.encode(new.reasons).decode(), tx.now),
    )


def change(tx: Tx, request_id: int, **to: Any) -> None:
    """Let columns of a request say something else."""
    stored = {name: json.encode(value).decode() if name in LISTS else value for name, value in to.items()}
    columns = ", ".join(f"{name} = ?" for name in stored)
    tx.execute(f"UPDATE data_requests SET {columns} WHERE id = ?", (*stored.values(), request_id))  # noqa: S608 our own


def find(reader: sqlite3.Connection, uuid: bytes) -> Request | None:
    """The request of this id."""
    row = reader.execute(f"{_SELECT} WHERE r.uuid = ?", (uuid,)).fetchone()
    return _request(row) if row else None


def get(reader: sqlite3.Connection, row_id: int) -> Request:
    """The request in this row, which is there."""
    return _request(reader.execute(f"{_SELECT} WHERE r.id = ?", (row_id,)).fetchone())


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Request]:
    """The newest requests that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = " AND ".join(FILTERS[name] for name in wanted)
    rows = reader.execute(f"{_SELECT} WHERE {where} ORDER BY r.id DESC LIMIT ?", (*wanted.values(), limit))
    return [_request(row) for row in rows]


def of(reader: sqlite3.Connection, guest_id: int) -> list[Request]:
    """All requests of a guest, the oldest first."""
    return [_request(row) for row in reader.execute(f"{_SELECT} WHERE r.guest_id = ? ORDER BY r.id", (guest_id,))]


def unfinished(reader: sqlite3.Connection, guest_id: int, kind: RequestKind) -> Request | None:
    """The request of this kind that a guest waits for."""
    where = "WHERE r.guest_id = ? AND r.kind = ? AND r.closed_at IS NULL ORDER BY r.id LIMIT 1"
    row = reader.execute(f"{_SELECT} {where}", (guest_id, kind)).fetchone()
    return _request(row) if row else None


def _request(row: tuple) -> Request:
    members = list(row)
    members[_DATE] = date.fromisoformat(row[_DATE])
    members[_REASONS], members[_PAUSES] = json.decode(row[_REASONS]), json.decode(row[_PAUSES])
    members[_KEY] = row[_KEY] or 0
    return Request._make(members)


# -- what time does ----------------------------------------------------------------------------------------------------


def to_erase(reader: sqlite3.Connection, now: int) -> list[Request]:
    """Erasures whose time has come, the longest due first."""
    where = "WHERE r.closed_at IS NULL AND r.status = 'grace' AND r.erase_at <= ? ORDER BY r.erase_at"
    return [_request(row) for row in reader.execute(f"{_SELECT} {where}", (now,))]


def to_remind(reader: sqlite3.Connection, now: int, notice: int) -> list[Request]:
    """Requests whose clock runs out within `notice` (ms) or has run out, of which nobody has been told so yet."""
    where = """
        WHERE r.closed_at IS NULL AND r.paused_at IS NULL AND (
            r.due_at <= ?1 + ?2 AND r.reminded IS NULL OR r.due_at <= ?1 AND r.reminded = 'due'
        ) ORDER BY r.due_at
    """
    return [_request(row) for row in reader.execute(f"{_SELECT} {where}", (now, notice))]


def counts(reader: sqlite3.Connection, now: int) -> list[tuple[str, str, int]]:
    """How many are not finished: (kind, clock, count), the clock being running, paused or overdue."""
    return reader.execute(
        """
        SELECT kind, CASE WHEN paused_at IS NOT NULL THEN 'paused' WHEN due_at <= ? THEN 'overdue' ELSE 'running' END,
            count(*)
        FROM data_requests WHERE closed_at IS NULL GROUP BY 1, 2
        """,
        (now,),
    ).fetchall()


def forget(tx: Tx, closed_before: int) -> int:
    """Take away requests that ended before a time; how many that were."""
    return tx.execute("DELETE FROM data_requests WHERE closed_at < ?", (closed_before,)).rowcount


# -- proofs ------------------------------------------------------------------------------------------------------------


def ask(tx: Tx, request_id: int, proof: Proof) -> None:
    """Keep what was asked for; an older code for the same request is good no more."""
    tx.execute(
        """
        INSERT OR REPLACE INTO data_request_proofs (request_id, purpose, digest, channel, expires_at, tries, sent)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        (request_id, *proof),
    )


def proof(reader: sqlite3.Connection, request_id: int) -> Proof | None:
    """The code that was last sent for a request."""
    row = reader.execute(
        "SELECT purpose, digest, channel, expires_at, tries, sent FROM data_request_proofs WHERE request_id = ?",
        (request_id,),
    ).fetchone()
    return Proof._make(row) if row else None


def tried(tx: Tx, request_id: int) -> None:
    """Count a code that was not right."""
    tx.execute("UPDATE data_request_proofs SET tries = tries + 1 WHERE request_id = ?", (request_id,))


def used(tx: Tx, request_id: int) -> None:
    """A code is used up, or needed no more."""
    tx.execute("DELETE FROM data_request_proofs WHERE request_id = ?", (request_id,))


# -- what happened -----------------------------------------------------------------------------------------------------


def note(tx: Tx, event: Event) -> None:
    """Write down what happened."""
    detail = json.encode(event.detail).decode() if event.detail else None
    tx.execute(
        """
        INSERT INTO data_request_events (uuid, request_id, type, at, actor, detail, note_sealed)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        (*event[:5], detail, event.note_sealed),
    )


def events(reader: sqlite3.Connection, request_id: int) -> list[Event]:
    """Everything that happened to a request, in order."""
    rows = reader.execute(
        """
        SELECT uuid, request_id, type, at, actor, detail, note_sealed
        FROM data_request_events WHERE request_id = ? ORDER BY id
        """,
        (request_id,),
    )
    return [Event._make([*row[:5], json.decode(row[5]) if row[5] else {}, row[6]]) for row in rows]
