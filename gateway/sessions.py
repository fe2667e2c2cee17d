"""Signing in and staying in: a session is one row, begun with a password, kept up by refresh tokens that work once."""

from hashlib import sha256
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway import ids, metrics
from gateway.callers import KEY, Caller, actor_of
from gateway.clock import Clock
from gateway.errors import Fault, Forbidden, QuotaExceeded, Spent, Unauthorized
from gateway.lockout import Lockout
from gateway.passwords import LONGEST, Passwords
from gateway.second_factor import SecondFactor
from gateway.store import sessions, users
from gateway.store.db import Database, Tx
from gateway.store.sessions import Session
from gateway.store.users import User
from gateway.tokens import LIFE, Tokens
from gateway.users import Users
from gateway.vault import Vault

IDLE_MS = 7 * 86_400_000
"""How long a session waits for its next refresh."""
LASTS_MS = 30 * 86_400_000
"""After which it is time to sign in anew."""
Password = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
Code = Annotated[str, Meta(min_length=6, max_length=40)]


class PasswordGrant(Struct, frozen=True, forbid_unknown_fields=True, tag="password", tag_field="grant"):
    """Somebody signs in; `code` once he has a second factor."""

    email: Annotated[str, Meta(min_length=3, max_length=320)]
    password: Password
    code: Code | None = None


class KeyGrant(Struct, frozen=True, forbid_unknown_fields=True, tag="api_key", tag_field="grant"):
    """A program that would rather show a token than its key."""

    api_key: Annotated[str, Meta(max_length=1000)]


class RefreshGrant(Struct, frozen=True, forbid_unknown_fields=True, tag="refresh", tag_field="grant"):
    """A session goes on."""

    refresh_token: Annotated[str, Meta(max_length=1000)]


TokenOrder = PasswordGrant | KeyGrant | RefreshGrant


class TokenAnswer(Struct, frozen=True, kw_only=True):
    """An access token, and for people the token for the next one."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = LIFE
    refresh_token: str | UnsetType = UNSET


class Sessions:
    """Begins, keeps up and ends sessions."""

    def __init__(
        self, db: Database, vault: Vault, ids_: ids.Ids, clock: Clock, tokens: Tokens, users_: Users,
        passwords: Passwords, factor: SecondFactor,
    ):  # fmt: skip
        self._db, self._vault, self._ids, self._clock, self._tokens = db, vault, ids_, clock, tokens
        self._users, self._passwords, self._factor = users_, passwords, factor
        self._lockout = Lockout(clock)

    def for_key(self, caller: Caller) -> TokenAnswer:
        """A token for a program that has just shown its key."""
        return TokenAnswer(access_token=self._tokens.access(KEY + caller.actor.partition(":")[2], None))

    async def sign_in(self, grant: PasswordGrant, source: str) -> TokenAnswer:
        """Begin a session. Raises Unauthorized, the same for a wrong password and for an unknown address; with the
        fault `code-needed` when only the code of the second factor is missing. Raises QuotaExceeded for whoever
        guesses."""
        user = await self.prove(self._users.behind(grant.email), self._users.blind(grant.email), grant.password, source)
        if user.totp_on and grant.code is None:
            metrics.SIGN_INS.labels("code").inc()
            raise Unauthorized(faults=[Fault("/code", "code-needed", "the code of the second factor")])
        uuid = self._ids.new()

        def act(tx: Tx) -> bool:
            now = users.find(tx.connection, user.uuid)
            if now is None or now.password != user.password or not self._factor.passes(tx, now, grant.code):
                return False
            sessions.add(tx, uuid, now.id)
            users.signed_in(tx, now)
            tx.audit(actor_of(now.uuid), "session.started", ids.public("ses", uuid), sha256(uuid).digest())
            return True

        if not await self._db.do(act):
            raise _wrong()
        self._lockout.passed(*self._who(user.blind, source))
        metrics.SIGN_INS.labels("in").inc()
        return self._tokens_of(user.uuid, uuid, 0)

    async def prove(self, user: User | None, blind: bytes, password: str, source: str) -> User:
        """See that this is the user's password. Counts as a wrong try until `passed`. Raises as `sign_in` does."""
        try:
            self._lockout.attempt(*self._who(blind, source))
        except QuotaExceeded:
            metrics.SIGN_INS.labels("locked").inc()
            raise
        fits = await self._passwords.fits(password, user.password if user else None)
        if user is None or not fits:
            raise _wrong()
        return user

    async def prove_self(self, caller: Caller, password: str, source: str) -> User:
        """The user who calls, after he has shown his password once more. Raises Forbidden for a program."""
        user = self.user_of(caller)
        await self.prove(user, user.blind, password, source)
        self._lockout.passed(*self._who(user.blind, source))
        return user

    def user_of(self, caller: Caller) -> User:
        """The user who calls. Raises Forbidden for a program."""
        user = users.find(self._db.reader, caller.principal) if caller.session else None
        if user is None:
            raise Forbidden("This is for people who have signed in.")
        return user

    def _who(self, blind: bytes, source: str) -> tuple[bytes, bytes]:
        """Account and source, as the lockout counts them."""
        return self._vault.limiter_key(b"account:" + blind), self._vault.limiter_key(source.encode())

    def _tokens_of(self, user: bytes, session: bytes, generation: int) -> TokenAnswer:
        return TokenAnswer(
            access_token=self._tokens.access(ids.public("usr", user), session),
            refresh_token=self._tokens.refresh(session, generation),
        )

    async def refresh(self, token: str) -> TokenAnswer:
        """The next access token, and the next refresh token; the one given works no more. One that comes a second time
        was stolen, now or the first time: the session ends for whoever has it. Raises Unauthorized."""
        parsed = self._tokens.read_refresh(token)
        if parsed is None:
            raise _wrong()
        uuid, generation = parsed

        def act(tx: Tx) -> Session | None:
            session = sessions.find(tx.connection, uuid)
            if session is None or _over(session, tx.now):
                return None
            if session.generation != generation:
                sessions.end(tx, session)
                digest = sha256(session.uuid).digest()
                tx.audit(actor_of(session.user_uuid), "session.reused", ids.public("ses", session.uuid), digest)
                metrics.SIGN_INS.labels("reused").inc()
                return None
            sessions.advance(tx, session)
            return session

        session = await self._db.do(act)
        if session is None:
            raise _wrong(Spent)
        metrics.SIGN_INS.labels("refreshed").inc()
        return self._tokens_of(session.user_uuid, session.uuid, session.generation + 1)

    async def end(self, caller: Caller) -> None:
        """End the session the caller is in. Raises Forbidden for a program."""
        self.user_of(caller)

        def act(tx: Tx) -> None:
            session = sessions.find(tx.connection, caller.session or b"")
            if session is not None:
                sessions.end(tx, session)
                digest = sha256(session.uuid).digest()
                tx.audit(caller.actor, "session.ended", ids.public("ses", session.uuid), digest)

        await self._db.do(act)

    async def forget_old(self) -> None:
        """Delete what nobody can refresh any more."""
        now = self._clock.now()
        await self._db.do(lambda tx: sessions.forget(tx, now - IDLE_MS, now - LASTS_MS))


def _over(session: Session, now: int) -> bool:
    return now >= session.used_at + IDLE_MS or now >= session.created_at + LASTS_MS


def _wrong(kind: type[Unauthorized] = Unauthorized) -> Unauthorized:
    metrics.SIGN_INS.labels("wrong").inc()
    return kind("These are not the right credentials, or not any more.")
