"""From where and with which keys the API may be used: rules made while the gateway runs."""

from msgspec import json

from gateway.access.forms import AccessOrder, AccessRuleList, AccessRuleQuery, AccessRuleView, RemovalQuery
from gateway.answers import Answer
from gateway.errors import Conflict
from gateway.orders import ContentQuery
from gateway.overload import Importance
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/access-rules", scope="limits", gives=AccessRuleList, query=AccessRuleQuery)
async def list_(call: Call) -> AccessRuleList:
    """Rules about access, newest first, narrowed by the query."""
    return await call.gateway.access.many(call.query, call.caller)


@routes.post("/access-rules", scope="limits", takes=AccessOrder, gives=AccessRuleView, status=201, raises=(Conflict,),
             importance=Importance.FIRST)  # fmt: skip
async def add(call: Call) -> Answer:
    """Deny or allow a network or an API key, from the answer on."""
    made = await call.gateway.access.add(call.order, call.caller, call.address)
    return Answer(json.encode(made), 201, (("Location", f"/communications/access-rules/{made.id}"),))


@routes.get("/access-rules/{id}", scope="limits", gives=AccessRuleView, query=ContentQuery)
async def show(call: Call) -> AccessRuleView:
    """One rule."""
    return await call.gateway.access.one(call.match("id"), bool(call.query.include), call.caller)


@routes.delete("/access-rules/{id}", scope="limits", query=RemovalQuery, status=204, raises=(Conflict,),
               importance=Importance.FIRST)  # fmt: skip
async def remove(call: Call) -> None:
    """Take a rule away."""
    await call.gateway.access.remove(call.match("id"), call.query.force, call.caller, call.address)
