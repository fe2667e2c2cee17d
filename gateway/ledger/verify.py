"""Reads the whole audit log and names the first entry that is not as it was written. Needs no key but a public one.

It opens the store's file by itself and only reads, so it works beside a running gateway and on a copy of the file.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from gateway.ledger import checkpoint as notes
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.entry import GENESIS, digest
from gateway.ledger.findings import Report, Wrong, members_of
from gateway.ledger.tree import TILE, Frontier


class Kept(Struct):
    """What stands beside the entries in the file and must agree with them, by the number of entries it is about:
    checkpoints, the tree's edge that each was made from, the hashes of full tiles."""

    notes: dict[int, list[Checkpoint]]
    edges: dict[int, bytes]
    tiles: dict[int, bytes] | None


def verify(database: Path, outside: bytes | None = None, key: str | None = None) -> Report:
    """Check the log in `database`. `outside`: one or more checkpoints kept elsewhere, without which a cut-off end
    cannot be seen. `key`: the public key as `init` printed it. Raises sqlite3.DatabaseError for a file that is none of
    ours."""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
    frontier, signed = Frontier(), 0
    try:
        connection.execute("BEGIN")
        kept = Kept(_statements(connection, outside, key), _edges(connection), _tiles(connection))
        for seq, entry in _chained(connection):
            tile = frontier.append(entry)
            if kept.notes.get(seq):
                signed = seq
            _agree(kept, frontier, tile)
        _nothing_left(kept, frontier)
    except Wrong as wrong:
        return Report(False, frontier.size, seq=wrong.seq, reason=wrong.reason, unpinned=key is None, signed=signed)
    finally:
        connection.close()
    return Report(True, frontier.size, frontier.root().hex(), unpinned=key is None or not signed, signed=signed)


def _statements(connection: sqlite3.Connection, outside: bytes | None, key: str | None) -> dict[int, list[Checkpoint]]:
    """Every checkpoint by its size, each with a good signature."""
    kept = connection.execute("SELECT size, note FROM checkpoints ORDER BY size").fetchall()
    beyond = [(None, note) for note in notes.notes_in(outside)] if outside is not None else []
    stated: dict[int, list[Checkpoint]] = {}
    for size, note in [*kept, *beyond]:
        found = notes.parse(note)
        where = "the outside checkpoint" if size is None else "a stored checkpoint"
        if found is None or size not in (None, found.size):
            raise Wrong(size or 0, f"{where} is not readable")
        key = key or found.key
        if not found.genuine(key):
            raise Wrong(found.size, f"{where} is not signed by the audit key")
        stated.setdefault(found.size, []).append(found)
    return stated


def _edges(connection: sqlite3.Connection) -> dict[int, bytes]:
    return dict(connection.execute("SELECT size, frontier FROM checkpoints"))


def _tiles(connection: sqlite3.Connection) -> dict[int, bytes] | None:
    """None for a store of a version that kept none."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_tiles'").fetchone():
        return None
    rows = connection.execute("SELECT number, hash FROM audit_tiles")
    return {(number + 1) * TILE: hash_ for number, hash_ in rows}


def _chained(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    """The entries in order, each as it must be: in sequence, canonical, holding the hash of the one before."""
    expected, prev = 1, GENESIS
    for seq, entry in connection.execute("SELECT seq, entry FROM audit ORDER BY seq"):
        if seq != expected:
            raise Wrong(expected, "the entry is missing")
        if members_of(entry, seq)["prev"] != prev:
            raise Wrong(seq, "the entry does not fit the one before it")
        yield seq, entry
        expected, prev = expected + 1, digest(entry)


def _agree(kept: Kept, frontier: Frontier, tile: bytes | None) -> None:
    """Hold what is kept about so many entries against them. Raises Wrong."""
    size = frontier.size
    for found in kept.notes.pop(size, ()):
        if found.root != frontier.root():
            raise Wrong(size, "the entries up to here are not those the checkpoint was signed over")
    if size in kept.edges and kept.edges.pop(size) != frontier.to_bytes():
        raise Wrong(size, "the tree's edge beside a stored checkpoint is not that of the entries")
    if tile is not None and kept.tiles is not None and kept.tiles.pop(size, None) != tile:
        raise Wrong(size, "the stored hash of a tile is missing, or is not that of its entries")


def _nothing_left(kept: Kept, frontier: Frontier) -> None:
    """Nothing may be kept about entries there are not. Raises Wrong."""
    end = frontier.size
    if kept.notes:
        raise Wrong(end + 1, f"the log ends at {end}, a checkpoint says {max(kept.notes)}")
    if kept.tiles:
        raise Wrong(end + 1, f"the log ends at {end}, a tile is kept of entries up to {max(kept.tiles)}")
