"""Doors that exist only on the socket in the data folder: whoever can open it owns the gateway."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from gateway import ids
from gateway.callers import is_network, scopes_of
from gateway.clock import parse_rfc3339, rfc3339
from gateway.errors import Fault, Invalid, NotFound
from gateway.ledger import public_text
from gateway.store import apikeys
from gateway.store.apikeys import Key, NewKey
from gateway.store.db import Tx
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes("/local")
NOTHING = b"\0" * 32


class KeyOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A new API key."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[str], Meta(min_length=1, max_length=30)]
    expires_at: str | None = None
    networks: Annotated[list[str], Meta(max_length=50)] = []


class KeyShown(Struct, frozen=True):
    """A new key: the only time its secret is shown."""

    id: str
    key: str


@routes.post("/apikeys", scope="keys", takes=KeyOrder, gives=KeyShown, status=201)
async def create(call: Call) -> KeyShown:
    """Draw a key."""
    order = call.order
    try:
        scopes = scopes_of(order.scopes)
    except ValueError:
        raise Invalid(faults=[Fault("/scopes", "unknown-scope", "a scope of the API, or all")]) from None
    expires = parse_rfc3339(order.expires_at) if order.expires_at else None
    if order.expires_at and expires is None:
        raise Invalid(faults=[Fault("/expires_at", "bad-time", "RFC 3339 with a zone, such as 2026-11-24T08:00:00Z")])
    if not all(map(is_network, order.networks)):
        raise Invalid(faults=[Fault("/networks", "bad-network", "networks such as 10.0.0.0/8")])
    shown, public, digest = call.gateway.vault.apikeys.draw()
    key = NewKey(order.name, public, digest, call.gateway.ids.new(), scopes, tuple(order.networks), expires)

    def work(tx: Tx, items: Sequence[None]) -> list[None]:
        apikeys.add(tx, key)
        tx.audit(call.caller.actor, "apikey.created", f"key_{public}", digest)
        return [None] * len(items)

    await call.gateway.db.write(work)
    return KeyShown(f"key_{public}", shown)


@routes.get("/apikeys", scope="keys")
async def list_(call: Call) -> dict:
    """Every key, without its secret."""
    return {"items": [_told(key) for key in apikeys.every(call.gateway.db.reader)]}


@routes.post("/apikeys/{id}/revoke", scope="keys")
async def revoke(call: Call) -> dict:
    """End a key now."""
    public = call.match("id").removeprefix("key_")

    def work(tx: Tx, items: Sequence[None]) -> list[bool]:
        done = apikeys.revoke(tx, public)
        if done:
            tx.audit(call.caller.actor, "apikey.revoked", f"key_{public}", NOTHING)
        return [done] * len(items)

    if not await call.gateway.db.write(work):
        raise NotFound()
    call.gateway.callers.forget()
    return {"id": f"key_{public}", "status": "revoked"}


@routes.get("/key", scope="ops")
async def key_status(call: Call) -> dict:
    """Which master keys there are and how much each wraps; the audit log's public key."""
    keys = call.gateway.vault.keys
    return {"masters": keys.masters_in_use(), "audit_public_key": public_text(call.gateway.vault.signer)}


@routes.post("/audit/checkpoint", scope="audit")
async def checkpoint(call: Call) -> dict:
    """Sign how the audit log stands now."""
    note = await call.gateway.record.checkpoint()
    return {"checkpoint": note.decode() if note else None}


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


def _told(key: Key) -> dict:
    return {
        "id": f"key_{key.public}",
        "name": key.name,
        "scopes": sorted(key.scopes),
        "networks": list(key.networks),
        "expires_at": rfc3339(key.expires_at) if key.expires_at else None,
        "created_at": rfc3339(key.created_at),
        "revoked_at": rfc3339(key.revoked_at) if key.revoked_at else None,
        "principal": ids.public("prn", key.principal),
    }
