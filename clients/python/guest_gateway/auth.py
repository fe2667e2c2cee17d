"""Signing in, staying in, going out; one's own password and second factor."""

from types import NoneType
from typing import Any

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, members


class Token(Struct, frozen=True):
    """An access token: the `key` of another `Gateway`, for `expires_in` seconds. A program gets no refresh token."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"
    refresh_token: str | None = None


class Ended(Struct, frozen=True):
    """The session is over."""

    status: str


class Keys(Struct, frozen=True):
    """The public keys of access tokens, the current one first (RFC 7517)."""

    keys: list[dict[str, Any]]


class Owner(Struct, frozen=True):
    """Who may sign in now."""

    id: str


class Factor(Struct, frozen=True):
    """The secret of a second factor, to be typed into an app, and as a `uri` for a QR code. Shown this once."""

    secret: str
    uri: str


class Recovery(Struct, frozen=True):
    """Codes for the day the phone is lost, each good once. Shown this once."""

    recovery_codes: list[str]


class Auth(Resource[L]):
    """Tokens are drawn without a key: `Gateway(None)`. The rest is for people who have signed in."""

    @ask("POST", "auth/token", Token)
    def sign_in(self, email: str, password: str, code: str | None = None) -> Asked:
        """A person comes in; `code` where there is a second factor. Raises Unauthorized, with the fault `code-needed`
        when only that is missing, and QuotaExceeded for whoever goes on guessing."""
        return Asked(body=members(grant="password", email=email, password=password, code=code))

    @ask("POST", "auth/token", Token)
    def refresh(self, refresh_token: str) -> Asked:
        """The session goes on, with new tokens; the old refresh token is void."""
        return Asked(body={"grant": "refresh", "refresh_token": refresh_token})

    @ask("POST", "auth/token", Token)
    def exchange(self, api_key: str) -> Asked:
        """A token that may do what this key may."""
        return Asked(body={"grant": "api_key", "api_key": api_key})

    @ask("POST", "auth/logout", Ended)
    def sign_out(self) -> Asked:
        """End the session of the token."""
        return Asked()

    @ask("GET", "auth/keys", Keys)
    def keys(self) -> Asked:
        """The public keys of access tokens."""
        return Asked()

    @ask("POST", "auth/setup", Owner)
    def set_up(self, code: str, password: str, email: str | None = None, name: str | None = None) -> Asked:
        """Choose a password with a setup code; the first owner says who he is. Raises Unauthorized, Invalid."""
        return Asked(body=members(code=code, password=password, email=email, name=name))

    @ask("POST", "auth/password", NoneType)
    def change_password(self, old_password: str, password: str) -> Asked:
        """Another password. Every session ends, this one too."""
        return Asked(body={"old_password": old_password, "password": password})

    @ask("POST", "auth/totp", Factor)
    def begin_totp(self, password: str) -> Asked:
        """A second factor, which counts once it is confirmed."""
        return Asked(body={"password": password})

    @ask("POST", "auth/totp/confirm", Recovery)
    def confirm_totp(self, code: str) -> Asked:
        """A first code of the app. From now on codes are asked for."""
        return Asked(body={"code": code})

    @ask("POST", "auth/totp/off", NoneType)
    def end_totp(self, password: str) -> Asked:
        """No second factor any more."""
        return Asked(body={"password": password})
