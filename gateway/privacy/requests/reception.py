"""Where requests come in: whom it is about, which law's clock runs, and a code to the address we know."""

from datetime import date
from typing import NamedTuple

from gateway import ids
from gateway.addresses import Addresses
from gateway.callers import Caller
from gateway.clock import Clock, parse_rfc3339
from gateway.errors import Conflict, Fault, GuestOnHold, Invalid, NotFound, Precondition
from gateway.model import CHANNELS, RequestKind
from gateway.orders import Recipient
from gateway.privacy.opt_outs import enter
from gateway.privacy.requests.acts import Acts
from gateway.privacy.requests.clocks import Clocks, faulty
from gateway.privacy.requests.forms import RequestOrder
from gateway.privacy.requests.notices import Way
from gateway.privacy.requests.proofs import Drawn
from gateway.privacy.requests.turn import Office, Turn
from gateway.store import data_requests, guestbook, guests, holds
from gateway.store.data_requests import NewRequest, Request
from gateway.store.db import Tx
from gateway.store.guestbook import Whole
from gateway.store.messages import NewMessage
from gateway.store.suppressions import NewSuppression

SOON_MS = 60_000
"""By how much another clock may be ahead."""


class Asker(NamedTuple):
    """Who is meant: a guest, or an address nobody has. `way`: how he can be asked for proof."""

    guest: Whole | None
    blinds: tuple[bytes, ...]
    way: Way | None


