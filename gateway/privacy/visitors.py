"""Whoever came by a link in a message: what the link says, and what may be shown of the address it was sent to."""

import re

from msgspec import Struct

from gateway import ids
from gateway.store import guests, messages
from gateway.store.db import Database
from gateway.store.guests import Guest
from gateway.vault import CannotOpen, Vault
from gateway.vault.links import Link

HIDDEN = "•••"
COUNTRY_CODE = re.compile(r"\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})")
"""What E.164 numbers of a country begin with: no code begins another."""


class Visitor(Struct, frozen=True):
    """A guest on a page of ours. He has shown nothing but a link, which may have been passed on: so his address is
    masked, and empty once he was erased. `guest`: of those who have it the oldest; `shared`: there are several.
    `class_` and `category` are those of the message the link was in, as long as that is kept."""

    token: str
    link: Link
    guest: Guest | None
    masked: str
    shared: bool
    class_: str | None
    category: str | None

    @property
    def language(self) -> str | None:
        """The language he is written to in, where it is known."""
        return self.guest.language if self.guest else None

    @property
    def channel(self) -> str:
        """The channel of the message the link was in."""
        return self.link.scope

    @property
    def message(self) -> str:
        """The message the link was in."""
        return ids.public("msg", self.link.message)


class Visitors:
    """Reads links."""

    def __init__(self, db: Database, vault: Vault):
        self._db, self._vault = db, vault

    def by(self, token: str, purpose: str) -> Visitor | None:
        """Who comes with this token; None for one that is forged, foreign or for something else."""
        link = self._vault.links.read(purpose, token)
        if link is None:
            return None
        reader = self._db.reader
        guest = guests.behind(reader, link.blind)
        message = messages.find(reader, link.message)
        return Visitor(
            token=token,
            link=link,
            guest=guest,
            masked=masked(self.address(guest, guest.contact_uuid, guest.address_sealed)) if guest else "",
            shared=len(guests.owners(reader, [link.blind]).get(link.blind, ())) > 1,
            class_=message.class_ if message else None,
            category=message.category if message else None,
        )

    def address(self, guest: Guest, uuid: bytes, sealed: bytes) -> str:
        """The address of a contact point of a guest; empty once he was erased."""
        try:
            return self._vault.unseal(guest.key_id, "contacts", "address", uuid, sealed).decode()
        except CannotOpen:
            return ""


def masked(address: str) -> str:
    """An address so that its owner knows it and nobody else learns it: a•••@example.org, +351 ••• ••• ••16. Nothing of
    nothing."""
    if not address:
        return ""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}{HIDDEN}@{domain}"
    country = COUNTRY_CODE.match(address)
    return f"{country[0] if country else '+'} {HIDDEN} {HIDDEN} ••{address[-2:]}"
