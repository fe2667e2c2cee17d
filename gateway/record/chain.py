"""Writes the audit log: every action's entry in the action's own transaction, and signed checkpoints in between."""

from collections.abc import Sequence

from msgspec import json

from gateway import metrics
from gateway.clock import Clock, parse_rfc3339, rfc3339
from gateway.config import Audit
from gateway.ledger import GENESIS, TILE, Checkpoint, Entry, Frontier, encode, public_text, sign
from gateway.ledger.checkpoint import parse
from gateway.ledger.entry import digest
from gateway.store import audit
from gateway.store.db import Database, Tx
from gateway.vault import Vault

ORIGIN = "guest-gateway"
NOTHING = b"\0" * 32
"""What an entry vouches for whose action wrote nothing but itself."""
STEP_MS = 300_000
"""By how much the clock may go back before the record says so: times in it are then no order, numbers are."""


class Record:
    """The end of the chain, kept in memory between transactions; a rolled-back one leaves it as it was."""

    def __init__(self, db: Database, vault: Vault, clock: Clock, cadence: Audit):
        self._db, self._vault, self._clock, self._cadence = db, vault, clock, cadence
        self._seq, self._prev, self._frontier, self._last_time = 0, GENESIS, Frontier(), 0
        self._next: tuple[int, str, Frontier, int] | None = None
        self._checked_at, self._checked_size = clock.monotonic(), 0
        self._continue()

    def _continue(self) -> None:
        """Take up the chain where the file leaves it: from the last checkpoint on."""
        reader = self._db.reader
        kept = audit.newest_checkpoint(reader)
        if kept is not None:
            self._checked_size, self._frontier = kept[0], Frontier.from_bytes(kept[2])
        for entry in audit.since(reader, self._frontier.size):
            self._frontier.append(entry)
        newest = audit.last(reader)
        if newest is not None:
            self._seq, self._prev = newest[0], digest(newest[1])
            self._last_time = parse_rfc3339(json.decode(newest[1])["ts"]) or 0

    @property
    def key(self) -> str:
        """The public key that checkpoints are signed for."""
        return public_text(self._vault.signer)

    def last_time(self) -> int:
        """When the newest entry was written (ms): a clock far before it is wrong."""
        return self._last_time

    def write(self, tx: Tx) -> None:
        """Called by the writer before every commit: give the gathered entries their places."""
        if not tx.entries:
            self._next = None
            return
        seq, prev, frontier = self._seq, self._prev, self._frontier.copy()
        rows, tiles = [], []
        if tx.now < self._last_time - STEP_MS:
            tx.entries.insert(
                0, ("gateway", "clock.set_back", f"seconds:{(self._last_time - tx.now) // 1000}", NOTHING)
            )
        for actor, action, object_, data_hash in tx.entries:
            seq += 1
            encoded = encode(Entry(actor, action, object_, data_hash, tx.now), seq, prev)
            prev = digest(encoded)
            tile = frontier.append(encoded)
            rows.append((seq, encoded))
            if tile is not None:
                tiles.append((seq // TILE - 1, tile))
        audit.append(tx, rows, tiles)
        self._next = seq, prev, frontier, tx.now

    def committed(self, tx: Tx) -> None:
        """Called by the writer after every commit."""
        if self._next is not None:
            self._seq, self._prev, self._frontier, self._last_time = self._next
            metrics.AUDIT_ENTRIES.inc(len(tx.entries))

    async def checkpoint_if_due(self) -> None:
        """Sign a checkpoint when there are enough new entries, or any at all for long enough."""
        grown = self._seq - self._checked_size
        waited = self._clock.monotonic() - self._checked_at
        if grown >= self._cadence.checkpoint_every or (grown and waited >= self._cadence.checkpoint_after):
            await self.checkpoint()

    async def checkpoint(self) -> bytes | None:
        """Sign how the log stands now; the note, or None for an empty log."""
        return await self._db.write(self._sign)

    async def newest(self) -> Checkpoint | None:
        """The newest checkpoint; signed now, where there is none yet. None for an empty log."""
        kept = audit.newest_checkpoint(self._db.reader)
        note = kept[1] if kept else await self.checkpoint()
        return parse(note) if note else None

    def _sign(self, tx: Tx, items: Sequence[None]) -> list[bytes | None]:
        """The work of a checkpoint. It runs in the writer, so that no entry can come in between."""
        frontier = self._frontier
        if not frontier.size:
            return [None] * len(items)
        note = sign(self._vault.signer, ORIGIN, frontier.size, frontier.root(), rfc3339(tx.now)).note
        audit.add_checkpoint(tx, frontier.size, note, frontier.to_bytes())
        self._checked_size, self._checked_at = frontier.size, self._clock.monotonic()
        return [note] * len(items)
