"""Messages: send one, look at one, look at many, cancel, send again."""

from gateway.answers import Answer
from gateway.drafts import Origin
from gateway.errors import BadTemplate, Blocked, Fault, Invalid
from gateway.orders import (
    BulkAnswer,
    BulkOrder,
    ContentQuery,
    MessageList,
    MessageQuery,
    MessageView,
    SendAnswer,
    SendOrder,
    TemplateOrder,
)
from gateway.overload import Importance
from gateway.repeats import Repeat
from gateway.web import batches
from gateway.web.door import Call
from gateway.web.idempotency import once
from gateway.web.routes import Routes

routes = Routes()
SEND = ("send", "send.emergency", "send.legal")


@routes.post("/messages/send", scope=SEND, takes=SendOrder, gives=SendAnswer, status=202, limit="messages.send",
             repeat="may", raises=(Blocked,), urgent=True)  # fmt: skip
async def send(call: Call) -> Answer:
    """Queue one message to one guest."""
    call.weigh(call.order.class_)

    async def act(repeat: Repeat | None) -> Answer:
        await count_order(call, "messages.send", call.order)
        return await call.parts.intake.accept(call.order, call.caller, repeat)

    return await once(call, "POST messages/send", act)


async def count_order(call: Call, endpoint: str, order: SendOrder) -> None:
    """Take from the limits that go by whom a message is to, over which channel, or what it is about. Raises
    QuotaExceeded."""
    if call.parts.limits.looks_into(endpoint):
        provider = next((one.name for one in call.parts.routes.serving(order.channel)), None)
        about = {"category": order.category, "channel": order.channel, "provider": provider}
        await call.count(endpoint, guest=call.parts.intake.whom(order), **about)


@routes.post("/messages/template", scope=(*SEND, "send.bulk"), takes=TemplateOrder, gives=(SendAnswer, BulkAnswer),
             status=202, also=(200,), raises=(Blocked, BadTemplate), limit="messages.template", repeat="may",
             largest=batches.LARGEST, many=batches.RECIPIENTS, urgent=True)  # fmt: skip
async def send_template(call: Call) -> Answer:
    """Queue one message to one guest, printed from a template in the guest's language; or to many, as in bulk."""
    order = call.order
    if order.recipients is not None:
        await call.enter("messages.bulk", wait=False)
        return await batches.take(call, many_of(order), "POST messages/template")

    call.weigh(order.class_)

    async def act(repeat: Repeat | None) -> Answer:
        printed, version = await call.parts.printing.order(order)
        await count_order(call, "messages.template", printed)
        return await call.parts.intake.accept(printed, call.caller, repeat, Origin(template_version_id=version))

    return await once(call, "POST messages/template", act)


def many_of(order: TemplateOrder) -> BulkOrder:
    """The bulk order that one with recipients is. Raises Invalid for one that is to somebody besides."""
    if order.to is not None:
        raise Invalid(faults=[Fault("/to", "too-much", "left out: there are recipients")])
    members = {name: getattr(order, name) for name in order.__struct_fields__ if name in BulkOrder.__struct_fields__}
    return BulkOrder(**members)


@routes.get("/messages/{id}", scope="read", gives=MessageView, query=ContentQuery)
async def show(call: Call) -> MessageView:
    """One message: its state, the decision with its citations, attempts and events."""
    return await call.parts.stories.one(call.match("id"), bool(call.query.include), call.caller)


@routes.get("/messages", scope="read", gives=MessageList, query=MessageQuery)
async def list_(call: Call) -> MessageList:
    """Messages, newest first, narrowed by the query."""
    return await call.parts.stories.many(call.query, call.caller)


@routes.post("/messages/{id}/cancel", scope="send", gives=MessageView, importance=Importance.FIRST)
async def cancel(call: Call) -> MessageView:
    """Stop a message that has not left."""
    await call.parts.recall.cancel(call.match("id"), call.caller)
    return await call.parts.stories.one(call.match("id"), False, call.caller)


@routes.post("/messages/{id}/retry", scope="send", gives=SendAnswer, status=202, limit="messages.send",
             raises=(Blocked,))  # fmt: skip
async def retry(call: Call) -> Answer:
    """Send a failed message once more, as a new message."""
    return await call.parts.recall.retry(call.match("id"), call.caller)


@routes.post("/messages/{id}/release", scope="send", gives=MessageView)
async def release(call: Call) -> MessageView:
    """End the hold of a message that waits for a person."""
    await call.parts.recall.release(call.match("id"), call.caller)
    return await call.parts.stories.one(call.match("id"), False, call.caller)
