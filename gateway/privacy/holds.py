"""Legal holds: what a court, a claim or an authority may ask about is neither erased nor does it age (GDPR Art.
17(3)(b) and (e), and 18(2))."""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated

from msgspec import Meta, Struct

from gateway import ids, reading
from gateway.callers import Caller
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.errors import GuestOnHold, NotFound
from gateway.guestbook.book import uuid_of
from gateway.store import guestbook, holds
from gateway.store.db import Database, Tx
from gateway.store.holds import Hold, NewHold
from gateway.vault import Vault
from gateway.views import GuestId, Time


class HoldOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Why nothing of a guest may go: the claim, the order, the file it belongs to."""

    reason: Annotated[str, Meta(min_length=1, max_length=1000)]


class HoldContent(Struct, frozen=True):
    """What of a hold is sealed."""

    reason: str


class HoldView(Struct, kw_only=True):
    """A hold as it stands."""

    guest_id: GuestId
    placed_at: Time
    placed_by: str
    ended_at: Time | None
    content: HoldContent | None = None


class Holds:
    """Places holds and ends them: one at a time on a guest."""

    def __init__(self, db: Database, vault: Vault, ids_: ids.Ids):
        self._db, self._vault, self._ids = db, vault, ids_
        self.ended: Callable[[bytes], None] = lambda guest: None
        """Called with the uuid of a guest whose hold has ended, once that is on disk: what waited for it may go on."""

    async def place(self, public: str, order: HoldOrder, caller: Caller) -> HoldView:
        """Hold everything about a guest, from the answer on. Raises NotFound, and GuestOnHold where one is in force."""
        guest, uuid = uuid_of(public), self._ids.new()

        def work(tx: Tx) -> HoldView:
            known = guestbook.find(tx.connection, guest)
            if known is None:
                raise NotFound()
            if holds.in_force(tx.connection, guest) is not None:
                raise GuestOnHold("A legal hold is on this guest already.")
            sealed = self._vault.seal(known.key_id, "holds", "reason", uuid, order.reason.encode())
            holds.place(tx, NewHold(uuid, known.id, sealed, caller.actor))
            tx.audit(caller.actor, "hold.placed", public, sha256(sealed).digest())
            return _view(_standing(tx, guest))

        return await self._db.do(work)

    async def show(self, public: str, with_content: bool, caller: Caller) -> HoldView:
        """The hold on a guest, with its reason for whoever may read that. Raises NotFound where none is in force."""
        hold = holds.in_force(self._db.reader, uuid_of(public))
        if hold is None:
            raise NotFound()
        view = _view(hold)
        if with_content:
            await reading.note(self._db, caller, public, [hold.uuid])
            reason = self._vault.unseal(hold.key_id, "holds", "reason", hold.uuid, hold.reason_sealed)
            view.content = HoldContent(reason.decode())
        return view

    async def end(self, public: str, caller: Caller) -> None:
        """Let go. Raises NotFound where none is in force."""
        guest = uuid_of(public)

        def work(tx: Tx) -> None:
            hold = holds.in_force(tx.connection, guest)
            if hold is None:
                raise NotFound()
            holds.end(tx, hold.id)
            tx.audit(caller.actor, "hold.ended", public, sha256(hold.uuid).digest())

        await self._db.do(work)
        self.ended(guest)


def _standing(tx: Tx, guest: bytes) -> Hold:
    """A hold that was just placed."""
    hold = holds.in_force(tx.connection, guest)
    assert hold is not None  # noqa: S101 the same transaction has written it
    return hold


def _view(hold: Hold) -> HoldView:
    return HoldView(
        guest_id=ids.public("gst", hold.guest_uuid),
        placed_at=rfc3339(hold.placed_at),
        placed_by=hold.actor,
        ended_at=rfc3339_or_none(hold.ended_at),
    )
