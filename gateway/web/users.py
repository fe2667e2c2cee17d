"""Users: see them, add, change and remove them, and give one a way to a new password."""

from msgspec import Struct

from gateway.answers import Answer
from gateway.errors import Conflict
from gateway.pages import PageQuery
from gateway.users import UserChange, UserList, UserOrder, UserView, reach_of
from gateway.web import versions
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


class SetupCode(Struct, frozen=True):
    """With what a user chooses a password: shown this once, good once, for an hour."""

    setup_code: str


@routes.get("/users", scope="users", gives=UserList, query=PageQuery)
async def list_(call: Call) -> UserList:
    """Every user, newest first."""
    return await call.people.users.many(call.query, call.caller)


@routes.post("/users", scope="users", takes=UserOrder, gives=UserView, status=201, raises=(Conflict,))
async def add(call: Call) -> Answer:
    """A new user, with the code by which he chooses his password."""
    user = await call.people.users.add(call.order, call.caller)
    code = await call.people.setup.issue(user, call.caller.actor)
    return versions.shown(call.people.users.view(user, code), 201)


@routes.get("/users/{id}", scope="users", gives=UserView)
async def show(call: Call) -> Answer:
    """One user."""
    return versions.shown(await call.people.users.one(call.match("id"), call.caller))


@routes.patch("/users/{id}", scope="users", takes=UserChange, gives=UserView)
async def change(call: Call) -> Answer:
    """Change a user; a new role is in force with the answer."""
    version = versions.wanted(call.request)
    return versions.shown(await call.people.users.change(call.match("id"), call.order, call.caller, version))


@routes.delete("/users/{id}", scope="users", status=204)
async def remove(call: Call) -> None:
    """Remove a user; his tokens are refused from now on."""
    await call.people.users.remove(call.match("id"), call.caller, versions.wanted(call.request))


@routes.post("/users/{id}/setup-code", scope="users", gives=SetupCode, status=201)
async def setup_code(call: Call) -> SetupCode:
    """A new code for a user who has no password yet, or forgot it."""
    user = call.people.users.find(call.match("id"))
    call.caller.reach.need(reach_of(user.role))
    return SetupCode(await call.people.setup.issue(user, call.caller.actor))
