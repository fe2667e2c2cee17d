"""API keys, for programs: drawn, narrowed, replaced while the old one still works, and ended."""

from collections.abc import Callable, Iterable
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway import ids
from gateway.callers import KEY, Caller
from gateway.clock import Clock, parse_rfc3339, rfc3339, rfc3339_or_none
from gateway.errors import Conflict, Fault, Invalid, NotFound, Precondition
from gateway.model import SCOPES
from gateway.orders import Moment
from gateway.pages import PageQuery, cut
from gateway.reach import Reach, is_network, scopes_of
from gateway.store import apikeys
from gateway.store.apikeys import Key, NewKey
from gateway.store.db import Database, Tx
from gateway.vault import Vault
from gateway.views import KeyId, Time

DAY = 86_400
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Scope = Annotated[str, Meta(extra_json_schema={"enum": [*SCOPES, "all"]})]
Scopes = Annotated[list[Scope], Meta(min_length=1, max_length=30)]
Networks = Annotated[list[str], Meta(max_length=50)]


class KeyOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A new API key."""

    name: Name
    scopes: Scopes
    expires_at: Moment | None = None
    networks: Networks = []


class KeyChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different about a key; a member left out stays as it is."""

    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    networks: Networks | UnsetType = UNSET


class RotateOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """How many seconds the old key still works beside the new one."""

    overlap: Annotated[int, Meta(ge=0, le=30 * DAY)] = DAY


