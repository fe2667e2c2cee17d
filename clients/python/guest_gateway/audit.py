"""The record: who did what, signed checkpoints of it, and proofs that need nothing but the public key."""

from datetime import datetime

from msgspec import Struct, field

from guest_gateway.doors import Asked, L, Resource, ask, listed, members


class Entry(Struct, frozen=True):
    """An entry, member for member as it is chained. `ts` is its text: every letter of it counts for the hash."""

    seq: int
    ts: str
    actor: str
    action: str
    object: str
    data_hash: str
    prev: str


class Checkpoint(Struct, frozen=True):
    """How the record stood: so many entries with this root, and the note as it was signed. Keep the note."""

    size: int
    root: str
    time: datetime
    key: str
    checkpoint: str


class Proven(Struct, frozen=True):
    """An entry, byte for byte, and the path from it up to the root."""

    seq: int
    entry: str
    path: list[str]


class Proof(Struct, frozen=True):
    """What `gateway audit verify --proof` checks: entries of a checkpoint, or that it goes on where `from_` ended."""

    checkpoint: str
    entries: list[Proven] = []
    from_: str | None = field(name="from", default=None)
    path: list[str] = []


class Audit(Resource[L]):
    """The record. Nobody can change it unseen who does not hold all checkpoints that were kept elsewhere."""

    @listed("audit", Entry)
    def list(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        object: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> Asked:
        """Entries, newest first. `action` is one, or a family such as `user`; `limit` a page's size."""
        return Asked(query=members(actor=actor, action=action, object=object, from_=from_, to=to, limit=limit))

    @ask("GET", "audit/checkpoint", Checkpoint)
    def checkpoint(self) -> Asked:
        """The newest checkpoint."""
        return Asked()

    @ask("POST", "audit/proof", Proof, harmless=True)
    def prove(self, seq: int | None = None, *, from_: str | None = None, checkpoint: str | None = None) -> Asked:
        """Prove that the entry `seq` is in the record, or that all that the note `from_` vouched for still is; under
        the note `checkpoint`, or a fresh one. Raises Conflict when the record is not the one of a note."""
        return Asked(body=members(seq=seq, from_=from_, checkpoint=checkpoint))
