"""The audit log as arithmetic: entries in a chain, a Merkle tree over them, signed checkpoints, proofs, their check."""

from gateway.ledger.checkpoint import Checkpoint, public_text, sign
from gateway.ledger.entry import GENESIS, Entry, encode
from gateway.ledger.findings import Report
from gateway.ledger.proof import AuditProof, Proven, proven, verify_proof
from gateway.ledger.receipt import genuine, signed_receipt
from gateway.ledger.tree import TILE, Frontier
from gateway.ledger.verify import verify

__all__ = [
    "GENESIS", "TILE", "AuditProof", "Checkpoint", "Entry", "Frontier", "Proven", "Report", "encode", "genuine",
    "proven", "public_text", "sign", "signed_receipt", "verify", "verify_proof",
]  # fmt: skip
