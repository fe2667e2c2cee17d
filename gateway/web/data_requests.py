"""What guests ask about their data: taken down, proven, answered in time; and the copy they get."""

from aiohttp import web
from msgspec import json

from gateway.answers import Answer
from gateway.errors import Conflict
from gateway.orders import ContentQuery
from gateway.privacy.requests.forms import (
    CancelOrder,
    CompleteOrder,
    ExtendOrder,
    PauseOrder,
    RedactOrder,
    RefuseOrder,
    RequestList,
    RequestOrder,
    RequestQuery,
    RequestView,
    VerifyOrder,
)
from gateway.store.data_requests import Request
from gateway.web import download
from gateway.web.door import Call
from gateway.web.routes import Media, Routes

ZIP = Media("application/zip")
PATH = "/compliance/data-request"
routes = Routes()


def shown(call: Call, request: Request, status: int = 200) -> Answer:
    """A request as it stands now, and where it is."""
    view: RequestView = call.parts.requests.files.again(request)
    view.guest_id = None if status == 201 else view.guest_id
    where = (("Location", f"/communications{PATH}/{view.id}"),) if status > 200 else ()
    return Answer(json.encode(view), status, where)


@routes.get(PATH, scope="privacy", gives=RequestList, query=RequestQuery)
async def list_(call: Call) -> RequestList:
    """Requests, newest first, narrowed by the query."""
    return await call.parts.requests.files.many(call.query)


@routes.post(PATH, scope="privacy", takes=RequestOrder, gives=RequestView, status=201, raises=(Conflict,))
async def open_(call: Call) -> Answer:
    """Take down what a guest asks. The clock starts, and a code goes to an address we know him by. The answer is the
    same whether anybody has the address or not."""
    opened = await call.parts.requests.reception.open(call.order, call.caller)
    return shown(call, opened, 201)


@routes.get(PATH + "/{id}", scope="privacy", gives=RequestView, query=ContentQuery)
async def show(call: Call) -> RequestView:
    """One request, with everything that happened to it."""
    return await call.parts.requests.files.one(call.match("id"), bool(call.query.include), call.caller)


@routes.post(PATH + "/{id}/verify", scope="privacy", takes=VerifyOrder, gives=RequestView, raises=(Conflict,))
async def verify(call: Call) -> Answer:
    """Who asks is who he says: by his code, or on the word of staff; or send him a new code."""
    return shown(call, await call.parts.requests.acts.verify(call.match("id"), call.order, call.caller))


@routes.post(PATH + "/{id}/extend", scope="privacy", takes=ExtendOrder, gives=RequestView, raises=(Conflict,))
async def extend(call: Call) -> Answer:
    """Take longer, where the law allows it, and tell the guest why."""
    return shown(call, await call.parts.requests.acts.extend(call.match("id"), call.order, call.caller))


@routes.post(PATH + "/{id}/pause", scope="privacy", takes=PauseOrder, gives=RequestView, raises=(Conflict,))
async def pause(call: Call) -> Answer:
    """Stop the clock while the guest is asked which data he means, where the law allows it."""
    return shown(call, await call.parts.requests.acts.pause(call.match("id"), call.order, call.caller))


@routes.post(PATH + "/{id}/resume", scope="privacy", gives=RequestView, raises=(Conflict,))
async def resume(call: Call) -> Answer:
    """The guest has answered: the clock goes on."""
    return shown(call, await call.parts.requests.acts.resume(call.match("id"), call.caller))


@routes.post(PATH + "/{id}/redact", scope="privacy", takes=RedactOrder, gives=RequestView, raises=(Conflict,))
async def redact(call: Call) -> Answer:
    """Take words about somebody else out of the copy."""
    return shown(call, await call.parts.requests.acts.redact(call.match("id"), call.order, call.caller))


@routes.post(PATH + "/{id}/complete", scope="privacy", takes=CompleteOrder, gives=RequestView, raises=(Conflict,))
async def complete(call: Call) -> Answer:
    """What was asked is done, and the guest is told."""
    return shown(call, await call.parts.requests.acts.complete(call.match("id"), call.order, call.caller))


@routes.post(PATH + "/{id}/refuse", scope="privacy", takes=RefuseOrder, gives=RequestView, raises=(Conflict,))
async def refuse(call: Call) -> Answer:
    """Say no, and tell the guest why and where he may complain."""
    return shown(call, await call.parts.requests.acts.refuse(call.match("id"), call.order, call.caller))


@routes.post(PATH + "/{id}/cancel", scope="privacy", takes=CancelOrder, gives=RequestView, raises=(Conflict,))
async def cancel(call: Call) -> Answer:
    """The guest takes his request back."""
    return shown(call, await call.parts.requests.acts.cancel(call.match("id"), call.order, call.caller))


@routes.get(PATH + "/{id}/export", scope="privacy", gives=ZIP, raises=(Conflict,))
async def export(call: Call) -> web.StreamResponse:
    """The copy: a page to be read, JSON and tables, in a ZIP."""
    request = call.parts.requests.office.find(call.match("id"))
    pieces = await call.parts.requests.copies.begin(request, call.caller)
    return await download.give(call, pieces, ZIP.type, f"{call.match('id')}.zip")
