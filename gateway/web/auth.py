"""Signing in, staying in, going out; and what a person does about his own password and second factor."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.errors import Conflict, Forbidden, QuotaExceeded, Unauthorized
from gateway.overload import Importance
from gateway.second_factor import FactorAnswer, RecoveryAnswer
from gateway.sessions import Code, KeyGrant, Password, PasswordGrant, TokenAnswer, TokenOrder
from gateway.setup import SetupAnswer, SetupOrder
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()
GUESSED = (Unauthorized, QuotaExceeded)
"""What comes of guessing where no key is asked for."""


class Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """The password once more: a token that was left lying about is not enough."""

    password: Password


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the app."""

    code: Code


class PasswordOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A new password instead of the old one."""

    old_password: Password
    password: Annotated[str, Meta(max_length=1000)]


class Ended(Struct, frozen=True):
    """The session is over."""

    status: Literal["ended"] = "ended"


class PublicKeys(Struct, frozen=True):
    """A JSON Web Key Set, the current key first."""

    keys: list[dict[str, str]]


@routes.post("/auth/token", scope=None, takes=TokenOrder, gives=TokenAnswer, raises=GUESSED)
async def token(call: Call) -> TokenAnswer:
    """An access token, for a password, an API key or a refresh token."""
    sessions, order = call.people.sessions, call.order
    if isinstance(order, PasswordGrant):
        await call.guess()
        return await sessions.sign_in(order, call.address)
    try:
        if isinstance(order, KeyGrant):
            return sessions.for_key(call.gateway.callers.by_key(order.api_key, call.address))
        return await sessions.refresh(order.refresh_token)
    except Unauthorized as error:
        await call.guessed(error)
        raise


@routes.post("/auth/logout", scope=(), gives=Ended, raises=(Forbidden,), importance=Importance.FIRST)
async def logout(call: Call) -> Ended:
    """End the session: neither its access token nor its refresh token works any more."""
    await call.people.sessions.end(call.caller)
    return Ended()


@routes.get("/auth/keys", scope=None, gives=PublicKeys)
async def keys(call: Call) -> PublicKeys:
    """The public keys of access tokens (RFC 7517)."""
    return PublicKeys(call.gateway.vault.jwt.public())


@routes.post("/auth/setup", scope=None, takes=SetupOrder, gives=SetupAnswer, raises=(*GUESSED, Conflict))
async def setup(call: Call) -> SetupAnswer:
    """Choose a password with a setup code."""
    await call.guess()
    return await call.people.setup.redeem(call.order)


@routes.post("/auth/password", scope=(), takes=PasswordOrder, status=204, raises=(Forbidden,))
async def password(call: Call) -> None:
    """Choose a new password; every session ends, this one too."""
    user = await call.people.sessions.prove_self(call.caller, call.order.old_password, call.address)
    await call.people.setup.change(user, call.order.password, call.caller.actor)


@routes.post("/auth/totp", scope=(), takes=Proof, gives=FactorAnswer, raises=(Forbidden, Conflict))
async def begin_totp(call: Call) -> FactorAnswer:
    """A secret for an app that shows codes."""
    user = await call.people.sessions.prove_self(call.caller, call.order.password, call.address)
    return await call.people.factor.begin(user, call.caller.actor)


@routes.post("/auth/totp/confirm", scope=(), takes=Confirmation, gives=RecoveryAnswer, raises=(Forbidden, Conflict))
async def confirm_totp(call: Call) -> RecoveryAnswer:
    """A first code of the app: from now on codes are asked for."""
    user = call.people.sessions.user_of(call.caller)
    return await call.people.factor.confirm(user, call.order.code, call.caller.actor)


@routes.post("/auth/totp/off", scope=(), takes=Proof, status=204, raises=(Forbidden,))
async def end_totp(call: Call) -> None:
    """No second factor any more."""
    user = await call.people.sessions.prove_self(call.caller, call.order.password, call.address)
    await call.people.factor.take_off(user, call.caller.actor)
