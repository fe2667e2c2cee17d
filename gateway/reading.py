"""Notes in the audit log that somebody read what is sealed: one entry a request, before he gets to see it."""

from collections.abc import Sequence
from hashlib import sha256

from gateway.callers import Caller
from gateway.store.db import Database, Tx


async def note(db: Database, caller: Caller, subject: str, uuids: Sequence[bytes]) -> None:
    """Note it. `subject` is a public id, or the collection for a list; `uuids` name by their hash what was read.
    Raises Forbidden unless the caller may read content."""
    caller.need("read.content")
    digest = sha256(b"".join(uuids)).digest()

    def work(tx: Tx, items: Sequence[None]) -> list[None]:
        tx.audit(caller.actor, "content.read", subject, digest)
        return [None] * len(items)

    await db.write(work)
