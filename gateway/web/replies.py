"""What guests answer: taken in and acted on, read, and decided where it can be read in two ways."""

from functools import partial

from msgspec import json

from gateway.answers import Answer
from gateway.errors import Conflict, NotFound
from gateway.orders import ContentQuery
from gateway.overload import Importance
from gateway.privacy.replies.files import view
from gateway.privacy.replies.forms import DecideOrder, ReplyList, ReplyOrder, ReplyQuery, ReplyView
from gateway.web.door import Call
from gateway.web.idempotency import once
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/replies", scope="consent", gives=ReplyList, query=ReplyQuery)
async def list_(call: Call) -> ReplyList:
    """Answers of guests, newest first, narrowed by the query."""
    return await call.parts.replies.files.many(call.query, call.caller)


@routes.post("/replies", scope="consent", takes=ReplyOrder, gives=ReplyView, status=201, repeat="may",
             importance=Importance.FIRST)  # fmt: skip
async def take(call: Call) -> Answer:
    """A guest answered. A stop counts from now on; what can be read in two ways holds offers until a person decides."""
    desk = call.parts.replies
    taken = await once(call, "POST replies", partial(desk.taking.take, call.order, call.caller))
    reply = desk.reviews.find(taken.body.decode())
    await desk.answering.answer(reply)
    shown = view(desk.reviews.get(reply.uuid))
    shown.guest_id = None
    return Answer(json.encode(shown), taken.status, taken.headers)


@routes.get("/replies/{id}", scope="consent", gives=ReplyView, query=ContentQuery)
async def show(call: Call) -> ReplyView:
    """One answer."""
    desk = call.parts.replies
    return await desk.files.one(desk.reviews.find(call.match("id")), bool(call.query.include), call.caller)


@routes.post("/replies/{id}/decide", scope="consent", takes=DecideOrder, gives=ReplyView,
             raises=(NotFound, Conflict), importance=Importance.FIRST)  # fmt: skip
async def decide(call: Call) -> ReplyView:
    """What a person has read in an answer: a stop, or none. What was held meanwhile is judged anew."""
    desk = call.parts.replies
    reply = desk.reviews.find(call.match("id"))
    await desk.reviews.decide(reply, call.order.action, call.caller)
    return view(desk.reviews.get(reply.uuid))
