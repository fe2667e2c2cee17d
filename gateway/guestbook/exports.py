"""The guestbook as a file, in the columns that an import takes and some more."""

import sqlite3
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from msgspec import json

from gateway import ids, pages, reading, sheet
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.guestbook.book import FILTERS
from gateway.guestbook.seals import Seals
from gateway.store import guestbook
from gateway.store.db import Database
from gateway.store.guestbook import Whole

HEAD = (
    "id", "status", "name", "email", "phone", "country", "region", "timezone", "language", "tags", "source",
    "created_at",
)  # fmt: skip
SLICE = 200


class Exports:
    """Gives the guestbook out."""

    def __init__(self, db: Database, seals: Seals):
        self._db, self._seals = db, seals

    async def begin(self, query: Mapping[str, str], caller: Caller) -> AsyncIterator[bytes]:
        """CSV in UTF-8 with a mark that spreadsheets understand, slice by slice, newest guests first. Raises Invalid
        for a filter that cannot be used, Forbidden for a caller who may not read content."""
        wanted = pages.asked(query, FILTERS).wanted
        await reading.note(self._db, caller, "guests", [json.encode(dict(query))])
        return sheet.slices(HEAD, partial(self._db.read, self._slice), wanted)

    def _slice(self, reader: sqlite3.Connection, wanted: dict[str, Any]) -> tuple[list[list[str]], int | None]:
        """Some guests as lines, and the row the next ones come after."""
        found = guestbook.search(reader, wanted, SLICE)
        return [self._row(guest) for guest in found], found[-1].id if found else None

    def _row(self, guest: Whole) -> list[str]:
        opened = self._seals.open(guest)
        addresses = {kind: "; ".join(one.address for one in opened.contacts if one.kind == kind)
                     for kind in ("email", "phone")}  # fmt: skip
        cells = (
            ids.public("gst", guest.uuid), guest.status, opened.name, addresses["email"], addresses["phone"],
            guest.country, guest.region, guest.timezone, guest.language, "; ".join(guest.tags), opened.source,
            rfc3339(guest.created_at),
        )  # fmt: skip
        return [cell or "" for cell in cells]
