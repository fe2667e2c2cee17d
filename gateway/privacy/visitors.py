"""Whoever came by a link in a message: what the link says, and what may be shown of the address it was sent to."""

from msgspec import Struct

from gateway import ids
from gateway.store import guests, messages
from gateway.store.db import Database
from gateway.store.guests import Guest
from gateway.vault import CannotOpen, Vault
from gateway.vault.links import Link

HIDDEN = "•••"


class Visitor(Struct, frozen=True):
    """A guest on a page of ours. He has shown nothing but a link, which may have been passed on: so his address is
    masked, and empty once he was erased. `shared`: more than one guest has it."""

    token: str
    link: Link
    masked: str
    language: str | None
    shared: bool
    class_: str | None
    category: str | None

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
            masked=self._masked(guest) if guest else "",
            language=guest.language if guest else None,
            shared=len(guests.owners(reader, [link.blind]).get(link.blind, ())) > 1,
            class_=message.class_ if message else None,
            category=message.category if message else None,
        )

    def _masked(self, guest: Guest) -> str:
        try:
            return masked(self._vault.unseal(guest.key_id, "contacts", "address", guest.contact_uuid,
                                             guest.address_sealed).decode())  # fmt: skip
        except CannotOpen:
            return ""


def masked(address: str) -> str:
    """An address so that its owner knows it and nobody else learns it: a•••@example.org, +351 ••• ••• •16."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}{HIDDEN}@{domain}"
    return f"{address[:-9] if len(address) > 10 else address[:2]} {HIDDEN} {HIDDEN} •{address[-2:]}"