class Reception:
    """Takes requests down."""

    def __init__(self, office: Office, acts: Acts, clocks: Clocks, addresses: Addresses, clock: Clock):
        self._office, self._acts, self._clocks = office, acts, clocks
        self._addresses, self._clock = addresses, clock

    async def open(self, order: RequestOrder, caller: Caller) -> Request:
        """Take a request down. What is answered is the same whether anybody has the address or not. Raises Invalid, and
        Conflict where the guest waits for an erasure already."""
        return await self._open(self._asker(order.guest), order, caller)

    async def ask(self, guest: Whole, blind: bytes, kind: RequestKind, note: str | None, caller: Caller) -> Request:
        """Take down what a guest asks on a page that he came to by a message to this address of his."""
        asker = Asker(guest, (blind,), self._office.notices.way(guest, blind))
        return await self._open(asker, RequestOrder("", kind, "guest_page", note=note), caller)

    async def _open(self, asker: Asker, order: RequestOrder, caller: Caller) -> Request:
        received = self._received(order)
        country = asker.guest.country if asker.guest else None
        law = order.jurisdiction or self._clocks.law(country)
        try:
            due, home = self._clocks.start(law, country, received)
        except Invalid as error:
            raise faulty(error) from None
        new = NewRequest(
            self._office.ids.new(), asker.guest.id if asker.guest else None, order.kind,
            "open" if order.kind == "objection" else "verifying", order.received_via, received, caller.actor, law,
            home, due.due_date or date.min, due.ends_at, due.reasons,
        )  # fmt: skip
        return await self._take_down(new, asker, order.note, caller)

    async def forget(self, public: str, wanted: int | None, caller: Caller) -> Request:
        """Take down that a guest, in the version that is wanted (None: any), is to be erased, on the word of whoever
        says so. Who waits for it already keeps waiting. Raises NotFound, Precondition, GuestOnHold."""
        uuid = ids.parse("gst", public)
        guest = guestbook.find(self._office.db.reader, uuid) if uuid else None
        if guest is None:
            raise NotFound()
        if wanted not in (None, guest.version):
            raise Precondition()
        if holds.in_force(self._office.db.reader, guest.uuid):
            raise GuestOnHold()
        if waiting := data_requests.unfinished(self._office.db.reader, guest.id, "erasure"):
            return waiting
        now = self._clock.now()
        law = self._clocks.law(guest.country)
        due, home = self._clocks.start(law, guest.country, now)
        new = NewRequest(
            self._office.ids.new(), guest.id, "erasure", "verifying", "staff", now, caller.actor, law, home,
            due.due_date or date.min, due.ends_at, due.reasons,
        )  # fmt: skip
        asker = Asker(guest, (), None)
        return await self._take_down(new, asker, None, caller, vouched=True)

    # -- who ----------------------------------------------------------------------------------------------------------

    def _asker(self, said: str | Recipient) -> Asker:
        if isinstance(said, Recipient) and said.guest_id is not None:
            named_one = self._by_id(said.guest_id)
            blinds = tuple(contact.blind for contact in named_one.contacts)
            return Asker(named_one, blinds, self._office.notices.way(named_one))
        named = self._addresses.anyone(said)
        owners = guests.owners(self._office.db.reader, [named.blind]).get(named.blind, [])
        if len(owners) > 1:
            fault = "several guests have this address: name one by guest_id"
            raise Invalid(faults=[Fault("/guest", "several-guests", fault)])
        guest = guestbook.find(self._office.db.reader, owners[0]) if owners else None
        if guest is None:
            way = self._office.notices.way_to_nobody(named.kind, named.address, named.blind)
            return Asker(None, (named.blind,), way)
        return Asker(guest, (named.blind,), self._office.notices.way(guest, named.blind))

    def _by_id(self, public: str) -> Whole:
        uuid = ids.parse("gst", public)
        guest = guestbook.find(self._office.db.reader, uuid) if uuid else None
        if guest is None:
            raise Invalid(faults=[Fault("/guest/guest_id", "unknown-guest", "no guest has this id")])
        return guest

    def _received(self, order: RequestOrder) -> int:
        received = parse_rfc3339(order.received_at) if order.received_at else self._clock.now()
        if received is None or not 0 <= received <= self._clock.now() + SOON_MS:
            detail = "RFC 3339 with a zone, and not in the future"
            raise Invalid(faults=[Fault("/received_at", "bad-time", detail)])
        return received

    # -- on paper -----------------------------------------------------------------------------------------------------

    async def _take_down(
        self, new: NewRequest, asker: Asker, note: str | None, caller: Caller, vouched: bool = False
    ) -> Request:
        office = self._office
        way = asker.way
        drawn = office.proofs.draw(new.uuid, "verify", way.channel, way.blind, 0) if way and way.alone else None

        def work(tx: Tx) -> list[NewMessage]:
            _one_erasure(tx, new)
            turn = Turn(office, tx, data_requests.get(tx.connection, data_requests.add(tx, new)), way, caller)
            turn.note("opened", note)
            if vouched:
                self._acts.prove(turn, "staff")
            elif new.kind == "objection":
                self._object(turn, asker, caller)
            elif drawn is not None:
                self._ask(turn, drawn)
            return turn.posted

        office.notices.announce(await office.db.do(work))
        found = data_requests.find(office.db.reader, new.uuid)
        assert found is not None  # noqa: S101 it was just written
        return found

    def _ask(self, turn: Turn, drawn: Drawn) -> None:
        """Ask for proof; from now until it comes the clock stands still (DSR-2)."""
        turn.change(paused_at=turn.tx.now)
        turn.ask("verify", drawn)

    def _object(self, turn: Turn, asker: Asker, caller: Caller) -> None:
        """No more advertising, at once and for every address (GDPR art. 21(2) and (3)). That needs no proof: it gives
        nothing away."""
        for blind in asker.blinds[:1]:
            entry = NewSuppression(
                self._office.ids.new(), blind, "global", CHANNELS, (), ("marketing",), "objection", False,
                turn.request.received_at, blind, caller.actor,
            )  # fmt: skip
            enter(turn.tx, entry, self._office.ids, around=True)


def _one_erasure(tx: Tx, new: NewRequest) -> None:
    """Whoever waits to be forgotten cannot ask for it twice."""
    kind: RequestKind = new.kind
    if kind == "erasure" and new.guest_id and data_requests.unfinished(tx.connection, new.guest_id, kind):
        raise Conflict("This guest waits for an erasure already.")
