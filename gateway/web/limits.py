"""How much callers may ask for, and where they stand."""

from gateway.limits.explaining import CallerLimits
from gateway.limits.overview import LimitsInForce
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/limits", scope="limits", gives=LimitsInForce)
async def show(call: Call) -> LimitsInForce:
    """The limits in force, what they refused of late, and who has least left."""
    return await call.parts.overview.report(call.caller.scopes)


@routes.get("/limits/{caller}", scope="limits", gives=CallerLimits)
async def explain(call: Call) -> CallerLimits:
    """Why the next request of an API key, a user or an account would pass or be refused, limit by limit."""
    return await call.parts.explaining.of(call.match("caller"), call.caller)
