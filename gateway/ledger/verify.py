"""Reads the whole audit log and names the first entry that is not as it was written. Needs no key but a public one.

It opens the store's file by itself and only reads, so it works beside a running gateway and on a copy of the file.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import DecodeError, Struct, json

from gateway.ledger import checkpoint as notes
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.entry import GENESIS, digest, is_canonical
from gateway.ledger.tree import Frontier

MEMBERS = {"action", "actor", "data_hash", "object", "prev", "seq", "ts"}


class Report(Struct, frozen=True):
    """What was found. `seq` and `reason` name the first thing wrong. `signed`: so many entries, from the first on, are
    vouched for by a checkpoint; what follows could be written anew by whoever can write the file. `unpinned`: nothing
    was vouched for by a key from outside, because none was given or because there is no checkpoint."""

    ok: bool
    size: int
    root: str = ""
    seq: int | None = None
    reason: str | None = None
    unpinned: bool = True
    signed: int = 0


class Wrong(Exception):
    """The log is not as it was written."""

    def __init__(self, seq: int, reason: str):
        super().__init__(reason)
        self.seq, self.reason = seq, reason


def verify(database: Path, outside: bytes | None = None, key: str | None = None) -> Report:
    """Check the log in `database`. `outside`: a checkpoint kept elsewhere, without which a cut-off end cannot be seen.
    `key`: the public key as `init` printed it. Raises sqlite3.DatabaseError for a file that is none of ours."""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
    frontier, signed = Frontier(), 0
    try:
        connection.execute("BEGIN")
        stated = _statements(connection, outside, key)
        for seq, entry in _chained(connection):
            frontier.append(entry)
            for found in stated.pop(seq, ()):
                _agree(found, frontier)
                signed = seq
        if stated:
            raise Wrong(frontier.size + 1, f"the log ends at {frontier.size}, a checkpoint says {max(stated)}")
    except Wrong as wrong:
        return Report(False, frontier.size, seq=wrong.seq, reason=wrong.reason, unpinned=key is None, signed=signed)
    finally:
        connection.close()
    return Report(True, frontier.size, frontier.root().hex(), unpinned=key is None or not signed, signed=signed)


def _statements(connection: sqlite3.Connection, outside: bytes | None, key: str | None) -> dict[int, list[Checkpoint]]:
    """Every checkpoint by its size, each with a good signature."""
    kept = connection.execute("SELECT size, note FROM checkpoints ORDER BY size").fetchall()
    stated: dict[int, list[Checkpoint]] = {}
    for size, note in [*kept, *([(None, outside)] if outside is not None else [])]:
        found = notes.parse(note)
        where = "the outside checkpoint" if size is None else "a stored checkpoint"
        if found is None or size not in (None, found.size):
            raise Wrong(size or 0, f"{where} is not readable")
        key = key or found.key
        if not found.genuine(key):
            raise Wrong(found.size, f"{where} is not signed by the audit key")
        stated.setdefault(found.size, []).append(found)
    return stated


def _chained(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    """The entries in order, each as it must be: in sequence, canonical, holding the hash of the one before."""
    expected, prev = 1, GENESIS
    for seq, entry in connection.execute("SELECT seq, entry FROM audit ORDER BY seq"):
        if seq != expected:
            raise Wrong(expected, "the entry is missing")
        members = _members(entry, seq)
        if members["seq"] != seq:
            raise Wrong(seq, "the entry says another number")
        if members["prev"] != prev:
            raise Wrong(seq, "the entry does not fit the one before it")
        yield seq, entry
        expected, prev = expected + 1, digest(entry)


def _members(entry: bytes, seq: int) -> dict:
    try:
        members = json.decode(entry, type=dict)
    except (DecodeError, UnicodeDecodeError, TypeError):
        raise Wrong(seq, "the entry is not readable") from None
    if members.keys() != MEMBERS or not is_canonical(entry, members):
        raise Wrong(seq, "the entry is not in its canonical form")
    return members


def _agree(found: Checkpoint, frontier: Frontier) -> None:
    if found.root != frontier.root():
        raise Wrong(found.size, "the entries up to here are not those the checkpoint was signed over")
