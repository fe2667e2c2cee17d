"""Guests: one, many, whoever has an address; new ones, edits; whole lists in and out."""

from aiohttp import web

from gateway.answers import Answer
from gateway.errors import Conflict
from gateway.guestbook.forms import (
    GuestEdit,
    GuestList,
    GuestOrder,
    GuestQuery,
    GuestView,
    ImportQuery,
    ImportReport,
    SearchOrder,
)
from gateway.guestbook.imports import Wish
from gateway.guestbook.lines import COLUMNS
from gateway.orders import ContentQuery
from gateway.overload import Importance
from gateway.permits import GuestPermits, PermitQuery
from gateway.privacy.requests.forms import RequestView
from gateway.web import data_requests, download, tables, versions
from gateway.web.door import Call
from gateway.web.routes import Media, Routes

CSV = Media("text/csv")
routes = Routes()


@routes.get("/guests", scope="guests", gives=GuestList, query=GuestQuery)
async def list_(call: Call) -> GuestList:
    """Guests, newest first, narrowed by the query."""
    return await call.gateway.book.many(call.query, call.caller)


@routes.post("/guests", scope="guests", takes=GuestOrder, gives=GuestView, status=201)
async def add(call: Call) -> Answer:
    """Take in one guest."""
    made = await call.gateway.entries.add(call.order, call.caller)
    return versions.shown(made, 201, f"/communications/guests/{made.id}")


@routes.post("/guests/search", scope="guests", takes=SearchOrder, gives=GuestList, query=ContentQuery)
async def search(call: Call) -> GuestList:
    """Everyone who has this e-mail address or phone number."""
    return await call.gateway.book.search(call.order, bool(call.query.include), call.caller)


@routes.post("/guests/import", scope="guests", takes=CSV, gives=ImportReport, query=ImportQuery,
             importance=Importance.BULK)  # fmt: skip
async def import_(call: Call) -> ImportReport:
    """Take in a list of guests."""
    wish = wished(call.query)
    with call.gateway.imports.turn():
        raw, charset = await tables.read(call)
        return await call.gateway.imports.take(raw, wish._replace(charset=charset), call.caller)


@routes.get("/guests/export", scope="guests", gives=CSV, query=GuestQuery, importance=Importance.BULK)
async def export(call: Call) -> web.StreamResponse:
    """Every guest as CSV, narrowed by the query."""
    pieces = await call.gateway.exports.begin(call.query, call.caller)
    return await download.give(call, pieces, download.TABLE, "guests.csv")


@routes.get("/guests/{id}", scope="guests", gives=GuestView, query=ContentQuery)
async def show(call: Call) -> Answer:
    """One guest."""
    return versions.shown(await call.gateway.book.one(call.match("id"), bool(call.query.include), call.caller))


@routes.get("/guests/{id}/compliance", scope="consent", gives=GuestPermits, query=PermitQuery)
async def permits(call: Call) -> GuestPermits:
    """What may be sent to a guest now, and why."""
    return call.parts.permits.of(call.match("id"), call.query.category)


@routes.patch("/guests/{id}", scope="guests", takes=GuestEdit, gives=GuestView)
async def edit(call: Call) -> Answer:
    """Change what is known of a guest."""
    wanted = versions.wanted(call.request)
    return versions.shown(await call.gateway.entries.edit(call.match("id"), call.order, wanted, call.caller))


@routes.delete("/guests/{id}", scope="guests", gives=RequestView, status=202, raises=(Conflict,))
async def forget(call: Call) -> Answer:
    """Erase a guest, after the days of grace in which it can be taken back. The guest is not written to."""
    wanted = versions.wanted(call.request)
    request = await call.parts.requests.reception.forget(call.match("id"), wanted, call.caller)
    return data_requests.shown(call, request, 202)


def wished(query: ImportQuery) -> Wish:
    """What the query of an import asks for."""
    named = {column: text for column in COLUMNS if (text := getattr(query, column)) is not None}
    return Wish(None, named, query.mode, query.dry_run)
