"""What the law says, and what a guest said: check, consent, unsubscribe, rules."""

from gateway.answers import Answer
from gateway.errors import NotFound
from gateway.orders import (
    CheckOrder,
    ConsentAnswer,
    ConsentOrder,
    ConsentQuery,
    UnsubscribeAnswer,
    UnsubscribeOrder,
)
from gateway.rules import Given
from gateway.views import Compliance, ConsentState, RuleList, RuleView
from gateway.web import body
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.post("/compliance/check", scope="check", takes=(CheckOrder, Given), gives=Compliance, limit="compliance.check")
async def check(call: Call) -> Answer:
    """May this go? With facts from the store or, when the body has a `now`, with those it brings. Stores nothing."""
    raw = await body.read(call.request)
    body.check_type(call.request)
    document = body.parse(raw)
    if isinstance(document, dict) and "now" in document:
        judgement = call.parts.compliance.judge_given(body.decode(raw, Given))
    else:
        order = body.decode(raw, CheckOrder)
        call.caller.need(("send", "consent"))
        judgement = call.parts.intake.check(order.message, call.caller)
    return Answer(judgement.json.encode(), 200)


@routes.get("/compliance/rules", scope="read", gives=RuleList)
async def rules(call: Call) -> dict:
    """Every rule with its citation and the version of the rulebook."""
    return call.parts.compliance.rules()


@routes.get("/compliance/rules/{id}", scope="read", gives=RuleView)
async def rule(call: Call) -> dict:
    """One rule."""
    found = call.parts.compliance.rule(call.match("id"))
    if found is None:
        raise NotFound()
    return found


@routes.post("/compliance/consent", scope="consent", takes=ConsentOrder, gives=ConsentAnswer, status=201)
async def record(call: Call) -> ConsentAnswer:
    """Record what a guest agreed to, or took back."""
    return await call.parts.privacy.record(call.order, call.caller)


@routes.get("/compliance/consent", scope="consent", gives=ConsentState, query=ConsentQuery, raises=(NotFound,))
async def state(call: Call) -> ConsentState:
    """What a guest has agreed to, now or at any past time."""
    return await call.parts.privacy.state(call.query)


@routes.post("/compliance/unsubscribe", scope="consent", takes=UnsubscribeOrder, gives=UnsubscribeAnswer,
             raises=(NotFound,))  # fmt: skip
async def unsubscribe(call: Call) -> UnsubscribeAnswer:
    """A guest said stop: it counts from now on."""
    return await call.parts.privacy.unsubscribe(call.order, call.caller)
