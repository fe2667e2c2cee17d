"""The people who work with the gateway."""

from datetime import datetime
from types import NoneType
from typing import Literal, TypedDict, Unpack

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed

Role = Literal["owner", "admin", "coordinator", "reception", "privacy", "reader"]


class User(Struct, frozen=True, kw_only=True):
    """A user. `ready`: has a password; `totp`: and a second factor. `setup_code` is there when the user was just
    added: with it the user chooses a password, within an hour."""

    id: str
    email: str
    name: str
    role: str
    ready: bool
    totp: bool
    created_at: datetime
    signed_in_at: datetime | None
    version: int
    setup_code: str | None = None


class SetupCode(Struct, frozen=True):
    """With what a user chooses a password: shown this once, good once, for an hour."""

    setup_code: str


class UserChange(TypedDict, total=False):
    """What is to be different."""

    email: str
    name: str
    role: Role


class Users(Resource[L]):
    """Nobody adds, changes or removes a user who reaches farther than himself: Forbidden."""

    @listed("users", User)
    def list(self, *, limit: int | None = None) -> Asked:
        """Every user, newest first."""
        return Asked(query={"limit": limit})

    @ask("POST", "users", User)
    def add(self, email: str, name: str, role: Role) -> Asked:
        """A new user. Raises Conflict when the address is somebody else's."""
        return Asked(body={"email": email, "name": name, "role": role})

    @ask("GET", "users/{}", User)
    def get(self, id: str) -> Asked:
        """One user."""
        return Asked((id,))

    @ask("PATCH", "users/{}", User)
    def change(self, id: str, *, version: int | None = None, **change: Unpack[UserChange]) -> Asked:
        """Change a user who still is in this version. Raises Precondition, Conflict."""
        return Asked((id,), change, version=version)

    @ask("DELETE", "users/{}", NoneType)
    def remove(self, id: str, *, version: int | None = None) -> Asked:
        """Remove a user. Raises Conflict for the last owner."""
        return Asked((id,), version=version)

    @ask("POST", "users/{}/setup-code", SetupCode)
    def setup_code(self, id: str) -> Asked:
        """A new code for a user who has no password yet, or forgot it."""
        return Asked((id,))
