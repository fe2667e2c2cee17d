"""Proofs about the record, for whoever keeps checkpoints outside: that an entry is in it, that it only ever grew."""

import sqlite3
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from gateway.errors import Conflict, Fault, Invalid
from gateway.ledger import TILE, AuditProof, Checkpoint, proven
from gateway.ledger.checkpoint import parse
from gateway.ledger.paths import Tree, continues
from gateway.record.chain import Record
from gateway.store import audit
from gateway.store.db import Database

Note = Annotated[str, Meta(min_length=1, max_length=2000, description="A signed checkpoint, as it was given out")]
NOT_THIS = "This is not the record that the checkpoint was signed over; `gateway audit verify` says where they differ."


class ProofOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be proven: that the entry `seq` is in the record, or that all of `from` still is. `checkpoint`: under
    which one; a fresh one if left out."""

    seq: Annotated[int, Meta(ge=1, le=1 << 53)] | None = None
    from_: Note | None = field(name="from", default=None)
    checkpoint: Note | None = None


def tree(reader: sqlite3.Connection, size: int) -> Tree:
    """The tree over the first `size` entries."""

    def entries(first: int, last: int) -> Sequence[bytes]:
        return audit.between(reader, first + 1, last)

    return Tree(size, audit.tiles(reader, size // TILE), entries)


class Proofs:
    """Proves. A million entries take some milliseconds, in a reading thread."""

    def __init__(self, db: Database, record: Record):
        self._db, self._record = db, record

    async def prove(self, order: ProofOrder) -> AuditProof:
        """The proof that is asked for. Raises Invalid for what cannot be proven, Conflict when the record is not that
        of a checkpoint."""
        if (order.seq is None) == (order.from_ is None):
            raise Invalid(faults=[Fault("/seq", "one-of", "either seq or from")])
        note = order.checkpoint or (await self._record.checkpoint() or b"").decode()
        under = self._read(note, "/checkpoint")
        if order.from_ is not None:
            return await self._db.read(self._growth, self._read(order.from_, "/from"), under)
        if not 1 <= (order.seq or 0) <= under.size:
            raise Invalid(faults=[Fault("/seq", "wrong-value", f"an entry of the checkpoint: 1 to {under.size}")])
        return await self._db.read(self._inclusion, order.seq, under)

    def _read(self, note: str, pointer: str) -> Checkpoint:
        """A checkpoint of ours. Raises Invalid."""
        found = parse(note.encode())
        if found is None or not found.genuine(self._record.key):
            raise Invalid(faults=[Fault(pointer, "wrong-value", "a checkpoint that this gateway has signed")])
        newest = audit.last(self._db.reader)
        if newest is None or found.size > newest[0]:
            raise Conflict(NOT_THIS)
        return found

    def _inclusion(self, reader: sqlite3.Connection, seq: int, under: Checkpoint) -> AuditProof:
        whole = _tree_of(reader, under)
        (entry,) = audit.between(reader, seq, seq)
        return AuditProof(under.note.decode(), [proven(whole, seq, entry)])

    def _growth(self, reader: sqlite3.Connection, old: Checkpoint, under: Checkpoint) -> AuditProof:
        if old.size > under.size:
            raise Invalid(faults=[Fault("/from", "wrong-value", "an older checkpoint than the other")])
        path = _tree_of(reader, under).consistency(old.size)
        if not continues(old.size, under.size, path, old.root, under.root):
            raise Conflict(NOT_THIS)
        return AuditProof(under.note.decode(), from_=old.note.decode(), path=[hash_.hex() for hash_ in path])


def _tree_of(reader: sqlite3.Connection, under: Checkpoint) -> Tree:
    """The tree that the checkpoint is about. Raises Conflict when what is stored has become another one."""
    whole = tree(reader, under.size)
    if whole.root() != under.root:
        raise Conflict(NOT_THIS)
    return whole
