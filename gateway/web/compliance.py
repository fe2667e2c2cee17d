"""What the law says: check, rules."""

from gateway.answers import Answer
from gateway.errors import NotFound
from gateway.orders import CheckOrder
from gateway.rules import Given
from gateway.views import Compliance, RuleList, RuleView
from gateway.web import body
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.post("/compliance/check", scope="check", takes=(CheckOrder, Given), gives=Compliance, limit="compliance.check")
async def check(call: Call) -> Answer:
    """May this go? With facts from the store or, when the body has a `now`, with those it brings. Stores nothing."""
    raw = await body.read(call.request)
    body.check_type(call.request)
    document = body.parse(raw) if b'"now"' in raw else None
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
