"""The guestbook as a file, in the columns that an import takes and some more."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from msgspec import json

from gateway import ids, reading, sheet
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.guestbook.forms import KINDS, GuestQuery
from gateway.guestbook.seals import Seals
from gateway.store import guestbook
from gateway.store.db import Database
from gateway.store.guestbook import Whole

HEAD = (
    "id", "status", "name", "email", "phone", "country", "region", "timezone", "language", "tags", "source",
    "created_at",
)  # fmt: skip
SEALED = frozenset({"name", "email", "phone", "source"})
SLICE = 200


class Exports:
    """Gives the guestbook out."""

    def __init__(self, db: Database, seals: Seals):
        self._db, self._seals = db, seals

    async def begin(self, query: GuestQuery, caller: Caller) -> AsyncIterator[bytes]:
        """CSV, slice by slice, newest guests first; names, sources and addresses only where the query asks for the
        content. Raises Forbidden for a caller who may not read content."""
        with_content = query.include is not None
        if with_content:
            await reading.note(self._db, caller, "guests", [json.encode(query)])
        await reading.seen(self._db, caller, "guests.exported", "guests", [json.encode(query)])
        head = [name for name in HEAD if with_content or name not in SEALED]
        return sheet.slices(head, partial(self._db.read, self._slice, head), query.wanted)

    def _slice(
        self, reader: sqlite3.Connection, head: Sequence[str], wanted: dict[str, Any]
    ) -> tuple[list[list[str]], int | None]:
        """Some guests as lines, and the row the next ones come after."""
        found = guestbook.search(reader, wanted, SLICE)
        cells = [_open(guest) | (self._sealed(guest) if "name" in head else {}) for guest in found]
        return [[one[name] or "" for name in head] for one in cells], found[-1].id if found else None

    def _sealed(self, guest: Whole) -> dict[str, str | None]:
        content = self._seals.open(guest)
        addresses: dict[str, str | None] = {
            kind: "; ".join(contact.address for contact in content.contacts if contact.kind == kind) for kind in KINDS
        }
        return {"name": content.name, "source": content.source, **addresses}


def _open(guest: Whole) -> dict[str, str | None]:
    return {
        "id": ids.public("gst", guest.uuid),
        "status": guest.status,
        "country": guest.country,
        "region": guest.region,
        "timezone": guest.timezone,
        "language": guest.language,
        "tags": "; ".join(guest.tags),
        "created_at": rfc3339(guest.created_at),
    }
