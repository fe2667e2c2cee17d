"""What a correction means for messages that wait (DSR-7): whatever is looked up when they leave is right by itself;
those whose words hold the old name are held, for somebody to look at."""

import sqlite3
from collections.abc import Sequence

from msgspec import UNSET, json

from gateway import ids
from gateway.callers import Caller
from gateway.guestbook.forms import GuestEdit
from gateway.guestbook.seals import Seals
from gateway.store import events, guestbook, messages, outbox
from gateway.store.data_requests import Request
from gateway.store.db import Database, Tx
from gateway.store.outbox import Waiting
from gateway.vault import Vault

NOTHING = b"\0" * 32
REASON = "needs_review"


class Rectification:
    """Finds and holds them."""

    def __init__(self, db: Database, vault: Vault, seals: Seals):
        self._db, self._vault, self._seals = db, vault, seals

    async def outdated(self, request: Request, changes: GuestEdit) -> list[Waiting]:
        """Messages that wait with a name in them that is not right any more."""
        if changes.name is UNSET or request.guest_uuid is None:
            return []
        guest = guestbook.find(self._db.reader, request.guest_uuid)
        name = self._seals.open_profile(guest).name if guest else None
        if guest is None or not name or name == changes.name:
            return []
        return await self._db.read(self._with, guest.id, guest.key_id, name)

    def _with(self, reader: sqlite3.Connection, guest_id: int, key_id: int, name: str) -> list[Waiting]:
        """Those whose sealed part says this name; as JSON, in which they were sealed."""
        wanted = json.encode(name)[1:-1]
        return [
            one
            for one in outbox.sealed_for(reader, guest_id)
            if wanted in self._vault.unseal(key_id, "messages", "content", one.uuid, one.content_sealed)
        ]

    def hold(self, tx: Tx, stale: Sequence[Waiting], caller: Caller) -> None:
        """Hold those that still wait."""
        rows = [one for one in stale if (outbox.state_of(tx, one.id) or (None,))[0] == outbox.WAITING]
        outbox.hold(tx, [one.id for one in rows], REASON)
        messages.settle(tx, [("held", REASON, None, None, one.id) for one in rows])
        why = json.encode({"by": caller.actor, "reason": REASON}).decode()
        events.append(tx, [events.Event(one.id, "held", tx.now, why) for one in rows])
        for one in rows:
            tx.audit(caller.actor, "message.held", ids.public("msg", one.uuid), NOTHING)
