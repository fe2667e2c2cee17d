"""Suppressions from a file and into one, for whoever changes to the gateway or away from it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from itertools import islice

from msgspec import ValidationError, convert

from gateway import ids, reading, sheet
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.errors import Invalid
from gateway.privacy import OptOuts
from gateway.privacy.forms import UnsubscribeOrder
from gateway.sheet import Line, Reading, Sheet
from gateway.store import suppressions
from gateway.store.db import Database
from gateway.store.suppressions import Stored
from gateway.suppressions import Suppressions

COLUMNS = ("email", "phone", "scope", "channels", "categories", "classes", "source", "received_at")
LISTS = ("channels", "categories", "classes")
HEAD = ("id", *COLUMNS[:7], "permanent", "received_at")
SLICE = 200


class SuppressionReport(Reading, kw_only=True):
    """What came of a list of suppressions."""

    stopped: int = 0


class SuppressionLists:
    """Takes lists in and gives them out. Every line that can be read counts, whatever is wrong with the others: it is
    better to write to one guest too few."""

    def __init__(self, db: Database, suppressions_: Suppressions):
        self._db, self._suppressions = db, suppressions_

    async def take(self, raw: bytes, charset: str | None, opt_outs: OptOuts, caller: Caller) -> SuppressionReport:
        """Read a list and stop whomever it names. Raises Invalid, TooLarge, WrongEncoding for what is no such list."""
        table = await asyncio.to_thread(Sheet, raw, charset)
        columns = sheet.columns(table, COLUMNS, {})
        report = SuppressionReport.of(table, columns)
        rows = table.rows()
        while lines := await asyncio.to_thread(lambda: list(islice(rows, SLICE))):
            report.rows += len(lines)
            read = [(line, _order(cells, columns)) for line, cells in lines]
            outcomes = await asyncio.gather(*[self._stop(line, order, opt_outs, caller) for line, order in read])
            for fault in filter(None, outcomes):
                report.fault([fault])
        report.stopped = report.rows - report.faulty
        return report

    async def _stop(self, line: int, order: UnsubscribeOrder | str, opt_outs: OptOuts, caller: Caller) -> Line | None:
        """Stop whom a line names; or what is wrong with it."""
        if isinstance(order, str):
            return Line(line, order)
        try:
            await opt_outs.unsubscribe(order, caller)
        except Invalid as error:
            pointer = error.faults[0].pointer.strip("/").rpartition("/")[2]
            return Line(line, error.faults[0].code, pointer if pointer in COLUMNS else None)
        return None

    # -- giving out ---------------------------------------------------------------------------------------------------

    async def export(self, caller: Caller) -> AsyncIterator[bytes]:
        """Every stop in force as CSV, newest first, with the address where a guest in the store has it."""
        await reading.note(self._db, caller, "suppressions", [])
        await reading.seen(self._db, caller, "suppressions.exported", "suppressions", [])
        return sheet.slices(HEAD, partial(self._db.read, self._slice), {"state": "in_force"})

    def _slice(self, reader: sqlite3.Connection, wanted: dict[str, object]) -> tuple[list[list[str]], int | None]:
        rows = suppressions.search(reader, wanted, SLICE)
        addresses = self._suppressions.addresses(reader, rows)
        lines = [_line(row, address) for row, address in zip(rows, addresses, strict=True)]
        return lines, rows[-1].id if rows else None


def _order(cells: Sequence[str] | None, columns: Mapping[str, int]) -> UnsubscribeOrder | str:
    """The order in a line; a code for one that is none."""
    if cells is None:
        return "unreadable"
    said: dict[str, object] = {name: cells[at] for name, at in columns.items() if cells[at]}
    guest = {kind: said.pop(kind) for kind in ("email", "phone") if kind in said}
    if len(guest) != 1:
        return "one-address"
    said |= {name: [word.strip() for word in str(said[name]).split(";")] for name in LISTS if name in said}
    try:
        return convert({"guest": guest, "source": "import"} | said, UnsubscribeOrder)
    except ValidationError:
        return "invalid"


def _line(entry: Stored, address: Mapping[str, str]) -> list[str]:
    lists = ["; ".join(names) for names in (entry.channels, entry.categories, entry.classes)]
    return [
        ids.public("sup", entry.uuid), address.get("email", ""), address.get("phone", ""), entry.scope, *lists,
        entry.source, "true" if entry.permanent else "false", rfc3339(entry.created_at),
    ]  # fmt: skip
