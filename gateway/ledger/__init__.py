"""The audit log as arithmetic: entries in a chain, a Merkle tree over them, signed checkpoints, their check."""

from gateway.ledger.checkpoint import Checkpoint, public_text, sign
from gateway.ledger.entry import GENESIS, Entry, encode, salted
from gateway.ledger.receipt import genuine, signed_receipt
from gateway.ledger.tree import Frontier
from gateway.ledger.verify import Report, verify

__all__ = [
    "GENESIS", "Checkpoint", "Entry", "Frontier", "Report", "encode", "genuine", "public_text", "salted", "sign",
    "signed_receipt", "verify",
]  # fmt: skip
