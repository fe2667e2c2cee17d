"""Suppressions: which stops there are, new ones, and lifting one that was a mistake. They are never deleted."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct, json

from gateway.answers import Answer
from gateway.errors import NotFound
from gateway.orders import ContentQuery
from gateway.overload import Importance
from gateway.privacy.forms import UnsubscribeAnswer, UnsubscribeOrder
from gateway.suppression_lists import SuppressionReport
from gateway.suppressions import SuppressionList, SuppressionQuery, SuppressionView
from gateway.web import download, tables
from gateway.web.door import Call
from gateway.web.routes import Media, Routes

CSV = Media("text/csv")
routes = Routes()
local = Routes("/local")


class LiftOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a stop should never have been written."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


@routes.get("/suppressions", scope="suppressions", gives=SuppressionList, query=SuppressionQuery)
async def list_(call: Call) -> SuppressionList:
    """Stops, newest first, narrowed by the query."""
    return await call.gateway.suppressions.many(call.query, call.caller)


@routes.post("/suppressions", scope="suppressions", takes=UnsubscribeOrder, gives=UnsubscribeAnswer, status=201,
             raises=(NotFound,), importance=Importance.FIRST)  # fmt: skip
async def add(call: Call) -> Answer:
    """Stop, as `compliance/unsubscribe` does."""
    made = await call.parts.opt_outs.unsubscribe(call.order, call.caller)
    return Answer(json.encode(made), 201, (("Location", f"/communications/suppressions/{made.id}"),))


@routes.get("/suppressions/{id}", scope="suppressions", gives=SuppressionView, query=ContentQuery)
async def show(call: Call) -> SuppressionView:
    """One stop."""
    return await call.gateway.suppressions.one(call.match("id"), bool(call.query.include), call.caller)


@routes.post("/suppressions/{id}/lift", scope="suppressions.lift", takes=LiftOrder, gives=SuppressionView, also=(202,))
async def lift(call: Call) -> Answer:
    """Take back a stop that was written by mistake; 202 while a second person has yet to agree."""
    done = await call.gateway.suppressions.lift(call.match("id"), call.order.reason, call.caller)
    return Answer(json.encode(done), 200 if done.lifted_at else 202)


@local.post("/suppressions/import", scope="suppressions", takes=CSV, gives=SuppressionReport)
async def import_(call: Call) -> SuppressionReport:
    """Stop everyone on a list."""
    with call.gateway.imports.turn():
        raw, charset = await tables.read(call)
        return await call.gateway.suppression_lists.take(raw, charset, call.parts.opt_outs, call.caller)


@local.get("/suppressions/export", scope="suppressions", gives=CSV)
async def export(call: Call) -> web.StreamResponse:
    """Every stop in force as CSV."""
    pieces = await call.gateway.suppression_lists.export(call.caller)
    return await download.give(call, pieces, download.TABLE, "suppressions.csv")


@routes.post("/compliance/unsubscribe", scope="consent", takes=UnsubscribeOrder, gives=UnsubscribeAnswer,
             raises=(NotFound,), importance=Importance.FIRST)  # fmt: skip
async def unsubscribe(call: Call) -> UnsubscribeAnswer:
    """A guest said stop: it counts from now on."""
    return await call.parts.opt_outs.unsubscribe(call.order, call.caller)
