"""Notes in the audit log that somebody got to see what is about people: one entry a request, before he does."""

from collections.abc import Sequence
from hashlib import sha256

from gateway.callers import Caller
from gateway.store.db import Database, Tx


async def note(db: Database, caller: Caller, subject: str, uuids: Sequence[bytes]) -> None:
    """Note it. `subject` is a public id, or the collection for a list; `uuids` name by their hash what was read.
    Raises Forbidden unless the caller may read content."""
    caller.need("read.content")
    await seen(db, caller, "content.read", subject, uuids)


async def seen(db: Database, caller: Caller, action: str, subject: str, uuids: Sequence[bytes]) -> None:
    """Note what asks for no scope of its own: a list given out as a file, the names of those who work here."""
    digest = sha256(b"".join(uuids)).digest()

    def work(tx: Tx, items: Sequence[None]) -> list[None]:
        tx.audit(caller.actor, action, subject, digest)
        return [None] * len(items)

    await db.write(work)
