"""Who is meant: from an address, an id or a description in a request to a guest in the store, or to nobody yet."""

from functools import cache
from zoneinfo import available_timezones

from msgspec import Struct

from gateway import ids
from gateway.errors import Fault, GatewayError, Invalid
from gateway.facts import Facts
from gateway.model import CONTACT_OF
from gateway.orders import Recipient
from gateway.store import guests
from gateway.store.db import Database
from gateway.store.guests import Guest
from gateway.vault import Vault

UNSAID = Recipient()
"""What a request says of somebody whom it calls by his address alone."""


class Named(Struct, frozen=True):
    """A guest as a request named him. `guest` is None for an address nobody has; `address` is normalised."""

    kind: str
    address: str
    blind: bytes
    guest: Guest | None
    said: Recipient
    other: tuple[str, str, bytes] | None = None


class Addresses:
    """Looks people up by what a request calls them."""

    def __init__(self, db: Database, vault: Vault, facts: Facts):
        self._db, self._vault, self._facts = db, vault, facts

    def find(self, to: str | Recipient, channel: str, pointer: str = "/to") -> Named:
        """The guest to be reached over `channel`. Raises Invalid, with the pointer of what is wrong."""
        kind = CONTACT_OF[channel]
        if isinstance(to, str):
            address, blind = self.key(kind, to, pointer)
            return Named(kind, address, blind, self._facts.behind(blind).guest, UNSAID)
        return self._described(to, kind, channel, pointer)

    def _described(self, said: Recipient, kind: str, channel: str, pointer: str) -> Named:
        """The guest of whom more is said than an address."""
        if said.timezone is not None and said.timezone not in zones():
            raise Invalid(faults=[Fault(f"{pointer}/timezone", "unknown-zone", "an IANA name such as Europe/Lisbon")])
        if said.guest_id is not None:
            return self._by_id(said, kind, pointer)
        at = f"{pointer}/{kind}"
        if getattr(said, kind) is None:
            raise Invalid(faults=[Fault(at, "missing", f"a message over {channel} needs the {kind}, or a guest_id")])
        address, blind = self.key(kind, getattr(said, kind), at)
        other = self._other(said, kind, pointer)
        guest = self._facts.behind(blind).guest
        self._same_person(guest, other, pointer)
        return Named(kind, address, blind, guest, said, other)

    def anyone(self, to: str | Recipient, pointer: str = "/guest") -> Named:
        """The guest behind an address of whichever kind it is."""
        if isinstance(to, str):
            channel = "email" if "@" in to else "sms"
        else:
            channel = "email" if to.email is not None or to.phone is None else "sms"
        return self.find(to, channel, pointer)

    def _by_id(self, said: Recipient, kind: str, pointer: str) -> Named:
        uuid = ids.parse("gst", said.guest_id or "")
        guest = guests.named(self._db.reader, uuid, kind) if uuid else None
        if guest is None or guest.status == "erased":
            raise Invalid(faults=[Fault(f"{pointer}/guest_id", "unknown-guest", "no guest has this id")])
        if guest.contact_id is None:
            raise Invalid(faults=[Fault(f"{pointer}/guest_id", "no-contact", f"this guest has no {kind}")])
        address = self._vault.unseal(
            guest.key_id, "contacts", "address", guest.contact_uuid, guest.address_sealed
        ).decode()
        return Named(kind, address, guest.blind, guest, said)

    def key(self, kind: str, text: str, pointer: str) -> tuple[str, bytes]:
        """The normal form of an address and its blind index. Raises Invalid with the pointer."""
        try:
            address = self._vault.index.normalise(kind, text)
        except GatewayError as error:
            raise Invalid(faults=[Fault(pointer, f"bad-{kind}", str(error))]) from None
        return address, self._vault.index.blind(kind, address)

    def _other(self, said: Recipient, kind: str, pointer: str) -> tuple[str, str, bytes] | None:
        """The second address a request brings along, of the kind that is not needed now."""
        other = "phone" if kind == "email" else "email"
        text = getattr(said, other)
        return None if text is None else (other, *self.key(other, text, f"{pointer}/{other}"))

    def _same_person(self, guest: Guest | None, other: tuple[str, str, bytes] | None, pointer: str) -> None:
        if other is None:
            return
        owners = {uuid for uuid, _, status in guests.all_behind(self._db.reader, other[2]) if status != "erased"}
        if owners and (guest is None or guest.uuid not in owners):
            detail = "the e-mail address and the phone number belong to different guests"
            raise Invalid(faults=[Fault(f"{pointer}/{other[0]}", "different-guests", detail)])


@cache
def zones() -> frozenset[str]:
    """Every zone name there is, read once."""
    return frozenset(available_timezones())
