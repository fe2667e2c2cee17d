"""Bulk: one message to many, and the batch that came of it."""

from functools import partial

from aiohttp import web
from msgspec import json, structs

from gateway.answers import Answer
from gateway.orders import MOST_RECIPIENTS, BatchView, BulkAnswer, BulkOrder, BulkRecipient, Chosen, Segment
from gateway.overload import Importance
from gateway.recipients import Listed
from gateway.web import watching
from gateway.web.door import Call
from gateway.web.idempotency import once
from gateway.web.routes import LongList, Media, Routes

routes = Routes()
LARGEST = 32 << 20
RECIPIENTS = LongList("recipients", BulkRecipient, MOST_RECIPIENTS)


@routes.post("/messages/bulk", scope="send.bulk", takes=BulkOrder, gives=BulkAnswer, status=202, limit="messages.bulk",
             also=(200,), repeat="must", largest=LARGEST, many=RECIPIENTS, importance=Importance.BULK,
             urgent=True)  # fmt: skip
async def bulk(call: Call) -> Answer:
    """Queue one message to up to 50,000 guests, or rehearse it."""
    return await take(call, call.order, "POST messages/bulk")


async def take(call: Call, order: BulkOrder, route: str) -> Answer:
    """Take a bulk order that came by this route, once."""
    call.weigh(order.class_, many=True)
    takes = call.parts.bulk
    listed: Listed | Segment
    if isinstance(order.recipients, Chosen):
        listed, digest = order.recipients.filter, json.encode(order.recipients)
    else:
        listed, digest = Listed(call.items.understood, call.items.faulty), call.items.digest

    async def admit(many: int) -> None:
        if call.parts.limits.looks_into("messages.bulk"):
            provider = next((one.name for one in call.parts.routes.serving(order.channel)), None)
            await call.count("messages.bulk", category=order.category, channel=order.channel, provider=provider)
        await call.count_recipients("messages.bulk", many)

    if order.dry_run:
        return Answer(json.encode(await takes.rehearse(order, listed, call.caller)), 200)
    answer = await once(
        call,
        route,
        lambda repeat: takes.accept(order, listed, call.caller, repeat, admit),
        digest + json.encode(structs.replace(order, recipients=[])),
        required=True,
    )
    call.invalid = watching.beyond_usual(answer)
    return answer


@routes.get("/batches/{id}", scope="read", gives=BatchView)
async def show(call: Call) -> BatchView:
    """A batch: how many of its messages are in which state."""
    return await call.parts.batches.view(call.match("id"))


@routes.get("/batches/{id}/events", scope="read", gives=Media("text/event-stream"))
async def events(call: Call) -> Answer | web.StreamResponse:
    """The same, live: server-sent events until the batch is finished."""
    batches, public = call.parts.batches, call.match("id")
    batches.find(public)
    if call.request.method == "HEAD":
        return Answer(b"", 200, (), "text/event-stream")
    stream = call.stream("text/event-stream")
    await stream.prepare(call.request)
    async for progress in batches.watch(public, call.request.headers.get("Last-Event-ID")):
        if progress is None:
            told = b": still here\n\n"
        else:
            told = b"event: progress\nid: %s\ndata: %s\n\n" % (progress.name.encode(), json.encode(progress.view))
        try:
            await stream.write(told)
        except ConnectionError:
            break
        if call.gateway.health.draining:
            break
    return stream


@routes.post("/batches/{id}/cancel", scope="send.bulk", gives=BatchView, status=202, importance=Importance.FIRST)
async def cancel(call: Call) -> BatchView:
    """Stop everything of a batch that has not left."""
    return await call.parts.batches.cancel(call.match("id"), call.caller)


@routes.post("/batches/{id}/resend", scope="send.bulk", gives=BulkAnswer, status=202, limit="messages.bulk",
             importance=Importance.BULK, urgent=True)  # fmt: skip
async def resend(call: Call) -> Answer:
    """Send the failed messages of a batch again, as a new batch."""
    stored = call.parts.batches.find(call.match("id"))
    call.weigh(stored.class_, many=True)
    return await call.parts.bulk.resend(stored, call.caller, partial(call.count_recipients, "messages.bulk"))
