"""Legal holds on guests, and how long things are kept."""

from msgspec import json

from gateway.answers import Answer
from gateway.errors import Conflict
from gateway.orders import ContentQuery
from gateway.privacy.holds import HoldOrder, HoldView
from gateway.privacy.retention import RetentionReport, RunOrder
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.post("/guests/{id}/hold", scope="privacy", takes=HoldOrder, gives=HoldView, status=201, raises=(Conflict,))
async def place(call: Call) -> Answer:
    """From now on nothing of a guest is erased and nothing ages: there is a legal reason."""
    made = await call.gateway.holds.place(call.match("id"), call.order, call.caller)
    return Answer(json.encode(made), 201, (("Location", f"/communications/guests/{made.guest_id}/hold"),))


@routes.get("/guests/{id}/hold", scope="privacy", gives=HoldView, query=ContentQuery)
async def show(call: Call) -> HoldView:
    """The hold on a guest."""
    return await call.gateway.holds.show(call.match("id"), bool(call.query.include), call.caller)


@routes.delete("/guests/{id}/hold", scope="privacy", status=204)
async def end(call: Call) -> None:
    """End a hold: what waited for it goes on."""
    await call.gateway.holds.end(call.match("id"), call.caller)


@routes.get("/compliance/retention", scope="privacy", gives=RetentionReport)
async def report(call: Call) -> RetentionReport:
    """What has lived through its time, what is held, and what went lately."""
    return await call.parts.retention.report()


@routes.post("/compliance/retention/run", scope="privacy", takes=RunOrder, gives=RetentionReport, raises=(Conflict,))
async def run(call: Call) -> RetentionReport:
    """Let it go now, or only say what would; how it stands then."""
    if call.order.dry_run:
        return await call.parts.retention.report()
    return await call.parts.retention.run(call.caller.actor)
