"""What a list adds to guests who are known already. It is written beside them first, sealed; once the import counts it
is added to each of them, some at a time, and whatever interrupts that, it goes on afterwards.
"""

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence

from msgspec import Struct, json

from gateway.guestbook.agreements import Agreed
from gateway.guestbook.lines import NOTHING, About, Entry, lacking
from gateway.guestbook.seals import Profile, Seals
from gateway.ids import Ids
from gateway.privacy.consents import append
from gateway.store import consents, guestbook, guests, imports, suppressions, wordings
from gateway.store.consents import NewConsent
from gateway.store.db import Tx
from gateway.store.guestbook import Edit, Whole
from gateway.store.guests import NewGuest
from gateway.store.imports import Fill
from gateway.vault import CannotOpen, Index, KeyDestroyed

SLICE = 100
"""How many guests are filled in one transaction."""


class Said(Struct, frozen=True):
    """The sealed part of a fill: what the list says, with addresses in their normal form."""

    about: About
    contacts: list[tuple[str, str]]
    agreed: tuple[Agreed, ...] = ()


_decoder = json.Decoder(Said)


class Fills:
    """Fills guests."""

    def __init__(self, seals: Seals, index: Index, ids: Ids):
        self._seals, self._index, self._ids = seals, index, ids

    def seal(self, reader: sqlite3.Connection, wanted: Mapping[bytes, Entry]) -> list[Fill]:
        """What is to be written beside these guests (by uuid), of those who are there."""
        fills = []
        for guest in guestbook.some(reader, list(wanted)):
            with contextlib.suppress(KeyDestroyed):  # erased since the look at the list
                fills.append(self._sealed(guest, wanted[guest.uuid]))
        return fills

    def _sealed(self, guest: Whole, entry: Entry) -> Fill:
        said = Said(entry.about, [contact[:2] for contact in entry.contacts], entry.agreed)
        return self._said(guest.key_id, guest.uuid, said)

    def agreed(self, new: NewGuest, agreed: tuple[Agreed, ...]) -> Fill:
        """What a new guest agreed to: it waits beside him until he counts."""
        return self._said(new.key_id, new.uuid, Said(NOTHING, [], agreed))

    def _said(self, key_id: int, guest: bytes, said: Said) -> Fill:
        uuid = self._ids.new()
        return Fill(uuid, guest, self._seals.said(key_id, uuid, json.encode(said)))

    def apply(self, tx: Tx, import_ids: Sequence[int]) -> list[bool]:
        """The work of filling some guests of an import that counts; True once there is nobody left to fill."""
        return [self._apply(tx, import_id) for import_id in import_ids]

    def _apply(self, tx: Tx, import_id: int) -> bool:
        fills, actor = imports.fills(tx, import_id, SLICE), imports.actor(tx, import_id)
        people = {guest.uuid: guest for guest in guestbook.some(tx.connection, [fill.guest for fill in fills])}
        for fill in fills:
            if guest := people.get(fill.guest):
                with contextlib.suppress(CannotOpen):  # his key was destroyed: there is nobody left to fill
                    self._fill(tx, guest, fill, actor)
        imports.filled(tx, [fill.uuid for fill in fills])
        return len(fills) < SLICE

    def _fill(self, tx: Tx, guest: Whole, fill: Fill, actor: str) -> None:
        """Add what he still lacks: somebody may have edited him since. Raises CannotOpen before anything is written."""
        said = _decoder.decode(self._seals.open_said(guest.key_id, fill.uuid, fill.said_sealed))
        found = tuple((kind, address, self._index.blind(kind, address)) for kind, address in said.contacts)
        profile = self._seals.open_profile(guest)
        ledger = consents.of(tx.connection, guest.id) if said.agreed else ()
        gap = lacking(guest, profile, ledger, Entry(said.about, found, said.agreed))
        if gap is None:
            return
        for agreed in gap.agreed:
            append(tx, self._consent(tx, guest, agreed, actor))
        if gap.contacts or gap.about != NOTHING:
            self._complete(tx, guest, profile, gap)

    def _consent(self, tx: Tx, guest: Whole, agreed: Agreed, actor: str) -> NewConsent:
        uuid, text = self._ids.new(), agreed.sealed
        proof = self._seals.proof(guest.key_id, uuid, text) if text else None
        kept = wordings.of_version(tx.connection, agreed.wording) if agreed.wording else {}
        shown = next((kept[one] for one in (guest.language or "", *kept) if one in kept), None)
        return NewConsent(uuid, guest.id, agreed.event(tx.now), proof, actor, shown.id if shown else None)

    def _complete(self, tx: Tx, guest: Whole, profile: Profile, gap: Entry) -> None:
        about = gap.about
        full = Profile(profile.name or about.name, profile.source or about.source)
        sealed = self._seals.profile(guest.key_id, guest.uuid, full)
        new = [self._seals.contact(guest.key_id, *contact) for contact in gap.contacts]
        blinds = [*[contact.blind for contact in guest.contacts], *[contact.blind for contact in new]]
        guestbook.edit(
            tx,
            Edit(
                guest.country or about.country, guest.region or about.region, guest.timezone or about.timezone,
                guest.language or about.language, sealed, guest.id,
            ),
        )  # fmt: skip
        guests.add_contacts(tx, [(guest.id, contact) for contact in new])
        guests.add_tags(tx, [(guest.id, tag) for tag in about.tags])
        if new:
            suppressions.inherit(tx, blinds, self._ids)
        for blind in blinds:
            tx.changed(blind)
