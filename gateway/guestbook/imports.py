"""Lists of guests from a file. The whole file is looked at before anything is written; what is written counts from the
last transaction on, all at once, and what never came to that is removed.

All work on lines is done in threads, a slice at a time, so that sends and deliveries go on beside it.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, Literal, NamedTuple

from gateway import ids, sheet
from gateway.callers import Caller
from gateway.errors import GatewayError, Invalid, Unavailable
from gateway.guestbook.forms import ImportReport
from gateway.guestbook.lines import COLUMNS, Entry, Lines, lacking
from gateway.guestbook.plan import SLICE, Plan
from gateway.guestbook.seals import Profile, Seals, vouched
from gateway.sheet import Sheet
from gateway.store import guestbook, guests, imports, suppressions
from gateway.store.db import Database, Tx
from gateway.store.guestbook import Edit
from gateway.store.guests import NewContact, NewGuest
from gateway.vault import Index

DISCARDED = 1000
"""How many guests of an import that failed are removed in one transaction."""


class Wish(NamedTuple):
    """How a file is to be read: its charset where one was said, names of columns other than ours, and what to do."""

    charset: str | None
    named: Mapping[str, str]
    mode: Literal["all", "partial"]
    dry_run: bool


class Fill(NamedTuple):
    """What a guest in the store lacked, sealed, and the version of him it was found for."""

    uuid: bytes
    version: int
    edit: Edit
    contacts: list[NewContact]
    tags: list[str]
    blinds: list[bytes]


class Imports:
    """Takes lists in, one at a time."""

    def __init__(self, db: Database, seals: Seals, index: Index, ids_: ids.Ids):
        self._db, self._seals, self._index, self._ids = db, seals, index, ids_
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
        digest = sha256()
        try:
            rows = plan.sheet.rows()
            while (new := await asyncio.to_thread(self._seal, plan, number, rows, digest)) is not None:
                await self._db.write(_add, new)
            await self._finish(plan.fills, number, partial(_audit, caller.actor, ids.public("imp", uuid), digest))
        except BaseException:
            with contextlib.suppress(GatewayError):
                await self._discard(number)
            raise
        return uuid

    def _seal(self, plan: Plan, number: int, rows: Iterator, digest: Any) -> list[NewGuest] | None:
        """The new guests of the next slice of lines; None when there are no more lines. Keys are written ahead here,
        before they run out where nobody may wait."""
        lines = list(islice(rows, SLICE))
        if not lines:
            return None
        self._seals.keys.refill()
        new = [self._new(plan.new[line], plan.entry(line, cells), number) for line, cells in lines if line in plan.new]
        for guest in new:
            digest.update(vouched(guest.profile_sealed, guest.contacts))
        return new

    def _new(self, uuid: bytes, entry: Entry, number: int) -> NewGuest:
        about, key_id = entry.about, self._seals.keys.next_key()
        sealed = self._seals.profile(key_id, uuid, Profile(about.name, about.source))
        contacts = [self._seals.contact(key_id, *contact) for contact in entry.contacts]
        return NewGuest(uuid, key_id, about.country, about.region, about.timezone, about.language, sealed, contacts,
                        list(dict.fromkeys(about.tags)), number)  # fmt: skip

    async def _finish(self, wanted: Mapping[bytes, Entry], number: int, audit: partial) -> None:
        """The last transaction. Guests who were edited since their gaps were looked for are looked at again."""
        fills: dict[bytes, Fill] = {}
        stale = list(wanted)
        while True:
            for at in range(0, len(stale), SLICE):
                some = stale[at : at + SLICE]
                fills |= await self._db.read(self._fills, {uuid: wanted[uuid] for uuid in some})
            stale = await self._db.write(partial(self._conclude, number, audit), list(fills.values()))
            if not stale:
                return
            for uuid in stale:
                del fills[uuid]

    def _fills(self, reader: sqlite3.Connection, wanted: Mapping[bytes, Entry]) -> dict[bytes, Fill]:
        """What these guests lack now, sealed. Whoever lacks nothing any more, or is gone, is left out."""
        found = {}
        for guest in guestbook.some(reader, list(wanted)):
            profile = self._seals.open_profile(guest)
            gap = lacking(guest, profile, wanted[guest.uuid])
            if gap is None:
                continue
            about = gap.about
            full = Profile(profile.name or about.name, profile.source or about.source)
            edit = Edit(
                guest.country or about.country, guest.region or about.region, guest.timezone or about.timezone,
                guest.language or about.language, self._seals.profile(guest.key_id, guest.uuid, full), guest.id,
            )  # fmt: skip
            contacts = [self._seals.contact(guest.key_id, *contact) for contact in gap.contacts]
            blinds = [contact.blind for contact in guest.contacts] + [contact.blind for contact in contacts]
            found[guest.uuid] = Fill(guest.uuid, guest.version, edit, contacts, list(about.tags), blinds)
        return found

    def _conclude(self, number: int, audit: partial, tx: Tx, items: Sequence[list[Fill]]) -> list[list[bytes]]:
        """The work of the last transaction. If guests were edited meanwhile, it does nothing and names them."""
        (fills,) = items
        stale = [fill.uuid for fill in fills if not guestbook.is_version(tx, fill.edit.id, fill.version)]
        if not stale:
            for fill in fills:
                guestbook.edit(tx, fill.edit)
                guests.add_contacts(tx, [(fill.edit.id, contact) for contact in fill.contacts])
                guests.add_tags(tx, [(fill.edit.id, tag) for tag in fill.tags])
                if fill.contacts:
                    suppressions.inherit(tx, fill.blinds, self._ids)
                for blind in fill.blinds:
                    tx.changed(blind)
            imports.finish(tx, number, self._ids)
            audit(tx, fills)
        return [stale]

    # -- what never came to an end ------------------------------------------------------------------------------------

    async def tidy(self) -> None:
        """Remove what imports left behind that never finished: the process ended, or the disk was full."""
        if self._busy:
            return
        for number in imports.unfinished(self._db.reader):
            await self._discard(number)

    async def _discard(self, number: int) -> None:
        while not await self._db.write(_remove, number):
            pass


def _begin(tx: Tx, items: Sequence[tuple[bytes, str]]) -> list[int]:
    return [imports.begin(tx, uuid, actor) for uuid, actor in items]


def _add(tx: Tx, items: Sequence[list[NewGuest]]) -> list[None]:
    for new in items:
        guests.add_many(tx, new)
    return [None] * len(items)


def _audit(actor: str, public: str, digest: Any, tx: Tx, fills: Sequence[Fill]) -> None:
    """One entry for the whole list: its hash covers everything that was sealed for it."""
    for fill in fills:
        digest.update(vouched(fill.edit.profile_sealed, fill.contacts))
    tx.audit(actor, "guests.imported", public, digest.digest())


def _remove(tx: Tx, items: Sequence[int]) -> list[bool]:
    return [imports.discard(tx, number, DISCARDED) for number in items]
