"""Receipts: what a guest agreed to, signed, so that he can keep it and anybody can check it."""

from msgspec import convert, to_builtins

from gateway import ids
from gateway.clock import Clock, rfc3339, rfc3339_or_none
from gateway.config import Sender
from gateway.errors import NotFound
from gateway.ledger import signed_receipt
from gateway.letters import Letters
from gateway.privacy.consents import as_it_stood
from gateway.privacy.forms import House, Receipt, ReceiptWording
from gateway.privacy.wordings import Wordings
from gateway.rules import Consent
from gateway.store import consents, guests
from gateway.store.consents import Entry
from gateway.store.db import Database

GIVEN = ("grant", "renew", "withdraw")


class Receipts:
    """Writes receipts. `house` is who was agreed with."""

    def __init__(self, db: Database, letters: Letters, wordings: Wordings, clock: Clock, house: House):
        self._db, self._letters, self._wordings, self._clock, self._house = db, letters, wordings, clock, house

    def one(self, public: str) -> Receipt:
        """The receipt of an entry of the ledger. Raises NotFound."""
        uuid = ids.parse("con", public)
        entry = consents.find(self._db.reader, uuid) if uuid else None
        if entry is None or entry.event.action not in GIVEN:
            raise NotFound()
        blind = next(iter(guests.blinds_of(self._db.reader, entry.guest_id)), None)
        return self._receipt(entry, self._letters.receipt_link(blind, entry.uuid) if blind else None)

    def kept(self, token: str) -> Receipt | None:
        """The receipt behind a guest's link; None for one that is forged, or to somebody who is gone."""
        link = self._letters.vault.links.read("receipt", token)
        entry = consents.find(self._db.reader, link.message) if link else None
        guest = guests.at(self._db.reader, entry.guest_id, link.blind) if entry and link else None
        if entry is None or guest is None:
            return None
        return self._receipt(entry, f"{self._letters.link_base}/r/{token}")

    def _receipt(self, entry: Entry, page: str | None) -> Receipt:
        """What the entry says, and what has become of it."""
        event, ledger = entry.event, consents.entries(self._db.reader, entry.guest_id)
        public, now = ids.public("con", entry.uuid), self._clock.now()
        given = _with(public, as_it_stood(ledger, event.at)) or event
        after = _with(public, as_it_stood(ledger, now))
        members = {
            "id": public,
            "guest_id": ids.public("gst", guests.uuid_of(self._db.reader, entry.guest_id)),
            "venue": to_builtins(self._house),
            "action": event.action,
            "kind": event.kind,
            "channels": list(given.channels or ()),
            "categories": list(given.categories or ()),
            "source": given.source,
            "wording": self._wording(entry, given.wording_version),
            "granted_at": rfc3339_or_none(given.granted_at),
            "confirmed_at": rfc3339_or_none(given.confirmed_at),
            "expires_at": rfc3339_or_none(given.expires_at),
            "withdrawn_at": rfc3339_or_none(after.withdrawn_at if after else None),
            "recorded_at": rfc3339(event.at),
            "issued_at": rfc3339(now),
            "page": page,
        }
        return convert(signed_receipt(self._letters.vault.signer, members), Receipt)

    def _wording(self, entry: Entry, version: str | None) -> dict | None:
        if version is None:
            return None
        if entry.wording_id is None:
            return to_builtins(ReceiptWording(version, None, None))
        wording = self._wordings.of_row(entry.wording_id)
        return to_builtins(ReceiptWording(version, wording.language, self._wordings.text(wording)))


def house_of(name: str, sender: Sender) -> House:
    """Who a guest agrees with: the venue, at the addresses of its sender."""
    return House(name or sender.name, sender.postal_address, sender.contact or sender.email)


def _with(public: str, stood: list[Consent]) -> Consent | None:
    return next((one for one in stood if one.id == public), None)
