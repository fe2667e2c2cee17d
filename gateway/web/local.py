"""Doors that exist only on the socket in the data folder: whoever can open it owns the gateway."""

import asyncio
from hashlib import sha256
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct, json

from gateway import ids, reading
from gateway.errors import NotFound
from gateway.ledger import public_text
from gateway.store.users import User
from gateway.users import UserOrder
from gateway.web.door import Call
from gateway.web.routes import Routes
from gateway.webhooks.listening import Listening

routes = Routes("/local")


Password = Annotated[str, Meta(max_length=1000)]


class Newcomer(UserOrder, frozen=True, forbid_unknown_fields=True):
    """A new user with a password, or without: then a code for one is laid into a file."""

    password: Password | None = None


class Whom(Struct, frozen=True, forbid_unknown_fields=True):
    """A user, by id or e-mail address, and his new password, or none, as above."""

    user: str
    password: Password | None = None


class FactorOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of a user's second factor: a new one, one confirmed by a code, or none."""

    user: str
    code: str | None = None
    off: bool = False


@routes.post("/users", scope="users", takes=Newcomer, status=201)
async def add(call: Call) -> dict:
    """A new user."""
    order, people = call.order, call.people
    if order.password is not None:
        public = await people.setup.add(order, order.password, call.caller.actor)
        return {"id": public, "setup_code_file": None}
    user = await people.users.add(order, call.caller)
    return await _laid(call, user)


@routes.post("/users/password", scope="users", takes=Whom)
async def set_password(call: Call) -> dict:
    """A new password for a user, or a code for one."""
    user, password = _user(call), call.order.password
    if password is None:
        return await _laid(call, user)
    await call.people.setup.change(user, password, call.caller.actor)
    return {"id": ids.public("usr", user.uuid), "setup_code_file": None}


async def _laid(call: Call, user: User) -> dict:
    """Lay a code for a user into the file, and say where."""
    await call.people.setup.to_file(user, call.caller.actor)
    return {"id": ids.public("usr", user.uuid), "setup_code_file": str(call.people.setup.file)}


@routes.post("/users/totp", scope="users", takes=FactorOrder)
async def set_totp(call: Call) -> Any:
    """Begin, confirm or take off a user's second factor."""
    user, factor = _user(call), call.people.factor
    if call.order.off:
        await factor.take_off(user, call.caller.actor)
        return {"status": "off"}
    if call.order.code is not None:
        return await factor.confirm(user, call.order.code, call.caller.actor)
    return await factor.begin(user, call.caller.actor)


def _user(call: Call) -> User:
    """Whom a command means. Raises NotFound."""
    users, name = call.people.users, call.order.user
    found = users.behind(name) if "@" in name else users.find(name)
    if found is None:
        raise NotFound()
    return found


@routes.get("/webhooks/listen", scope="webhooks")
async def listen(call: Call) -> web.StreamResponse:
    """Every event from now on as a webhook would get it, a JSON document a line; the first line has the secret."""
    gateway, parts = call.gateway, call.parts
    listening = Listening(gateway.db, parts.webhooks.payloads, gateway.ids, gateway.clock)
    with_metadata = "metadata" in call.request.query
    if with_metadata:
        await reading.note(gateway.db, call.caller, "webhooks", [])
    stream = call.stream("application/jsonl")
    await stream.prepare(call.request)
    await stream.write(json.encode({"secret": listening.secret}) + b"\n")
    async for heard in listening.events(with_metadata):
        if gateway.health.draining:
            break
        try:
            await stream.write((json.encode(heard) if heard else b"") + b"\n")
        except ConnectionError:
            break
    return stream


@routes.get("/key", scope="ops")
async def key_status(call: Call) -> dict:
    """Which master keys there are and how much each wraps; how many guests' keys were destroyed; the audit log's public
    key."""
    keys = call.gateway.vault.keys
    return {
        "masters": keys.masters_in_use(),
        "destroyed": len(await asyncio.to_thread(keys.buried)),
        "audit_public_key": public_text(call.gateway.vault.signer),
    }


@routes.post("/key/jwt", scope="ops")
async def renew_jwt(call: Call) -> dict:
    """Sign access tokens with a new key from now on; whoever had a token of the key before the last signs in anew."""
    await asyncio.to_thread(call.gateway.vault.renew_jwt)
    call.gateway.callers.forget()
    public = call.gateway.vault.jwt.public()
    digest = sha256(json.encode(public)).digest()
    await call.gateway.db.do(lambda tx: tx.audit(call.caller.actor, "key.rotated", "jwt", digest))
    return {"keys": public}


@routes.get("/analytics/verify", scope="ops")
async def verify_analytics(call: Call) -> dict:
    """Whether the counters say what the events say."""
    return await call.parts.analytics.verify()


@routes.get("/plugins", scope="ops")
async def plugins(call: Call) -> dict:
    """What was loaded, and what was set aside and why."""
    found = call.gateway.plugins
    return {
        "channels": sorted(found.channels),
        "limiters": sorted(found.limiters),
        "packs": [pack.name for pack in found.packs],
        "quarantined": [{"name": one.name, "reason": one.reason} for one in found.quarantined],
    }
