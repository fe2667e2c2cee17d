"""Lists of guests from a file. The whole file is looked at before anything is written; what is written counts from one
transaction on, all of it, and what never came to that is removed.

All work on lines is done in threads, a slice at a time, so that sends and deliveries go on beside it.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, Literal, NamedTuple

from gateway import ids, sheet
from gateway.callers import Caller
from gateway.errors import GatewayError, Invalid, Unavailable
from gateway.guestbook.fills import Fills
from gateway.guestbook.forms import ImportReport
from gateway.guestbook.lines import COLUMNS, Entry, Lines
from gateway.guestbook.plan import SLICE, Plan
from gateway.guestbook.seals import Profile, Seals, vouched
from gateway.sheet import Sheet
from gateway.store import guests, imports
from gateway.store.db import Database, Tx
from gateway.store.guests import NewGuest
from gateway.store.imports import Fill
from gateway.vault import Index

DISCARDED = 1000
"""How many guests of an import that failed are removed in one transaction."""


class Wish(NamedTuple):
    """How a file is to be read: its charset where one was said, names of columns other than ours, and what to do."""

    charset: str | None
    named: Mapping[str, str]
    mode: Literal["all", "partial"]
    dry_run: bool


class Imports:
    """Takes lists in, one at a time."""

    def __init__(self, db: Database, seals: Seals, index: Index, ids_: ids.Ids):
        self._db, self._seals, self._index, self._ids = db, seals, index, ids_
        self._fills = Fills(seals, index, ids_)
        self._busy = False

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """One list at a time: it is held in memory. Raises Unavailable while another one is being taken in."""
        if self._busy:
            raise Unavailable("Another list is being taken in; try again.", retry_after=5)
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def take(self, raw: bytes, wish: Wish, caller: Caller) -> ImportReport:
        """Read a list and, unless it is only to be tried, store it. Raises Invalid, with the report in it, for a list
        with faults where all of it was asked for; TooLarge and WrongEncoding for what is no such list."""
        plan = await asyncio.to_thread(self._plan, raw, wish)
        while await self._db.read(plan.advance):
            pass
        report = plan.report
        if wish.dry_run:
            return report
        if report.faulty and wish.mode == "all":
            raise Invalid("Some lines cannot be used, so nothing was stored.", report=report)
        if plan.new or plan.fills:
            report.id = ids.public("imp", await self._store(plan, caller))
        report.stored = True
        return report

    def _plan(self, raw: bytes, wish: Wish) -> Plan:
        table = Sheet(raw, wish.charset)
        columns = sheet.columns(table, COLUMNS, wish.named)
        report = ImportReport.of(table, columns, mode=wish.mode, dry_run=wish.dry_run)
        return Plan(table, Lines(self._index, columns), self._seals, self._ids, report)

    # -- storing ------------------------------------------------------------------------------------------------------

    async def _store(self, plan: Plan, caller: Caller) -> bytes:
        uuid = self._ids.new()
        number = await self._db.write(_begin, (uuid, caller.actor))
        try:
            digest = sha256()
            await self._add(plan, number, digest)
            entry = caller.actor, "guests.imported", ids.public("imp", uuid), digest.digest()
            await self._db.write(self._finish, (number, entry))
        except BaseException:
            with contextlib.suppress(GatewayError):
                await self._discard(number)
            raise
        await self._fill(number)
        return uuid

    async def _add(self, plan: Plan, number: int, digest: Any) -> None:
        """Write everything that does not count yet. The digest takes in all that is sealed for it."""
        rows = plan.sheet.rows()
        while (some := await asyncio.to_thread(self._seal, plan, number, rows)) is not None:
            new, agreed = some
            await self._db.write(_add_guests, new)
            for guest in new:
                digest.update(vouched(guest.profile_sealed, guest.contacts))
            await self._add_fills(number, agreed, digest)
        wanted = list(plan.fills.items())
        for at in range(0, len(wanted), SLICE):
            fills = await self._db.read(self._fills.seal, dict(wanted[at : at + SLICE]))
            await self._add_fills(number, fills, digest)

    async def _add_fills(self, number: int, fills: Sequence[Fill], digest: Any) -> None:
        if fills:
            await self._db.write(_add_fills, (number, fills))
        for fill in fills:
            digest.update(fill.said_sealed)

    def _finish(self, tx: Tx, items: Sequence[tuple[int, tuple[str, str, str, bytes]]]) -> list[None]:
        """The work from which on imports count, each with one audit entry for the whole list."""
        for number, entry in items:
            imports.finish(tx, number, self._ids)
            tx.audit(*entry)
        return [None] * len(items)

    async def _fill(self, number: int) -> None:
        while not await self._db.write(self._fills.apply, number):
            pass

    def _seal(self, plan: Plan, number: int, rows: Iterator) -> tuple[list[NewGuest], list[Fill]] | None:
        """The new guests of the next slice of lines, and what they agreed to; None when there are no more lines. Keys
        are written ahead here, before they run out where nobody may wait."""
        lines = list(islice(rows, SLICE))
        if not lines:
            return None
        self._seals.keys.refill()
        entries = {plan.new[line]: plan.entry(line, cells) for line, cells in lines if line in plan.new}
        new = [self._new(uuid, entry, number) for uuid, entry in entries.items()]
        return new, [self._fills.agreed(one, agreed) for one in new if (agreed := entries[one.uuid].agreed)]

    def _new(self, uuid: bytes, entry: Entry, number: int) -> NewGuest:
        about, key_id = entry.about, self._seals.keys.next_key()
        sealed = self._seals.profile(key_id, uuid, Profile(about.name, about.source))
        contacts = [self._seals.contact(key_id, *contact) for contact in entry.contacts]
        return NewGuest(uuid, key_id, about.country, about.region, about.timezone, about.language, sealed, contacts,
                        about.tags, number)  # fmt: skip

    # -- what never came to an end ------------------------------------------------------------------------------------

    async def tidy(self) -> None:
        """Bring to an end what was cut short, because the process ended or the disk was full: remove what imports left
        behind that never counted, and go on with those that did."""
        if self._busy:
            return
        for number in imports.unfinished(self._db.reader):
            await self._discard(number)
        for number in imports.unapplied(self._db.reader):
            await self._fill(number)

    async def _discard(self, number: int) -> None:
        while not await self._db.write(_remove, number):
            pass


def _begin(tx: Tx, items: Sequence[tuple[bytes, str]]) -> list[int]:
    return [imports.begin(tx, uuid, actor) for uuid, actor in items]


def _add_guests(tx: Tx, items: Sequence[list[NewGuest]]) -> list[None]:
    for new in items:
        guests.add_many(tx, new)
    return [None] * len(items)


def _add_fills(tx: Tx, items: Sequence[tuple[int, Sequence[Fill]]]) -> list[None]:
    for number, fills in items:
        imports.add_fills(tx, number, fills)
    return [None] * len(items)


def _remove(tx: Tx, items: Sequence[int]) -> list[bool]:
    return [imports.discard(tx, number, DISCARDED) for number in items]
