"""What a guest agreed to: recorded, and as it stood at any time."""

from gateway.errors import NotFound
from gateway.privacy.forms import ConsentAnswer, ConsentOrder, ConsentQuery
from gateway.views import ConsentState
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.post("/compliance/consent", scope="consent", takes=ConsentOrder, gives=ConsentAnswer, status=201)
async def record(call: Call) -> ConsentAnswer:
    """Record what a guest agreed to, or took back."""
    return await call.parts.consents.record(call.order, call.caller)


@routes.get("/compliance/consent", scope="consent", gives=ConsentState, query=ConsentQuery, raises=(NotFound,))
async def state(call: Call) -> ConsentState:
    """What a guest has agreed to, now or at any past time."""
    return await call.parts.consents.state(call.query)
