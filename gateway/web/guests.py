"""Guests: one, many, whoever has an address; new ones, edits; whole lists in and out."""

from collections.abc import Mapping

from aiohttp import web

from gateway import pages
from gateway.answers import Answer
from gateway.errors import Fault, Invalid
from gateway.guestbook.forms import GuestEdit, GuestList, GuestOrder, GuestView, ImportReport, SearchOrder
from gateway.guestbook.imports import Wish
from gateway.guestbook.lines import COLUMNS
from gateway.web import tables, versions
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/guests", scope="guests", gives=GuestList)
async def list_(call: Call) -> GuestList:
    """Guests, newest first, narrowed by the query."""
    return await call.gateway.book.many(call.query, call.caller)


@routes.post("/guests", scope="guests", takes=GuestOrder, gives=GuestView, status=201)
async def add(call: Call) -> Answer:
    """Take in one guest."""
    made = await call.gateway.entries.add(call.order, call.caller)
    return versions.shown(made, 201, f"/communications/guests/{made.id}")


@routes.post("/guests/search", scope="guests", takes=SearchOrder, gives=GuestList)
async def search(call: Call) -> GuestList:
    """Everyone who has this e-mail address or phone number."""
    return await call.gateway.book.search(call.order, pages.with_content(call.query), call.caller)


@routes.post("/guests/import", scope="guests", gives=ImportReport)
async def import_(call: Call) -> ImportReport:
    """Take in a list of guests."""
    wish = wished(call.query)
    with call.gateway.imports.turn():
        raw, charset = await tables.read(call)
        return await call.gateway.imports.take(raw, wish._replace(charset=charset), call.caller)


@routes.get("/guests/export", scope="guests")
async def export(call: Call) -> web.StreamResponse:
    """Every guest as CSV, narrowed by the query."""
    return await tables.give(call, await call.gateway.exports.begin(call.query, call.caller), "guests.csv")


@routes.get("/guests/{id}", scope="guests", gives=GuestView)
async def show(call: Call) -> Answer:
    """One guest."""
    return versions.shown(await call.gateway.book.one(call.match("id"), pages.with_content(call.query), call.caller))


@routes.patch("/guests/{id}", scope="guests", takes=GuestEdit, gives=GuestView)
async def edit(call: Call) -> Answer:
    """Change what is known of a guest."""
    wanted = versions.wanted(call.request)
    return versions.shown(await call.gateway.entries.edit(call.match("id"), call.order, wanted, call.caller))


def wished(query: Mapping[str, str]) -> Wish:
    """What the query of an import asks for. Raises Invalid naming each member that is unknown or cannot be used."""
    words = {"mode": ("all", "partial"), "dry_run": ("true", "false")}
    known = (*words, *COLUMNS)
    faults = [Fault(f"?{name}", "unknown-field", f"one of {', '.join(known)}") for name in query if name not in known]
    faults += [
        Fault(f"?{name}", "invalid", f"one of {', '.join(right)}")
        for name, right in words.items()
        if query.get(name, right[0]) not in right
    ]
    if faults:
        raise Invalid(faults=faults)
    named = {column: query[column] for column in COLUMNS if column in query}
    return Wish(None, named, "partial" if query.get("mode") == "partial" else "all", query.get("dry_run") == "true")
