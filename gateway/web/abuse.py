"""Steps that were taken against abuse, and taking one back."""

from gateway.abuse.register import AbuseList, AbuseQuery, AbuseView
from gateway.errors import Conflict
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/abuse", scope="limits", gives=AbuseList, query=AbuseQuery)
async def list_(call: Call) -> AbuseList:
    """Steps taken against abuse, newest first, each with what led to it."""
    return await call.gateway.abuse.many(call.query, call.caller)


@routes.post("/abuse/{id}/lift", scope="limits", gives=AbuseView, raises=(Conflict,))
async def lift(call: Call) -> AbuseView:
    """Take a step back before its time, and forget what led to it."""
    return await call.gateway.abuse.lift(call.match("id"), call.caller)
