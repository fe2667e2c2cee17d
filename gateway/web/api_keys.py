"""API keys: see them, draw, change, replace and end them."""

from gateway.answers import Answer
from gateway.keyring import KeyChange, KeyList, KeyOrder, KeyView, RotateOrder
from gateway.overload import Importance
from gateway.pages import PageQuery
from gateway.web import versions
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/api-keys", scope="keys", gives=KeyList, query=PageQuery)
async def list_(call: Call) -> KeyList:
    """Every key, newest first, without its secret."""
    return await call.people.keyring.many(call.query)


@routes.post("/api-keys", scope="keys", takes=KeyOrder, gives=KeyView, status=201)
async def draw(call: Call) -> Answer:
    """A new key. It is shown this once."""
    return versions.shown(await call.people.keyring.draw(call.order, call.caller), 201)


@routes.get("/api-keys/{id}", scope="keys", gives=KeyView)
async def show(call: Call) -> Answer:
    """One key, without its secret."""
    return versions.shown(call.people.keyring.one(call.match("id")))


@routes.patch("/api-keys/{id}", scope="keys", takes=KeyChange, gives=KeyView)
async def change(call: Call) -> Answer:
    """Change what a key may do; in force with the answer."""
    version = versions.wanted(call.request)
    return versions.shown(await call.people.keyring.change(call.match("id"), call.order, call.caller, version))


@routes.delete("/api-keys/{id}", scope="keys", status=204, importance=Importance.FIRST)
async def revoke(call: Call) -> None:
    """End a key now."""
    await call.people.keyring.revoke(call.match("id"), call.caller, versions.wanted(call.request))


@routes.post("/api-keys/{id}/rotate", scope="keys", takes=RotateOrder, gives=KeyView, status=201)
async def rotate(call: Call) -> Answer:
    """A new key with the same rights; the old one goes on working for a while."""
    key = await call.people.keyring.rotate(call.match("id"), call.order.overlap, call.caller)
    return versions.shown(key, 201)
