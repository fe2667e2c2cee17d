"""Whether a receipt is ours and unaltered, and whether the ledger and the record still have what it speaks of. Nothing
else about its guest is said, not even what has become of the consent since.
"""

import sqlite3
from typing import Any

from msgspec import Struct, json

from gateway import ids
from gateway.clock import parse_rfc3339, rfc3339
from gateway.ledger import genuine
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.tree import leaf
from gateway.record.chain import Record
from gateway.record.proofs import tree
from gateway.store import audit, consents, guests
from gateway.store.db import Database


class LogProof(Struct, frozen=True):
    """That a leaf is in the tree a checkpoint was signed over: its number, its hash, and the hashes that lead from it
    to the root (RFC 6962), all hexadecimal. The entry itself says who works here, and is not shown."""

    checkpoint: str
    seq: int
    leaf: str
    path: list[str]


class ReceiptCheck(Struct, frozen=True):
    """`genuine`: this gateway signed it as it stands. `recorded`: the ledger of consents has what it speaks of.
    `logged`: the audit log has it too, and vouches for what the ledger says while its guest is there; `proof` shows it,
    once a checkpoint covers it."""

    genuine: bool
    recorded: bool = False
    logged: bool = False
    proof: LogProof | None = None


class ReceiptChecks:
    """Checks receipts, for whoever has one."""

    def __init__(self, db: Database, record: Record):
        self._db, self._record = db, record

    async def check(self, receipt: Any) -> ReceiptCheck:
        """What can be said of a receipt, as the document it is."""
        if not genuine(receipt, self._record.key):
            return ReceiptCheck(False)
        return await self._db.read(self._look, receipt, await self._record.newest())

    def _look(self, reader: sqlite3.Connection, receipt: dict[str, Any], under: Checkpoint | None) -> ReceiptCheck:
        uuid = ids.parse("con", receipt["id"]) or b""
        entry = consents.find(reader, uuid)
        recorded = (
            entry is not None
            and ids.public("gst", guests.uuid_of(reader, entry.guest_id)) == receipt["guest_id"]
            and (entry.event.action, rfc3339(entry.event.at)) == (receipt["action"], receipt["recorded_at"])
        )
        seq = audit.of_object(reader, receipt["id"], parse_rfc3339(receipt["recorded_at"]) or 0)
        if seq and not _vouched(reader, seq, consents.digest_of(reader, uuid)):
            return ReceiptCheck(True, recorded)
        proof = _proven(reader, seq, under) if seq and under and seq <= under.size else None
        return ReceiptCheck(True, recorded, seq is not None, proof)


def _vouched(reader: sqlite3.Connection, seq: int, digest: bytes | None) -> bool:
    """Whether an entry of the audit log vouches for this; what went with its guest nobody can compare."""
    (entry,) = audit.between(reader, seq, seq)
    return digest is None or json.decode(entry)["data_hash"] == digest.hex()


def _proven(reader: sqlite3.Connection, seq: int, under: Checkpoint) -> LogProof | None:
    """The proof; none where what is stored is not what the checkpoint was signed over, which `gateway audit verify`
    tells those whom it concerns."""
    whole = tree(reader, under.size)
    if whole.root() != under.root:
        return None
    (entry,) = audit.between(reader, seq, seq)
    path = [hash_.hex() for hash_ in whole.inclusion(seq - 1)]
    return LogProof(under.note.decode(), seq, leaf(entry).hex(), path)
