"""Guests as callers see them: one, many, whoever has an address; names and addresses only for whoever may read them."""

import asyncio
from collections.abc import Sequence

from gateway import ids, pages, reading
from gateway.addresses import Addresses
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.errors import Fault, Invalid, NotFound
from gateway.guestbook.forms import ContactView, GuestList, GuestQuery, GuestView, SearchOrder
from gateway.guestbook.seals import Seals
from gateway.store import guestbook
from gateway.store.db import Database
from gateway.store.guestbook import Whole


class Book:
    """Reads the guestbook."""

    def __init__(self, db: Database, seals: Seals, addresses: Addresses):
        self._db, self._seals, self._addresses = db, seals, addresses

    async def one(self, public: str, with_content: bool, caller: Caller) -> GuestView:
        """One guest. Raises NotFound."""
        found = guestbook.find(self._db.reader, uuid_of(public))
        if found is None:
            raise NotFound()
        return (await self._shown([found], with_content, caller))[0]

    async def many(self, query: GuestQuery, caller: Caller) -> GuestList:
        """A page of guests, newest first."""
        rows = await self._db.read(guestbook.search, query.wanted, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return GuestList(await self._shown(page, query.include is not None, caller), cursor)

    async def search(self, order: SearchOrder, with_content: bool, caller: Caller) -> GuestList:
        """Everyone who has this address, up to a page of them. Raises Invalid."""
        if (order.email is None) == (order.phone is None):
            raise Invalid(faults=[Fault("", "missing", "an email or a phone, and not both")])
        kind = "phone" if order.email is None else "email"
        _, blind = self._addresses.key(kind, order.phone or order.email or "", f"/{kind}")
        rows = await self._db.read(guestbook.search, {"address": blind}, pages.LARGEST_PAGE)
        return GuestList(await self._shown(rows, with_content, caller), None)

    async def _shown(self, guests: Sequence[Whole], with_content: bool, caller: Caller) -> list[GuestView]:
        views = [view(guest) for guest in guests]
        if with_content:
            subject = views[0].id if len(views) == 1 else "guests"
            await reading.note(self._db, caller, subject, [guest.uuid for guest in guests])
            contents = await asyncio.to_thread(lambda: [self._seals.open(guest) for guest in guests])
            for one, content in zip(views, contents, strict=True):
                one.content = content
        return views


def uuid_of(public: str) -> bytes:
    """The uuid behind a guest's public id. Raises NotFound for what is none."""
    uuid = ids.parse("gst", public)
    if uuid is None:
        raise NotFound()
    return uuid


def view(guest: Whole) -> GuestView:
    """A guest without what is sealed."""
    return GuestView(
        id=ids.public("gst", guest.uuid),
        version=guest.version,
        status=guest.status,
        country=guest.country,
        region=guest.region,
        timezone=guest.timezone,
        language=guest.language,
        tags=guest.tags,
        contacts=[ContactView(ids.public("cnt", c.uuid), c.kind, rfc3339(c.created_at)) for c in guest.contacts],
        created_at=rfc3339(guest.created_at),
        updated_at=rfc3339(guest.updated_at),
    )
