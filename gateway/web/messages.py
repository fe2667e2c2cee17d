"""Messages: send one, look at one, look at many, cancel, send again."""

from gateway.answers import Answer
from gateway.errors import Blocked
from gateway.orders import ContentQuery, MessageList, MessageQuery, MessageView, SendAnswer, SendOrder
from gateway.web.door import Call
from gateway.web.idempotency import once
from gateway.web.routes import Routes

routes = Routes()
SEND = ("send", "send.emergency", "send.legal")


@routes.post("/messages/send", scope=SEND, takes=SendOrder, gives=SendAnswer, status=202, limit="messages.send",
             repeat="may", raises=(Blocked,))  # fmt: skip
async def send(call: Call) -> Answer:
    """Queue one message to one guest."""
    return await once(
        call, "POST messages/send", lambda repeat: call.parts.intake.accept(call.order, call.caller, repeat)
    )


@routes.get("/messages/{id}", scope="read", gives=MessageView, query=ContentQuery)
async def show(call: Call) -> MessageView:
    """One message: its state, the decision with its citations, attempts and events."""
    return await call.parts.stories.one(call.match("id"), bool(call.query.include), call.caller)


@routes.get("/messages", scope="read", gives=MessageList, query=MessageQuery)
async def list_(call: Call) -> MessageList:
    """Messages, newest first, narrowed by the query."""
    return await call.parts.stories.many(call.query, call.caller)


@routes.post("/messages/{id}/cancel", scope="send", gives=MessageView)
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