class KeyView(Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: KeyId
    name: str
    scopes: list[str]
    networks: list[str]
    expires_at: Time | None
    created_at: Time
    revoked_at: Time | None
    last_used_at: Time | None
    principal: str
    version: int
    key: str | UnsetType = UNSET
    """The secret itself: shown once, when it is drawn."""


class KeyList(Struct, frozen=True):
    """A page of keys, newest first."""

    items: list[KeyView]
    next_cursor: str | None


class Keyring:
    """All API keys. Whoever acts must reach as far himself as the key does, before and after. Raises NotFound,
    Forbidden, Conflict for a key that has ended, Precondition when `version` is not today's."""

    def __init__(self, db: Database, vault: Vault, ids_: ids.Ids, clock: Clock):
        self._db, self._vault, self._ids, self._clock = db, vault, ids_, clock

    async def many(self, query: PageQuery) -> KeyList:
        """A page of keys."""
        found = await self._db.read(apikeys.page, query.before, query.limit + 1)
        keys, more = cut(found, query.limit, lambda key: key.id)
        return KeyList([_view(key) for key in keys], more)

    def one(self, public: str) -> KeyView:
        """One key."""
        return _view(self._find(public))

    async def draw(self, order: KeyOrder, caller: Caller) -> KeyView:
        """A new key. Raises Invalid with every fault of the order."""
        reach = self._checked(order.scopes, order.networks, self._moment(order.expires_at))
        caller.reach.need(reach)
        shown, key = self._new(order.name, self._ids.new(), reach)
        await self._db.do(lambda tx: _write(tx, key, caller))
        return _view(self._find(f"{KEY}{key.public}"), shown)

    async def change(self, public: str, order: KeyChange, caller: Caller, version: int | None) -> KeyView:
        """Change what a key may do. Raises Invalid with every fault of the order."""
        known = self._find(public)
        reach = self._checked(
            known.scopes if order.scopes is UNSET else order.scopes,
            known.networks if order.networks is UNSET else order.networks,
            known.expires_at if order.expires_at is UNSET else self._moment(order.expires_at),
        )
        caller.reach.need(reach)
        name = known.name if order.name is UNSET else order.name
        new = known._replace(name=name, **reach._asdict())
        await self._act(known, caller, version, "apikey.changed", lambda tx: apikeys.change(tx, new))
        return self.one(public)

    async def rotate(self, public: str, overlap: int, caller: Caller) -> KeyView:
        """A new key for the same principal with the same reach. The old one ends after `overlap` seconds, or when it
        would have ended anyway."""
        known = self._find(public)
        end = self._clock.now() + overlap * 1000
        old = known._replace(expires_at=min(end, known.expires_at or end))
        shown, key = self._new(known.name, known.principal, _reach_of(known))

        def both(tx: Tx) -> None:
            apikeys.change(tx, old)
            _write(tx, key, caller)

        await self._act(known, caller, None, "apikey.rotated", both)
        return _view(self._find(f"{KEY}{key.public}"), shown)

    async def revoke(self, public: str, caller: Caller, version: int | None) -> None:
        """End a key now; from the answer on it is refused."""
        known = self._find(public)
        await self._act(known, caller, version, "apikey.revoked", lambda tx: apikeys.revoke(tx, known))

    def _find(self, public: str) -> Key:
        key = apikeys.find(self._db.reader, public.removeprefix(KEY)) if public.startswith(KEY) else None
        if key is None:
            raise NotFound()
        return key

    async def _act(
        self, known: Key, caller: Caller, version: int | None, action: str, act: Callable[[Tx], None]
    ) -> None:
        """Act on a key that is still as it was read, and of the version that the caller has seen."""
        caller.reach.need(_reach_of(known))

        def work(tx: Tx) -> None:
            key = apikeys.find(tx.connection, known.public)
            if key is None or {key.version, version or key.version} != {known.version}:
                raise Precondition()
            if key.revoked_at or (key.expires_at and key.expires_at <= tx.now):
                raise Conflict("The key has ended.")
            act(tx)
            tx.audit(caller.actor, action, f"{KEY}{key.public}", key.digest)

        await self._db.do(work)

    def _new(self, name: str, principal: bytes, reach: Reach) -> tuple[str, NewKey]:
        """A key that was just drawn, and what is shown of it."""
        shown, public, digest = self._vault.apikeys.draw()
        scopes = tuple(sorted(reach.scopes))
        return shown, NewKey(name, public, digest, principal, scopes, reach.networks, reach.expires_at)

    def _moment(self, text: str | None) -> int | None:
        """An expiry: 0 for one that is none, or is over."""
        at = parse_rfc3339(text) if text is not None else None
        return at if text is None or (at is not None and at > self._clock.now()) else 0

    def _checked(self, scopes: Iterable[str], networks: Iterable[str], expires_at: int | None) -> Reach:
        """The reach that was asked for. Raises Invalid with everything that is wrong with it."""
        faults, found = [], frozenset[str]()
        try:
            found = scopes_of(scopes)
        except ValueError:
            faults.append(Fault("/scopes", "unknown-scope", f"one or more of all, {', '.join(SCOPES)}"))
        if expires_at == 0:
            future = "RFC 3339 with a zone, and in the future, such as 2036-11-24T08:00:00Z"
            faults.append(Fault("/expires_at", "bad-time", future))
        if not all(map(is_network, networks)):
            faults.append(Fault("/networks", "bad-network", "networks such as 10.0.0.0/8"))
        if faults:
            raise Invalid(faults=faults)
        return Reach(found, tuple(networks), expires_at)


def _write(tx: Tx, key: NewKey, caller: Caller) -> None:
    apikeys.add(tx, key)
    tx.audit(caller.actor, "apikey.created", f"{KEY}{key.public}", key.digest)


def _reach_of(key: Key) -> Reach:
    return Reach(key.scopes, key.networks, key.expires_at)


def _view(key: Key, shown: str | None = None) -> KeyView:
    return KeyView(
        id=f"{KEY}{key.public}",
        name=key.name,
        scopes=sorted(key.scopes),
        networks=list(key.networks),
        expires_at=rfc3339_or_none(key.expires_at),
        created_at=rfc3339(key.created_at),
        revoked_at=rfc3339_or_none(key.revoked_at),
        last_used_at=rfc3339_or_none(key.last_used_at),
        principal=ids.public("prn", key.principal),
        version=key.version,
        key=UNSET if shown is None else shown,
    )
