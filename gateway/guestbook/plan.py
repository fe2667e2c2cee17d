"""What an import is going to do, found out before anything is written: which line is a new guest, which one says more
about somebody who is known, which ones cannot be used."""

import sqlite3
from collections.abc import Iterator
from itertools import islice

from gateway.guestbook.agreements import Agreed
from gateway.guestbook.forms import ImportReport
from gateway.guestbook.lines import Entry, Lines, both, lacking
from gateway.guestbook.seals import Seals
from gateway.ids import Ids
from gateway.sheet import Line, Sheet
from gateway.store import consents, guestbook, guests
from gateway.store.guestbook import Whole
from gateway.vault import KeyDestroyed

SLICE = 500
"""How many lines are worked on at a time."""
Owners = dict[bytes, list[bytes]]
"""Who has an address, by its blind index: uuids, the oldest first."""


class Plan:
    """Goes through a sheet once, slice by slice, in a reading thread."""

    def __init__(self, sheet: Sheet, lines: Lines, seals: Seals, ids: Ids, report: ImportReport):
        self.sheet, self.lines, self.report = sheet, lines, report
        self.new: dict[int, bytes] = {}
        """Lines that are new guests, with the uuids they will have."""
        self.more: dict[bytes, Entry] = {}
        """What later lines add to a new guest."""
        self.fills: dict[bytes, Entry] = {}
        """What lines add to a guest in the store."""
        self._seals, self._ids = seals, ids
        self._seen: dict[bytes, bytes] = {}
        self._known: set[bytes] = set()
        self._consents: set[tuple[bytes, Agreed]] = set()
        self._rows: Iterator[tuple[int, list[str] | None]] = sheet.rows()

    def advance(self, reader: sqlite3.Connection) -> bool:
        """Take the next slice; False when there was none. Raises TooLarge."""
        rows = list(islice(self._rows, SLICE))
        good = []
        for line, cells in rows:
            entry = self.lines.read(line, cells)
            if isinstance(entry, Entry):
                good.append((line, entry))
            else:
                self.report.fault(entry)
        if good:
            blinds = {contact[2] for _, entry in good for contact in entry.contacts}
            owners = guests.owners(reader, list(blinds))
            uuids = {uuid for found in owners.values() for uuid in found}
            uuids |= {self._seen[blind] for blind in blinds if self._seen.get(blind) in self._known}
            stored = {guest.uuid: guest for guest in guestbook.some(reader, list(uuids))}
            for line, entry in good:
                self._place(reader, line, entry, owners, stored)
        self.report.rows += len(rows)
        self.report.created, self.report.filled = len(self.new), len(self.fills)
        self.report.unchanged = len(self._known) - len(self.fills)
        return bool(rows)

    def entry(self, line: int, cells: list[str] | None) -> Entry:
        """The whole of a line that is a new guest, with what later lines add to it."""
        entry = self.lines.read(line, cells)
        assert isinstance(entry, Entry)  # noqa: S101 it was one when the plan was made
        more = self.more.get(self.new[line])
        return both(entry, more) if more else entry

    def _place(
        self, reader: sqlite3.Connection, line: int, entry: Entry, owners: Owners, stored: dict[bytes, Whole]
    ) -> None:
        """Find out whom a line is about."""
        who = self._who(entry, owners)
        if who is not None and not who:
            self.report.fault([Line(line, "different-guests")])
            return
        uuid = who[0] if who else self._ids.new()
        self._agreed(line, uuid, entry)
        if who is None:
            self.new[line] = uuid
        elif uuid in stored:
            self._fill(reader, stored[uuid], entry)
        else:
            self.more[uuid] = both(self.more[uuid], entry) if uuid in self.more else entry
        if any(contact[2] in self._seen for contact in entry.contacts):
            self.report.duplicates += 1
            self.report.note(Line(line, "duplicate"))
        for contact in entry.contacts:
            self._seen.setdefault(contact[2], uuid)

    def _who(self, entry: Entry, owners: Owners) -> list[bytes] | None:
        """Those who have every address of a line that anybody has; None where nobody has any of them."""
        having = []
        for _, _, blind in entry.contacts:
            having.append([*owners.get(blind, ()), *([self._seen[blind]] if blind in self._seen else ())])
        taken = [uuids for uuids in having if uuids]
        return [uuid for uuid in taken[0] if all(uuid in uuids for uuids in taken)] if taken else None

    def _agreed(self, line: int, uuid: bytes, entry: Entry) -> None:
        """Count the consents of a line, and note what they lack to count themselves."""
        for agreed in entry.agreed:
            if (uuid, agreed) not in self._consents:
                self._consents.add((uuid, agreed))
                self.report.agreed(line, agreed.missing)

    def _fill(self, reader: sqlite3.Connection, guest: Whole, entry: Entry) -> None:
        ledger = consents.of(reader, guest.id) if entry.agreed else ()
        try:
            gap = lacking(guest, self._seals.open_profile(guest), ledger, entry)
        except KeyDestroyed:  # he was erased since he was read, and nothing is added to him
            return
        self._known.add(guest.uuid)
        if gap is not None:
            before = self.fills.get(guest.uuid)
            self.fills[guest.uuid] = both(before, gap) if before else gap
