"""Complaints about what the house does with data: taken down, their receipt confirmed, answered."""

from msgspec import json

from gateway.answers import Answer
from gateway.errors import Conflict
from gateway.orders import ContentQuery
from gateway.privacy.complaints import (
    AcknowledgeOrder,
    CloseOrder,
    ComplaintList,
    ComplaintOrder,
    ComplaintQuery,
    ComplaintView,
)
from gateway.web.door import Call
from gateway.web.routes import Routes

PATH = "/compliance/complaints"
routes = Routes()


@routes.get(PATH, scope="privacy", gives=ComplaintList, query=ComplaintQuery)
async def list_(call: Call) -> ComplaintList:
    """Complaints, newest first, narrowed by the query."""
    return await call.parts.complaints.many(call.query, call.caller)


@routes.post(PATH, scope="privacy", takes=ComplaintOrder, gives=ComplaintView, status=201)
async def add(call: Call) -> Answer:
    """Take down what somebody complains of. Where the law wants its receipt confirmed in time, the clock runs."""
    made = await call.parts.complaints.add(call.order, call.caller)
    return Answer(json.encode(made), 201, (("Location", f"/communications{PATH}/{made.id}"),))


@routes.get(PATH + "/{id}", scope="privacy", gives=ComplaintView, query=ContentQuery)
async def show(call: Call) -> ComplaintView:
    """One complaint."""
    return await call.parts.complaints.one(call.match("id"), bool(call.query.include), call.caller)


@routes.post(PATH + "/{id}/acknowledge", scope="privacy", takes=AcknowledgeOrder, gives=ComplaintView,
             raises=(Conflict,))  # fmt: skip
async def acknowledge(call: Call) -> ComplaintView:
    """Its receipt was confirmed."""
    return await call.parts.complaints.acknowledge(call.match("id"), call.order, call.caller)


@routes.post(PATH + "/{id}/close", scope="privacy", takes=CloseOrder, gives=ComplaintView, raises=(Conflict,))
async def close(call: Call) -> ComplaintView:
    """It was answered."""
    return await call.parts.complaints.close(call.match("id"), call.order, call.caller)
