"""Who is asking: a program by its key, a person by a token, and the local user of the socket."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from gateway import ids, metrics
from gateway.clock import Clock
from gateway.errors import Forbidden, Unauthorized
from gateway.model import SCOPES
from gateway.reach import Reach, within
from gateway.roles import ROLES
from gateway.store import apikeys, sessions
from gateway.store.apikeys import Key
from gateway.store.db import Database
from gateway.tokens import Claims, Tokens
from gateway.vault import Vault

REMEMBERED = 10_000
KEY = "key_"
NOTHING = b"\0" * 32


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in. `actor` is how the audit log names him, `principal` outlives a rotation of his key.

    `limit_keys` and `names` are what limits know of him: digests to count by, his id and role as exemptions have them.
    `expires_at` is when this credential ends, `ends_at` when he himself does (a key's expiry, whatever token it got);
    `session`: the session of a person who signed in, who then is the user `principal`. `mark`: how far the store's
    changes had come when he was looked up.
    """

    actor: str
    principal: bytes
    scopes: frozenset[str]
    limit_keys: dict[str, bytes] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    expires_at: int | None = None
    networks: tuple[str, ...] = ()
    ends_at: int | None = None
    session: bytes | None = None
    mark: int = 0

    def need(self, scope: str | tuple[str, ...]) -> None:
        """Raise Forbidden unless he has the scope (or one of several; of none, anybody will do)."""
        wanted = (scope,) if isinstance(scope, str) else scope
        if wanted and not self.scopes.intersection(wanted):
            raise Forbidden(f"This needs the scope {' or '.join(wanted)}.")

    @property
    def reach(self) -> Reach:
        """How far he may go, and with that whoever he gives something to."""
        return Reach(self.scopes, self.networks, self.ends_at)


Denies = Callable[[str, int], bool]
"""Whether an API key is denied now (ms), by the part of it that is no secret."""
NOBODY = Caller("nobody", b"", frozenset())
"""Whoever stands at a door that needs no key."""


class Callers:
    """Checks credentials. What was verified once is remembered by digest, until a commit changes its principal: works
    that change a key, a user or a session say so with `tx.changed(principal)`, and every request compares."""

    def __init__(self, db: Database, vault: Vault, tokens: Tokens, clock: Clock, denies: Denies):
        self._db, self._vault, self._tokens, self._clock, self._denies = db, vault, tokens, clock, denies
        self._verified: dict[bytes, Caller] = {}
        self._used: set[str] = set()
        self.refused = 0
        """How often somebody came with a credential that is not good, since that was last written down."""

    def by_header(self, header: str | None, address: str | None) -> Caller:
        """The caller behind an Authorization header. Raises Unauthorized, never saying what was wrong with it."""
        if not header:
            raise Unauthorized()
        digest = sha256(header.encode("utf-8", "surrogateescape")).digest()
        caller = self._verified.get(digest)
        if caller is None or self._db.changes.since(caller.principal, caller.mark):
            caller = self._look_up(digest, header)
        now = self._clock.now()
        if caller.expires_at is not None and now >= caller.expires_at:
            raise Unauthorized()
        if caller.networks and not within(address, caller.networks):
            raise Unauthorized()
        if caller.session is None:
            if self._denies(caller.actor.removeprefix("key:"), now):
                metrics.of(metrics.ACCESS_DENIED, "key").inc()
                raise Unauthorized()
            self._used.add(caller.actor)
        return caller

    def by_key(self, text: str, address: str | None) -> Caller:
        """The caller behind an API key alone. Raises Unauthorized."""
        if self._vault.apikeys.parse(text) is None:
            raise Unauthorized()
        return self.by_header(f"Bearer {text}", address)

    def _look_up(self, digest: bytes, header: str) -> Caller:
        self._verified.pop(digest, None)
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            raise Unauthorized()
        caller = self._with_key(token) if token.startswith("gk_") else self._with_token(token)
        if len(self._verified) >= REMEMBERED:
            self._verified.clear()
        self._verified[digest] = caller
        return caller

    def _with_key(self, text: str) -> Caller:
        parsed = self._vault.apikeys.parse(text)
        if parsed is None:
            raise Unauthorized()
        public, secret = parsed
        reader = self._db.reader
        if not hmac.compare_digest(self._vault.apikeys.digest(secret), apikeys.digest(reader, public)):
            raise Unauthorized()
        return self._key(apikeys.find(reader, public))

    def _with_token(self, text: str) -> Caller:
        claims = self._tokens.read(text)
        if claims is None:
            raise Unauthorized()
        if claims.sid is not None:
            return self._user(claims, claims.sid)
        caller = self._key(apikeys.find(self._db.reader, claims.sub.removeprefix(KEY)))
        ends = claims.exp * 1000
        return replace(caller, expires_at=min(ends, caller.ends_at or ends))

    def _key(self, key: Key | None) -> Caller:
        if key is None or key.revoked_at is not None:
            raise Unauthorized()
        return Caller(
            f"key:{key.public}", key.principal, key.scopes, self._limit_keys(api_key=key.principal),
            frozenset({f"key_{key.public}"}), key.expires_at, key.networks, key.expires_at, mark=self._db.turn_mark,
        )  # fmt: skip

    def _user(self, claims: Claims, sid: str) -> Caller:
        uuid = ids.parse("ses", sid)
        session = sessions.find(self._db.reader, uuid) if uuid else None
        if session is None or ids.public("usr", session.user_uuid) != claims.sub:
            raise Unauthorized()
        return Caller(
            actor_of(session.user_uuid), session.user_uuid, ROLES[session.role],
            self._limit_keys(
                api_key=session.user_uuid, user=session.user_uuid, role=session.role.encode()
            ),
            frozenset({claims.sub, session.role}), claims.exp * 1000, session=session.uuid, mark=self._db.turn_mark,
        )  # fmt: skip

    def _limit_keys(self, **facts: bytes) -> dict[str, bytes]:
        return {name: self._vault.limiter_key(fact) for name, fact in facts.items()}

    def local(self, uid: int) -> Caller:
        """The user at the socket in the data folder: whoever may open it owns the gateway."""
        return Caller(f"local:{uid}", b"local", frozenset(SCOPES))

    def forget(self) -> None:
        """What credentials are recognised by has changed: verify everyone anew."""
        self._verified.clear()

    async def note_use(self) -> None:
        """Write down which keys were used since the last time, and how often a credential was refused: once a minute,
        not at every request, so that whoever guesses does not fill the record."""
        refused, self.refused = self.refused, 0
        if refused:
            await self._db.do(lambda tx: tx.audit("nobody", "session.refused", f"attempts:{refused}", NOTHING))
        used, self._used = self._used, set()
        if used:
            publics = [actor.partition(":")[2] for actor in used]
            await self._db.do(lambda tx: apikeys.used(tx, publics))


def actor_of(user: bytes) -> str:
    """How the audit log names a user."""
    return f"user:{ids.public('usr', user).removeprefix('usr_')}"
