"""How much of each limit is used up, as far as the disk has to know. An account is a keyed digest, never an address."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import json

from gateway.store.db import Tx

SLICE = 500
LATEST = "limits_latest"


class Kept(NamedTuple):
    """The state of an account with a rule, at a time of the limits' own."""

    rule: str
    account: bytes
    state: tuple[int, ...]
    now: int


def keep(tx: Tx, rows: Sequence[Kept]) -> list[None]:
    """Remember states, of an account the last one; and how late it is."""
    tx.executemany(
        """
        INSERT INTO limits (rule, caller, state) VALUES (?, ?, ?)
        ON CONFLICT (rule, caller) DO UPDATE SET state = excluded.state
        """,
        [(row.rule, row.account, _text(row.state)) for row in rows],
    )
    tx.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (LATEST, str(max(row.now for row in rows))),
    )
    return [None] * len(rows)


def forget(tx: Tx, rows: Sequence[tuple[str, bytes, tuple[int, ...]]]) -> list[None]:
    """Let go of accounts that still stand as they did."""
    tx.executemany(
        "DELETE FROM limits WHERE rule = ? AND caller = ? AND state = ?",
        [(rule, account, _text(state)) for rule, account, state in rows],
    )
    return [None] * len(rows)


def adopt(tx: Tx, rules: Sequence[tuple[str, str]]) -> None:
    """Keep accounts under the ids of their rules, (id, name), that were kept under the names before rules had ids."""
    tx.executemany("UPDATE OR IGNORE limits SET rule = ? WHERE rule = ?", rules)


def find(reader: sqlite3.Connection, rule: str, account: bytes) -> tuple[int, ...] | None:
    """The state of one account."""
    row = reader.execute("SELECT state FROM limits WHERE rule = ? AND caller = ?", (rule, account)).fetchone()
    return _state(row[0]) if row else None


def some(reader: sqlite3.Connection, after: tuple[str, bytes]) -> list[tuple[str, bytes, tuple[int, ...]]]:
    """The accounts that follow on one, in the order of their names."""
    rows = reader.execute(
        "SELECT rule, caller, state FROM limits WHERE (rule, caller) > (?, ?) ORDER BY rule, caller LIMIT ?",
        (*after, SLICE),
    )
    return [(rule, account, _state(state)) for rule, account, state in rows]


def latest(reader: sqlite3.Connection) -> int:
    """How late it was, by the limits' time, when something was last kept; 0 for never."""
    row = reader.execute("SELECT value FROM meta WHERE name = ?", (LATEST,)).fetchone()
    return int(row[0]) if row else 0


def _text(state: tuple[int, ...]) -> str:
    return json.encode(state).decode()


def _state(text: str) -> tuple[int, ...]:
    return tuple(json.decode(text))
