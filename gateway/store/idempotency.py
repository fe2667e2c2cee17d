"""Answers kept for 24 hours, so that a repeated request gets the first one's.

The table is append-only and has no index over the random digests: one would cost more than everything else an
acceptance writes. Where a digest lies is known in memory instead, at 16 bytes a key once they are packed.
"""

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from gateway.store.db import Tx

KEPT_MS = 24 * 3600 * 1000
PACK_AT = 16_384


class Answer(NamedTuple):
    """What was answered: the digest of caller, route and key; the keyed digest of the body; and the answer."""

    digest: bytes
    mac: bytes
    status: int
    answer: bytes
    location: str | None


class Whereabouts:
    """Which row holds which digest: the newest in a dict, older ones in sorted arrays."""

    def __init__(self):
        self._new: dict[int, int] = {}
        self._packs: list[tuple[array, array]] = []

    def __len__(self) -> int:
        return len(self._new) + sum(len(keys) for keys, _ in self._packs)

    def add(self, digest: bytes, row: int) -> None:
        self._new[_short(digest)] = row
        if len(self._new) >= PACK_AT:
            self._pack()

    def find(self, digest: bytes) -> int | None:
        """The row that may hold this digest: 64 bits of it agree, the row itself decides."""
        key = _short(digest)
        if (row := self._new.get(key)) is not None:
            return row
        for keys, rows in reversed(self._packs):
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                return rows[at]
        return None

    def _pack(self) -> None:
        pairs = sorted(self._new.items())
        self._packs.append((array("Q", [key for key, _ in pairs]), array("Q", [row for _, row in pairs])))
        self._new.clear()

    def forget_below(self, row: int) -> None:
        """Drop packs whose rows are all older than this one."""
        self._packs = [pack for pack in self._packs if max(pack[1]) >= row]


def _short(digest: bytes) -> int:
    return int.from_bytes(digest[:8])


def add(tx: Tx, first_id: int, answers: Sequence[Answer]) -> None:
    """Keep answers, in the transaction of what they speak of; the first under `first_id`, the rest after it."""
    rows = [(first_id + offset, *answer, tx.now) for offset, answer in enumerate(answers)]
    tx.insert_many("idempotency (id, digest, mac, status, answer, location, at)", rows)


def read(reader: sqlite3.Connection, row: int, digest: bytes, since: int) -> Answer | None:
    """The answer kept in this row, if it is the digest's own and not older than `since`."""
    found = reader.execute(
        "SELECT digest, mac, status, answer, location FROM idempotency WHERE id = ? AND digest = ? AND at >= ?",
        (row, digest, since),
    ).fetchone()
    return Answer._make(found) if found else None


def load(reader: sqlite3.Connection, since: int) -> Whereabouts:
    """Where everything kept since then lies. Walks back from the newest row."""
    known = Whereabouts()
    for row, digest, at in reader.execute("SELECT id, digest, at FROM idempotency ORDER BY id DESC"):
        if at < since:
            break
        known.add(digest, row)
    return known


def forget(tx: Tx, before: int) -> int:
    """Delete what was kept before then; the number of the first row that stays."""
    (first,) = tx.first("SELECT min(id) FROM (SELECT id FROM idempotency WHERE at >= ? LIMIT 1)", (before,)) or (None,)
    (highest,) = tx.first("SELECT max(id) FROM idempotency") or (None,)
    keep_from = first if first is not None else (highest or 0) + 1
    tx.execute("DELETE FROM idempotency WHERE id < ?", (keep_from,))
    return keep_from
