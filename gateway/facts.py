"""What the store knows about an address that the rules ask for; the part of it that is asked for often, in memory."""

import sqlite3
from typing import NamedTuple

from gateway.rules import Consent, Suppression, in_force
from gateway.store import consents, guests, suppressions
from gateway.store.db import Database
from gateway.store.guests import Guest

KEPT = 20_000


class Known(NamedTuple):
    """The facts of one address: its guest (the oldest behind it), his consents, and who said stop for it."""

    mark: int
    guest: Guest | None
    consents: list[Consent]
    suppressions: list[Suppression]


class Facts:
    """Reads facts once and keeps them until a commit changes them. Only the loop's thread may ask."""

    def __init__(self, db: Database):
        self._db = db
        self._kept: dict[bytes, Known] = {}

    def behind(self, blind: bytes) -> Known:
        """What is known of this address now."""
        kept = self._fresh(blind)
        if kept is not None:
            return kept
        reader = self._db.reader
        known = self._read(reader, blind, guests.behind(reader, blind))
        if known.guest is not None:
            self._keep(blind, known)
        return known

    def of(self, guest: Guest) -> Known:
        """The same for a guest who was read before: his own consents, the stops for his address, his status now."""
        kept = self._fresh(guest.blind)
        if kept is not None and kept.guest is not None and kept.guest.id == guest.id:
            return kept
        status = guests.status(self._db.reader, guest.id)
        return self._read(self._db.reader, guest.blind, guest._replace(status=status))

    def _fresh(self, blind: bytes) -> Known | None:
        """What was kept and has not changed since."""
        kept = self._kept.get(blind)
        return kept if kept is not None and not self._db.changes.since(blind, kept.mark) else None

    def _read(self, reader: sqlite3.Connection, blind: bytes, guest: Guest | None) -> Known:
        ledger = consents.of(reader, guest.id) if guest is not None else []
        given = in_force(ledger, self._db.clock.now()) if ledger else []
        return Known(self._db.turn_mark, guest, given, suppressions.of(reader, blind))

    def _keep(self, blind: bytes, known: Known) -> None:
        if len(self._kept) >= KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[blind] = known
