"""Templates: keep, edit, look through, try out."""

from gateway.answers import Answer
from gateway.errors import BadTemplate, Conflict
from gateway.pages import PageQuery
from gateway.stationery.forms import (
    Preview,
    PreviewOrder,
    TemplateEdit,
    TemplateList,
    TemplateNew,
    TemplateQuery,
    TemplateView,
)
from gateway.web.door import Call
from gateway.web.routes import Routes
from gateway.web.versions import shown, wanted

routes = Routes()


@routes.get("/templates", scope="templates", gives=TemplateList, query=TemplateQuery)
async def list_(call: Call) -> TemplateList:
    """Templates, newest first, narrowed by the query."""
    return await call.parts.cabinet.many(call.query)


@routes.post(
    "/templates", scope="templates", takes=TemplateNew, gives=TemplateView, status=201, raises=(BadTemplate, Conflict)
)
async def add(call: Call) -> Answer:
    """Keep a new template."""
    made = await call.parts.cabinet.add(call.order, call.caller)
    return shown(made, 201, f"/communications/templates/{made.id}")


@routes.get("/templates/{id}", scope="templates", gives=TemplateView)
async def show(call: Call) -> Answer:
    """A template in its newest version."""
    return shown(call.parts.cabinet.one(call.match("id")))


@routes.patch("/templates/{id}", scope="templates", takes=TemplateEdit, gives=TemplateView, raises=(BadTemplate,))
async def edit(call: Call) -> Answer:
    """Make a new version."""
    return shown(await call.parts.cabinet.edit(call.match("id"), call.order, wanted(call.request), call.caller))


@routes.delete("/templates/{id}", scope="templates", status=204)
async def remove(call: Call) -> None:
    """Take a template out of use."""
    await call.parts.cabinet.remove(call.match("id"), wanted(call.request), call.caller)


@routes.get("/templates/{id}/versions", scope="templates", gives=TemplateList, query=PageQuery)
async def versions(call: Call) -> TemplateList:
    """A template's versions, newest first."""
    return await call.parts.cabinet.versions(call.match("id"), call.query)


@routes.get("/templates/{id}/versions/{version}", scope="templates", gives=TemplateView)
async def version(call: Call) -> TemplateView:
    """A template as it was in one version."""
    return call.parts.cabinet.one(call.match("id"), call.match("version"))


@routes.post("/templates/{id}/preview", scope="templates", takes=PreviewOrder, gives=Preview, raises=(BadTemplate,))
async def preview(call: Call) -> Preview:
    """What a guest would get."""
    return await call.parts.cabinet.preview(call.match("id"), call.order)
