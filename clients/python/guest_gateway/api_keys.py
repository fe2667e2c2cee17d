"""API keys: see, draw, change, replace and end them."""

from collections.abc import Sequence
from datetime import datetime
from types import NoneType
from typing import TypedDict, Unpack

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed, members


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key. `key` is the secret itself: it is there when the key was just drawn, and never again."""

    id: str
    name: str
    scopes: list[str]
    networks: list[str]
    expires_at: datetime | None
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    principal: str
    version: int
    key: str | None = None


class ApiKeyChange(TypedDict, total=False):
    """What is to be different; `expires_at` None: it does not end."""

    name: str
    scopes: list[str]
    expires_at: datetime | None
    networks: list[str]


class ApiKeys(Resource[L]):
    """Nobody draws, changes or ends a key that reaches farther than himself: Forbidden."""

    @listed("api-keys", ApiKey)
    def list(self, *, limit: int | None = None) -> Asked:
        """Every key, newest first, ended ones too."""
        return Asked(query={"limit": limit})

    @ask("POST", "api-keys", ApiKey)
    def draw(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        expires_at: datetime | None = None,
        networks: Sequence[str] | None = None,
    ) -> Asked:
        """A new key. Keep its `key`: it is shown this once."""
        return Asked(body=members(name=name, scopes=scopes, expires_at=expires_at, networks=networks))

    @ask("GET", "api-keys/{}", ApiKey)
    def get(self, id: str) -> Asked:
        """One key."""
        return Asked((id,))

    @ask("PATCH", "api-keys/{}", ApiKey)
    def change(self, id: str, *, version: int | None = None, **change: Unpack[ApiKeyChange]) -> Asked:
        """Change a key, if it still is in this version; in force when this returns. Raises Precondition, Conflict."""
        return Asked((id,), change, version=version)

    @ask("DELETE", "api-keys/{}", NoneType)
    def revoke(self, id: str, *, version: int | None = None) -> Asked:
        """End a key now."""
        return Asked((id,), version=version)

    @ask("POST", "api-keys/{}/rotate", ApiKey)
    def rotate(self, id: str, *, overlap: int | None = None) -> Asked:
        """A new key with the same rights. The old one works for `overlap` more seconds, a day if left out."""
        return Asked((id,), members(overlap=overlap))
