"""Webhooks: endpoints that events go to, their secrets, and what went to them."""

from gateway.answers import Answer
from gateway.errors import Conflict, UrlNotAllowed
from gateway.pages import PageQuery
from gateway.web import versions
from gateway.web.door import Call
from gateway.web.routes import Routes
from gateway.webhooks.collection import SecretOrder, WebhookChange, WebhookList, WebhookOrder, WebhookView
from gateway.webhooks.letterbox import DeliveryList, DeliveryView

routes = Routes()


@routes.get("/webhooks", scope="webhooks", gives=WebhookList, query=PageQuery)
async def list_(call: Call) -> WebhookList:
    """Every webhook, newest first, without its secrets."""
    return await call.parts.webhooks.collection.many(call.query)


@routes.post(
    "/webhooks", scope="webhooks", takes=WebhookOrder, gives=WebhookView, status=201, raises=(UrlNotAllowed, Conflict)
)
async def add(call: Call) -> Answer:
    """A new webhook. Its secret is shown this once."""
    return versions.shown(await call.parts.webhooks.collection.add(call.order, call.caller), 201)


@routes.get("/webhooks/{id}", scope="webhooks", gives=WebhookView)
async def show(call: Call) -> Answer:
    """One webhook, without its secrets."""
    return versions.shown(call.parts.webhooks.collection.one(call.match("id")))


@routes.patch("/webhooks/{id}", scope="webhooks", takes=WebhookChange, gives=WebhookView, raises=(UrlNotAllowed,))
async def change(call: Call) -> Answer:
    """Change a webhook, switch it off or on again."""
    version = versions.wanted(call.request)
    return versions.shown(
        await call.parts.webhooks.collection.change(call.match("id"), call.order, call.caller, version)
    )


@routes.delete("/webhooks/{id}", scope="webhooks", status=204)
async def remove(call: Call) -> None:
    """Take a webhook away, with its log."""
    await call.parts.webhooks.collection.remove(call.match("id"), call.caller, versions.wanted(call.request))


@routes.post("/webhooks/{id}/rotate", scope="webhooks", takes=SecretOrder, gives=WebhookView)
async def rotate(call: Call) -> Answer:
    """A new secret, shown this once; the old one goes on signing beside it for a while."""
    return versions.shown(
        await call.parts.webhooks.collection.rotate(call.match("id"), call.order.overlap, call.caller)
    )


@routes.post("/webhooks/{id}/test", scope="webhooks", gives=DeliveryView)
async def test(call: Call) -> DeliveryView:
    """Send a test event now, once, and say how it was taken."""
    return await call.parts.webhooks.letterbox.test(call.match("id"), call.caller)


@routes.get("/webhooks/{id}/deliveries", scope="webhooks", gives=DeliveryList, query=PageQuery)
async def deliveries(call: Call) -> DeliveryList:
    """What went to a webhook and what waits for it, newest first."""
    return await call.parts.webhooks.letterbox.many(call.match("id"), call.query)


@routes.post("/webhooks/{id}/deliveries/{event}/replay", scope="webhooks", gives=DeliveryView, status=202)
async def replay(call: Call) -> DeliveryView:
    """Send an event again, under the same id."""
    return await call.parts.webhooks.letterbox.replay(call.match("id"), call.match("event"), call.caller)
