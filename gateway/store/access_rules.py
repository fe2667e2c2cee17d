"""From where and with which keys the API may be used: the rules made while the gateway runs."""

import sqlite3
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from gateway.store.db import Tx

Verdict = Literal["allow", "deny"]


class NewAccessRule(NamedTuple):
    """A rule to be written, of a network or of an API key (the part of it that is no secret). Its reason is sealed
    under the venue's key."""

    uuid: bytes
    verdict: Verdict
    network: str | None
    api_key: str | None
    reason_sealed: bytes
    actor: str
    expires_at: int | None


class AccessRule(NamedTuple):
    """A rule as it stands."""

    id: int
    uuid: bytes
    verdict: Verdict
    network: str | None
    api_key: str | None
    reason_sealed: bytes
    actor: str
    expires_at: int | None
    created_at: int


_SELECT = """
    SELECT id, uuid, verdict, network, api_key, reason_sealed, actor, expires_at, created_at FROM access_rules
"""
FILTERS = {"verdict": "verdict = ?", "before": "id < ?"}
"""What a list can be narrowed by."""


def all_(reader: sqlite3.Connection) -> Iterable[AccessRule]:
    """Every rule, also of those that are over."""
    return (AccessRule._make(row) for row in reader.execute(_SELECT))


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[AccessRule]:
    """The newest rules that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = " AND ".join(FILTERS[name] for name in wanted) or "true"
    rows = reader.execute(f"{_SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", (*wanted.values(), limit))
    return [AccessRule._make(row) for row in rows]


def find(reader: sqlite3.Connection, uuid: bytes) -> AccessRule | None:
    """One rule by its public id."""
    row = reader.execute(f"{_SELECT} WHERE uuid = ?", (uuid,)).fetchone()
    return AccessRule._make(row) if row else None


def about(reader: sqlite3.Connection, new: NewAccessRule) -> AccessRule | None:
    """The rule about the same network or key."""
    row = reader.execute(f"{_SELECT} WHERE network = ? OR api_key = ?", (new.network, new.api_key)).fetchone()
    return AccessRule._make(row) if row else None


def count(reader: sqlite3.Connection) -> int:
    """How many there are."""
    return reader.execute("SELECT count(*) FROM access_rules").fetchone()[0]


def add(tx: Tx, new: NewAccessRule) -> AccessRule:
    """Write a rule. There must be none about the same."""
    sql = """
        INSERT INTO access_rules (uuid, verdict, network, api_key, reason_sealed, actor, expires_at, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    """
    return AccessRule(tx.insert(sql, (*new, tx.now)), *new, tx.now)


def remove(tx: Tx, rule: AccessRule) -> None:
    """Take a rule away."""
    tx.execute("DELETE FROM access_rules WHERE id = ?", (rule.id,))


def remove_over(tx: Tx, since: int, limit: int) -> list[AccessRule]:
    """Take away rules that have been over since then (ms) or longer, at most so many; which they were."""
    sql = f"{_SELECT} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    rules = [AccessRule._make(row) for row in tx.execute(sql, (since, limit))]
    for rule in rules:
        remove(tx, rule)
    return rules
