"""How much callers may ask for, and where they stand."""

from gateway.limits.overview import LimitsInForce
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/limits", scope="limits", gives=LimitsInForce)
async def show(call: Call) -> LimitsInForce:
    """The limits in force, what they refused of late, and who has least left."""
    return await call.parts.overview.report(call.caller.scopes)
