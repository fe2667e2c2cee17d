"""Guests who ask by themselves, on a page: what they are shown, what they ask for, and how they prove it is them."""

from typing import Literal

from msgspec import Struct

from gateway import ids
from gateway.callers import Caller
from gateway.clock import Clock
from gateway.errors import Conflict, NotFound
from gateway.guestbook.seals import Seals
from gateway.model import RequestKind
from gateway.privacy.requests.acts import PERSON, Acts
from gateway.privacy.requests.forms import CancelOrder, VerifyOrder
from gateway.privacy.requests.proofs import Purpose
from gateway.privacy.requests.reception import Reception
from gateway.privacy.requests.turn import Office
from gateway.privacy.visitors import Visitor, masked
from gateway.store import data_requests, guestbook, guests, holdings, messages
from gateway.store.data_requests import Request
from gateway.store.guestbook import Whole


class Held(Struct, frozen=True):
    """What is held about a guest, in numbers and masked: whoever has the link may have been passed it."""

    contacts: list[str]
    language: str | None
    messages: int
    consents: int


class Asked(Struct, frozen=True):
    """What became of a wish: a code is on its way, it is done, it is in already, or it must be asked for otherwise."""

    outcome: Literal["sent", "objected", "waits", "otherwise"]
    request: Request | None = None


class Visits:
    """Serves guests behind links."""

    def __init__(self, office: Office, reception: Reception, acts: Acts, seals: Seals, clock: Clock):
        self._office, self._reception, self._acts = office, reception, acts
        self._seals, self._clock = seals, clock

    # -- what there is ------------------------------------------------------------------------------------------------

    def guest(self, visitor: Visitor) -> Whole | None:
        """Whom the message was written to that the link was in; where nobody knows that any more, the only one who has
        the address."""
        reader = self._office.db.reader
        message = messages.find(reader, visitor.link.message)
        uuids = guests.owners(reader, [visitor.link.blind]).get(visitor.link.blind, [])
        if message is not None and message.guest_uuid in uuids:
            return guestbook.find(reader, message.guest_uuid)
        return guestbook.find(reader, uuids[0]) if len(uuids) == 1 else None

    def held(self, guest: Whole) -> Held:
        """What is held about a guest."""
        addresses = [masked(self._seals.open_address(guest.key_id, contact)) for contact in guest.contacts]
        return Held(addresses, guest.language, *holdings.counts(self._office.db.reader, guest.id))

    # -- asking -------------------------------------------------------------------------------------------------------

    async def ask(self, visitor: Visitor, kind: RequestKind, note: str | None) -> Asked:
        """Take down a wish. Raises NotFound for a visitor who is no guest any more."""
        guest = self.guest(visitor)
        if guest is None:
            raise NotFound()
        if kind == "objection":
            return Asked("objected", await self._reception.ask(guest, visitor.link.blind, kind, note, PERSON))
        if waiting := data_requests.unfinished(self._office.db.reader, guest.id, kind):
            return await self._once_more(waiting)
        way = self._office.notices.way(guest, visitor.link.blind)
        if way is None or not way.alone:
            return Asked("otherwise")
        return Asked("sent", await self._reception.ask(guest, visitor.link.blind, kind, note, PERSON))

    async def _once_more(self, request: Request) -> Asked:
        """Who asks again before he has proven himself gets a new code, some times."""
        if request.status != "verifying":
            return Asked("waits", request)
        try:
            await self._acts.verify(ids.public("req", request.uuid), VerifyOrder("send"), PERSON)
        except Conflict:
            return Asked("otherwise", request)
        return Asked("sent", request)

    # -- proving ------------------------------------------------------------------------------------------------------

    def asked(self, visitor: Visitor) -> tuple[Request, Purpose]:
        """The request of a link that asks for a code, and what the code is for. Raises NotFound once the code was used,
        or is too old."""
        reader = self._office.db.reader
        request = data_requests.find(reader, visitor.link.message)
        proof = data_requests.proof(reader, request.id) if request else None
        if request is None or proof is None or self._clock.now() >= proof.expires_at:
            raise NotFound()
        if proof.purpose != visitor.link.scope:
            raise NotFound()
        return request, "copy" if proof.purpose == "copy" else "verify"

    async def prove(self, request: Request, purpose: Purpose, code: str) -> Request:
        """Take the code; the request as it stands then. Raises Invalid for one that is not right."""
        await self._acts.by_code(request, code, purpose, PERSON)
        return data_requests.get(self._office.db.reader, request.id)

    # -- thinking better of it ----------------------------------------------------------------------------------------

    def waiting(self, visitor: Visitor) -> Request:
        """The erasure that can still be taken back with this link. Raises NotFound when there is none."""
        request = data_requests.find(self._office.db.reader, visitor.link.message)
        if request is None or request.status != "grace":
            raise NotFound()
        return request

    async def keep(self, request: Request, caller: Caller = PERSON) -> None:
        """Take it back."""
        await self._acts.cancel(ids.public("req", request.uuid), CancelOrder(), caller)
