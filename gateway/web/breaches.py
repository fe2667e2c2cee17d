"""The register of breaches: noted, kept up to date, closed; and the guests told."""

from functools import partial

from msgspec import json

from gateway.answers import Answer
from gateway.errors import BadTemplate, Conflict
from gateway.orders import BulkAnswer, ContentQuery
from gateway.privacy.breach_forms import BreachEdit, BreachList, BreachOrder, BreachQuery, BreachView, NoticeOrder
from gateway.web import versions
from gateway.web.door import Call
from gateway.web.idempotency import once
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/compliance/breaches", scope="privacy", gives=BreachList, query=BreachQuery)
async def list_(call: Call) -> BreachList:
    """The register, newest first, narrowed by the query."""
    return await call.parts.breaches.many(call.query, call.caller)


@routes.post("/compliance/breaches", scope="privacy", takes=BreachOrder, gives=BreachView, status=201)
async def add(call: Call) -> Answer:
    """Note a breach; the clocks towards the authorities run from the moment it was noticed."""
    made = await call.parts.breaches.add(call.order, call.caller)
    return versions.shown(made, 201, f"/communications/compliance/breaches/{made.id}")


@routes.get("/compliance/breaches/{id}", scope="privacy", gives=BreachView, query=ContentQuery)
async def show(call: Call) -> Answer:
    """One breach."""
    return versions.shown(await call.parts.breaches.one(call.match("id"), bool(call.query.include), call.caller))


@routes.patch("/compliance/breaches/{id}", scope="privacy", takes=BreachEdit, gives=BreachView, raises=(Conflict,))
async def change(call: Call) -> Answer:
    """Note what is known by now: risk, effects, remedy, more guests, what the authorities were told, its end."""
    wanted = versions.wanted(call.request)
    return versions.shown(await call.parts.breaches.change(call.match("id"), call.order, wanted, call.caller))


@routes.post("/compliance/breaches/{id}/notices", scope="privacy", takes=NoticeOrder, gives=BulkAnswer, status=202,
             also=(200,), repeat="must", limit="messages.bulk", raises=(BadTemplate, Conflict))  # fmt: skip
async def notify(call: Call) -> Answer:
    """Tell the guests it is about, as a batch of class legal; it needs `send.legal` besides."""
    notices, breach = call.parts.notices, call.parts.breaches.find(call.match("id"))
    if call.order.dry_run:
        return Answer(json.encode(await notices.rehearse(breach, call.order, call.caller)), 200)
    admit = partial(call.count_recipients, "messages.bulk")
    answer = await once(
        call,
        f"POST compliance/breaches/{call.match('id')}/notices",
        lambda repeat: notices.send(breach, call.order, call.caller, repeat, admit),
        required=True,
    )
    await notices.sent(breach, answer, call.caller)
    return answer
