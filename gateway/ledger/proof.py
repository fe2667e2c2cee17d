"""A proof on paper: what an auditor checks with the public key alone, without the gateway and without its store.

It holds a signed checkpoint, and either entries with their paths up to its root, or an older checkpoint and the path
that shows that nothing before it was changed since. Hashes are hexadecimal.
"""

import binascii

from msgspec import DecodeError, Struct, ValidationError, field, json

from gateway.ledger import checkpoint as notes
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.findings import Report, Wrong, members_of
from gateway.ledger.paths import Tree, continues, includes


class Proven(Struct, frozen=True):
    """An entry, byte for byte, its number, and what leads from it up to the root."""

    seq: int
    entry: str
    path: list[str]


class AuditProof(Struct, frozen=True, omit_defaults=True):
    """That `entries` are in the record of `checkpoint`; or, with `path`, that it goes on where that of `from` ended."""

    checkpoint: str
    entries: list[Proven] = field(default_factory=list)
    from_: str | None = field(name="from", default=None)
    path: list[str] = field(default_factory=list)


def proven(tree: Tree, seq: int, entry: bytes) -> Proven:
    """An entry with its path."""
    return Proven(seq, entry.decode(), [hash_.hex() for hash_ in tree.inclusion(seq - 1)])


def verify_proof(raw: bytes, key: str | None = None) -> Report:
    """Check a proof that was written down as JSON; members it has besides are no matter. `key`: the public key as
    `init` printed it, without which the checkpoint speaks for itself (`unpinned`)."""
    try:
        proof = json.decode(raw, type=AuditProof)
        found = _signed(proof.checkpoint, key)
        for one in proof.entries:
            _check_entry(one, found)
        if proof.from_ is not None:
            _check_growth(proof, _signed(proof.from_, key or found.key), found)
        elif not proof.entries:
            raise Wrong(0, "it proves nothing: it has neither entries nor an older checkpoint")
    except (DecodeError, ValidationError, UnicodeDecodeError):
        return Report(False, 0, seq=0, reason="it is no proof", unpinned=key is None)
    except Wrong as wrong:
        return Report(False, 0, seq=wrong.seq, reason=wrong.reason, unpinned=key is None)
    return Report(True, found.size, found.root.hex(), unpinned=key is None, signed=found.size)


def _signed(note: str, key: str | None) -> Checkpoint:
    found = notes.parse(note.encode())
    if found is None:
        raise Wrong(0, "the checkpoint is not readable")
    if not found.genuine(key or found.key):
        raise Wrong(found.size, "the checkpoint is not signed by the audit key")
    return found


def _check_entry(one: Proven, found: Checkpoint) -> None:
    entry = one.entry.encode()
    members_of(entry, one.seq)
    if one.seq < 1 or not includes(one.seq - 1, found.size, entry, _hashes(one.path, one.seq), found.root):
        raise Wrong(one.seq, "the entry is not in the record of the checkpoint")


def _check_growth(proof: AuditProof, old: Checkpoint, found: Checkpoint) -> None:
    if not continues(old.size, found.size, _hashes(proof.path, old.size), old.root, found.root):
        raise Wrong(old.size, "the record of the checkpoint does not begin with that of the older one")


def _hashes(path: list[str], seq: int) -> list[bytes]:
    try:
        return [binascii.unhexlify(hash_) for hash_ in path]
    except (ValueError, binascii.Error):
        raise Wrong(seq, "a hash is not readable") from None
