"""What the law says: check, inbound, deadline, segments, rules. Nothing here stores anything."""

from gateway.answers import Answer
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.errors import NotFound
from gateway.orders import CheckOrder, TextOrder
from gateway.rules import Clocked, Given, Inbound
from gateway.segments import Segments, segments
from gateway.views import Compliance, Deadline, Heard, RuleList, RuleView
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


@routes.post("/compliance/inbound", scope="check", takes=Inbound, gives=Heard, limit="compliance.check")
async def inbound(call: Call) -> Heard:
    """What does this answer of a guest mean?"""
    heard = call.parts.compliance.rulebook.hear(call.order)
    return Heard(heard.action, heard.reasons, heard.suppression, rfc3339_or_none(heard.confirmation_until))


@routes.post("/compliance/deadline", scope="check", takes=Clocked, gives=Deadline, limit="compliance.check")
async def deadline(call: Call) -> Deadline:
    """By when must this be done?"""
    due = call.parts.compliance.rulebook.deadline(call.order)
    if due.due_at is not None:
        return Deadline(due.reasons, due_at=rfc3339(due.due_at))
    return Deadline(due.reasons, due_date=due.due_date.isoformat())


@routes.post("/compliance/segments", scope="check", takes=TextOrder, gives=Segments, limit="compliance.check")
async def count_segments(call: Call) -> Segments:
    """How many text messages is this text?"""
    return segments(call.order.text)


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
