"""One request, open in one transaction: what is done with it, noted, audited and told is all there or not at all."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from msgspec import Struct, field

from gateway import ids
from gateway.callers import Caller
from gateway.errors import Conflict, NotFound
from gateway.model import GuestStatus, RequestKind
from gateway.privacy.requests.notices import Notices, Way
from gateway.privacy.requests.proofs import Drawn, Proofs
from gateway.store import data_requests, guestbook, guests
from gateway.store.data_requests import Event, Request
from gateway.store.db import Database, Tx
from gateway.store.messages import NewMessage
from gateway.vault import CannotOpen, Vault

TABLE, COLUMN = "data_request_events", "note"
VENUE = 1
HOLDS: dict[RequestKind, GuestStatus] = {"erasure": "erasure_pending", "restriction": "restricted"}
"""What a request makes of its guest's status, the stricter first."""


class Turn(Struct):
    """What an act has in its hands. `request` is as it stands after what was done so far."""

    office: "Office"
    tx: Tx
    request: Request
    way: Way | None
    caller: Caller
    posted: list[NewMessage] = field(default_factory=list)

    def need(self, *status: str) -> None:
        """Raise Conflict unless the request is in one of these states."""
        if self.request.status not in status:
            raise Conflict(f"The request is {self.request.status}.")

    def change(self, **to: Any) -> None:
        """Let columns of the request say something else."""
        data_requests.change(self.tx, self.request.id, **to)
        self.request = data_requests.get(self.tx.connection, self.request.id)

    def note(self, type_: str, note: str | None = None, /, **detail: Any) -> None:
        """Write down, and in the audit log, that this happened."""
        office, request, uuid = self.office, self.request, self.office.ids.new()
        sealed = office.seal(request, uuid, note) if note else None
        event = Event(uuid, request.id, type_, self.tx.now, self.caller.actor, detail, sealed)
        data_requests.note(self.tx, event)
        digest = sha256(sealed or uuid).digest()
        self.tx.audit(self.caller.actor, f"data_request.{type_}", ids.public("req", request.uuid), digest)

    def tell(self, letter: str, **values: str) -> str | None:
        """Write to the guest, if there is a way to him; the message's id."""
        if self.way is None or not self.request.known:
            return None
        message = self.office.notices.post(self.tx, self.way, letter, self.request, **values)
        self.posted.append(message)
        return ids.public("msg", message.uuid)

    def ask(self, letter: str, drawn: Drawn) -> None:
        """Send a code, if there is a way that is the guest's alone, and keep what it is known by. Of somebody nobody
        knows it is kept too, and looks the same."""
        assert self.way is not None  # noqa: S101 a code is drawn for a way
        data_requests.ask(self.tx, self.request.id, drawn.proof)
        message = self.tell(letter, **self.office.notices.proven_by(self.way, drawn))
        self.note("code_sent", **({"message": message} if message else {}))

    def mark(self) -> None:
        """From now on this request holds the guest: little or nothing is sent to him."""
        guest_id, status = self.request.guest_id, HOLDS[self.request.kind]
        if self.request.known and guest_id is not None:
            was = guests.status(self.tx.connection, guest_id)
            guests.mark(self.tx, guest_id, "erasure_pending" if was == "erasure_pending" else status)
            self.change(guest_was=was)

    def unmark(self) -> None:
        """This request holds the guest no longer: his status is what his other requests make it."""
        guest_id = self.request.guest_id
        if self.request.guest_was is not None and self.request.known and guest_id is not None:
            self.change(guest_was=None)
            holding = {one.kind for one in data_requests.of(self.tx.connection, guest_id) if one.guest_was is not None}
            guests.mark(self.tx, guest_id, next((HOLDS[kind] for kind in HOLDS if kind in holding), "active"))

    def close(self, status: str, **to: Any) -> None:
        """The request has ended; no code is good for it any more."""
        data_requests.used(self.tx, self.request.id)
        self.change(status=status, closed_at=self.tx.now, paused_at=None, **to)


Act = Callable[[Turn], Any]


class Office:
    """Opens requests for acts, one transaction each; and seals what is written about them."""

    def __init__(self, db: Database, vault: Vault, ids_: ids.Ids, notices: Notices, proofs: Proofs):
        self.db, self.vault, self.ids, self.notices, self.proofs = db, vault, ids_, notices, proofs

    def find(self, public: str) -> Request:
        """The row behind a public id. Raises NotFound."""
        uuid = ids.parse("req", public)
        request = data_requests.find(self.db.reader, uuid) if uuid else None
        if request is None:
            raise NotFound()
        return request

    def way(self, request: Request) -> Way | None:
        """How the guest of a request is written to."""
        guest = guestbook.find(self.db.reader, request.guest_uuid) if request.guest_uuid else None
        return self.notices.way(guest) if guest else None

    async def act(self, request: Request, caller: Caller, act: Act) -> Any:
        """Do something with a request as it stands when its turn comes; what the act returns. Raises what it raises."""
        way = self.way(request)

        def work(tx: Tx) -> tuple[Any, Sequence[NewMessage]]:
            turn = Turn(self, tx, data_requests.get(tx.connection, request.id), way, caller)
            return act(turn), turn.posted

        result, posted = await self.db.do(work)
        self.notices.announce(posted)
        return result

    # -- what people write --------------------------------------------------------------------------------------------

    def seal(self, request: Request, uuid: bytes, note: str) -> bytes:
        """Seal a note: under the guest's key, so that it goes with him; under the venue's where there is no guest."""
        if request.known:
            return self.vault.seal(request.key_id, TABLE, COLUMN, uuid, note.encode())
        return self.vault.seal_venue(TABLE, COLUMN, uuid, note.encode())

    def open(self, request: Request, event: Event) -> str | None:
        """The note of an event; None where there is none, or it went with its guest."""
        sealed = event.note_sealed
        if sealed is None:
            return None
        try:
            if sealed[1] == VENUE:
                return self.vault.open_venue(TABLE, COLUMN, event.uuid, sealed).decode()
            return self.vault.unseal(request.key_id, TABLE, COLUMN, event.uuid, sealed).decode()
        except CannotOpen:
            return None
