"""New guests and edits: contact points come with the stops that hold for them, and whoever relied on what was known of
an address hears that it changed."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, structs

from gateway import ids
from gateway.addresses import Addresses, zones
from gateway.callers import Caller
from gateway.errors import Conflict, Fault, Invalid, NotFound, Precondition
from gateway.guestbook.book import uuid_of, view
from gateway.guestbook.forms import MOST_CONTACTS, ContactOrder, ContactsEdit, GuestEdit, GuestOrder, GuestView
from gateway.guestbook.seals import Profile, Seals, vouched
from gateway.recall import call_off
from gateway.store import guestbook, guests, messages, outbox, suppressions
from gateway.store.db import Database, Tx
from gateway.store.guestbook import Contact, Edit, Whole
from gateway.store.guests import NewContact, NewGuest

ASKED = ("country", "region", "timezone", "language")
"""What is kept in the clear, because rules and lists ask for it."""
Found = tuple[str, str, bytes]
"""A contact point as it was found to be: kind, normal form, blind index."""


class Entries:
    """Writes into the guestbook."""

    def __init__(self, db: Database, seals: Seals, addresses: Addresses, ids_: ids.Ids):
        self._db, self._seals, self._addresses, self._ids = db, seals, addresses, ids_

    # -- a new guest --------------------------------------------------------------------------------------------------

    async def add(self, order: GuestOrder, caller: Caller) -> GuestView:
        """Take in one guest, even if somebody else has the same address. Raises Invalid."""
        found = self._found(order.contacts, order.timezone, "/contacts")
        uuid, key_id = self._ids.new(), self._seals.keys.next_key()
        sealed = self._seals.profile(key_id, uuid, Profile(order.name, order.source))
        contacts = [self._seals.contact(key_id, *one) for one in found]
        tags = tuple(dict.fromkeys(order.tags or ()))
        new = NewGuest(
            uuid, key_id, order.country, order.region, order.timezone, order.language, sealed, contacts, tags
        )

        def work(tx: Tx, items: Sequence[None]) -> list[GuestView]:
            guests.add(tx, new)
            suppressions.inherit(tx, [contact.blind for contact in contacts], self._ids)
            tx.audit(caller.actor, "guest.created", ids.public("gst", uuid), vouched(sealed, contacts))
            return [view(_there(tx, uuid))] * len(items)

        return await self._db.write(work)

    def _found(self, contacts: Sequence[ContactOrder], zone: Any, pointer: str) -> list[Found]:
        """The contact points of an order. Raises Invalid with all that is wrong about them, and about the zone."""
        faults = []
        if isinstance(zone, str) and zone not in zones():
            faults.append(Fault("/timezone", "unknown-zone", "an IANA name such as Europe/Lisbon"))
        found: dict[bytes, Found] = {}
        for number, contact in enumerate(contacts):
            at = f"{pointer}/{number}/address"
            try:
                address, blind = self._addresses.key(contact.kind, contact.address, at)
            except Invalid as error:
                faults += error.faults
                continue
            if blind in found:
                faults.append(Fault(at, "twice", "each address once"))
            found[blind] = contact.kind, address, blind
        if faults:
            raise Invalid(faults=faults)
        return list(found.values())

    # -- an edit ------------------------------------------------------------------------------------------------------

    async def edit(self, public: str, order: GuestEdit, wanted: int | None, caller: Caller) -> GuestView:
        """Change what an order names and leave the rest, of a guest in the version that is wanted (None: any). Raises
        NotFound, Precondition, Invalid, and Conflict while a message is being handed over to an address that is to
        go."""
        return await self._db.do(self.editing(public, order, wanted, caller))

    def editing(self, public: str, order: GuestEdit, wanted: int | None, caller: Caller) -> Callable[[Tx], GuestView]:
        """The work of an edit, for a transaction in which more is done. Raises Invalid here, as `edit` does in it."""
        uuid = uuid_of(public)
        added = self._found(order.contacts.add, order.timezone, "/contacts/add")

        def act(tx: Tx) -> GuestView:
            guest = guestbook.find(tx.connection, uuid)
            if guest is None:
                raise NotFound()
            if wanted not in (None, guest.version):
                raise Precondition()
            sealed = self._rewrite(tx, guest, order)
            contacts = self._exchange(tx, guest, order.contacts, added, caller)
            tx.audit(caller.actor, "guest.edited", public, vouched(sealed, contacts))
            return view(_there(tx, uuid))

        return act

    def _rewrite(self, tx: Tx, guest: Whole, order: GuestEdit) -> bytes | None:
        """Change row and tags; what is sealed of the row afterwards."""
        said = {name: value for name, value in structs.asdict(order).items() if value is not UNSET}
        profile = self._seals.open_profile(guest)
        profile = structs.replace(profile, **{name: said[name] for name in ("name", "source") if name in said})
        sealed = self._seals.profile(guest.key_id, guest.uuid, profile)
        guestbook.edit(tx, Edit._make([*[said.get(name, getattr(guest, name)) for name in ASKED], sealed, guest.id]))
        if "tags" in said:
            guestbook.untag(tx, guest.id)
            guests.add_tags(tx, [(guest.id, tag) for tag in dict.fromkeys(said["tags"] or ())])
        for contact in guest.contacts:
            tx.changed(contact.blind)
        return sealed

    def _exchange(
        self, tx: Tx, guest: Whole, order: ContactsEdit, added: Sequence[Found], caller: Caller
    ) -> list[NewContact]:
        """Take contact points away and add others, which inherit the stops. Those added."""
        going = self._going(guest, order.remove)
        kept = [contact for contact in guest.contacts if contact not in going]
        has = {contact.blind for contact in kept}
        new = [self._seals.contact(guest.key_id, *one) for one in added if one[2] not in has]
        if not 1 <= len(kept) + len(new) <= MOST_CONTACTS:
            raise Invalid(faults=[Fault("/contacts", "count", f"leave the guest 1 to {MOST_CONTACTS} of them")])
        guests.add_contacts(tx, [(guest.id, contact) for contact in new])
        if new:
            suppressions.inherit(tx, [*has, *[contact.blind for contact in new]], self._ids)
        for contact in going:
            self._remove(tx, guest, contact, caller)
        for added_one in new:
            tx.changed(added_one.blind)
        return new

    def _going(self, guest: Whole, remove: Sequence[str]) -> list[Contact]:
        has = {ids.public("cnt", contact.uuid): contact for contact in guest.contacts}
        faults = [
            Fault(f"/contacts/remove/{number}", "unknown-contact", "the id of a contact point of this guest")
            for number, public in enumerate(remove)
            if public not in has
        ]
        if faults:
            raise Invalid(faults=faults)
        return [has[public] for public in dict.fromkeys(remove)]

    def _remove(self, tx: Tx, guest: Whole, contact: Contact, caller: Caller) -> None:
        """Take a contact point away. What waits to go there goes to his oldest other one of the kind, or not at all."""
        guestbook.remove_contact(tx, contact.id)
        waiting = outbox.waiting_for(tx, guest.id, contact.id)
        if any(lease == outbox.LEASED for _, _, lease in waiting):
            raise Conflict("A message is being handed over to an address of this guest right now.")
        numbers = [number for number, _, _ in waiting]
        other = next((one for one in _there(tx, guest.uuid).contacts if one.kind == contact.kind), None)
        if other is not None:
            messages.readdress(tx, numbers, other.id)
            return
        call_off(tx, [(number, uuid) for number, uuid, _ in waiting], caller.actor)


def _there(tx: Tx, uuid: bytes) -> Whole:
    """A guest who was just written."""
    found = guestbook.find(tx.connection, uuid)
    assert found is not None  # noqa: S101 the same transaction has written him
    return found
