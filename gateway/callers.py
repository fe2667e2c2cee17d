"""Who is asking: API keys, checked against what the store knows, and the local user of the socket."""

import hmac
import ipaddress
from dataclasses import dataclass, field
from hashlib import sha256

from gateway.clock import Clock
from gateway.errors import Forbidden, Unauthorized
from gateway.model import ALL_SCOPES, SCOPES
from gateway.store import apikeys
from gateway.store.apikeys import Key
from gateway.store.db import Database
from gateway.vault import Vault

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in. `actor` is how the audit log names him, `principal` outlives a rotation of his key."""

    actor: str
    principal: bytes
    scopes: frozenset[str]
    limit_keys: dict[str, bytes] = field(default_factory=dict)
    expires_at: int | None = None
    networks: tuple[str, ...] = ()

    def need(self, scope: str | tuple[str, ...]) -> None:
        """Raise Forbidden unless he has the scope (or one of several)."""
        wanted = (scope,) if isinstance(scope, str) else scope
        if not self.scopes.intersection(wanted):
            raise Forbidden(f"This needs the scope {' or '.join(wanted)}.")


NOBODY = Caller("nobody", b"", frozenset())
"""Whoever stands at a door that needs no key."""


class Callers:
    """Checks credentials. What was verified once is remembered by digest; whoever changes a key calls `forget`."""

    def __init__(self, db: Database, vault: Vault, clock: Clock):
        self._db, self._vault, self._clock = db, vault, clock
        self._verified: dict[bytes, Caller] = {}

    def by_header(self, header: str | None, address: str | None) -> Caller:
        """The caller behind an Authorization header. Raises Unauthorized, never saying what was wrong with it."""
        if not header:
            raise Unauthorized()
        digest = sha256(header.encode("utf-8", "surrogateescape")).digest()
        caller = self._verified.get(digest)
        if caller is None:
            caller = self._verify(header)
            if len(self._verified) >= REMEMBERED:
                self._verified.clear()
            self._verified[digest] = caller
        if caller.expires_at is not None and self._clock.now() >= caller.expires_at:
            raise Unauthorized()
        if caller.networks and not within(address, caller.networks):
            raise Unauthorized()
        return caller

    def _verify(self, header: str) -> Caller:
        scheme, _, token = header.partition(" ")
        parsed = self._vault.apikeys.parse(token.strip()) if scheme.lower() == "bearer" else None
        if parsed is None:
            raise Unauthorized()
        public, secret = parsed
        reader = self._db.reader
        if not hmac.compare_digest(self._vault.apikeys.digest(secret), apikeys.digest(reader, public)):
            raise Unauthorized()
        return self._caller(apikeys.find(reader, public))

    def _caller(self, key: Key) -> Caller:
        return Caller(
            f"key:{key.public}", key.principal, key.scopes, {"api_key": self._vault.limiter_key(key.principal)},
            key.expires_at, key.networks,
        )  # fmt: skip

    def local(self, uid: int) -> Caller:
        """The user at the socket in the data folder: whoever may open it owns the gateway."""
        return Caller(f"local:{uid}", b"local", frozenset(SCOPES))

    def forget(self) -> None:
        """Somebody's rights changed: verify everyone anew."""
        self._verified.clear()


def scopes_of(names: list[str]) -> tuple[str, ...]:
    """The scopes behind what was asked for; `all` stands for most. Raises ValueError naming a stranger."""
    wanted: set[str] = set()
    for name in names:
        if name != "all" and name not in SCOPES:
            raise ValueError(name)
        wanted |= ALL_SCOPES if name == "all" else {name}
    return tuple(sorted(wanted))


def is_network(text: str) -> bool:
    """Whether this names a network of IP addresses, as `within` takes it."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def within(address: str | None, networks: tuple[str, ...]) -> bool:
    """Whether this is an IP address in one of the networks."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(network) for network in networks)
