"""From where and with which keys the API may be used."""

from datetime import datetime
from types import NoneType
from typing import Literal

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed, members
from guest_gateway.messages import including

Verdict = Literal["allow", "deny"]


class AccessRuleContent(Struct, frozen=True):
    """What of a rule is sealed."""

    reason: str


class AccessRule(Struct, frozen=True, kw_only=True):
    """A rule about a network or about an API key."""

    id: str
    verdict: Verdict
    network: str | None
    api_key: str | None
    author: str
    created_at: datetime
    expires_at: datetime | None
    content: AccessRuleContent | None = None


class AccessRules(Resource[L]):
    """Rules made while the gateway runs. Of all networks around an address the narrowest has the say."""

    @listed("access-rules", AccessRule)
    def list(self, *, verdict: Verdict | None = None, content: bool = False, limit: int | None = None) -> Asked:
        """Rules, newest first; `content`: with their reasons."""
        return Asked(query=members(verdict=verdict, limit=limit) | including(content))

    @ask("POST", "access-rules", AccessRule)
    def add(
        self,
        verdict: Verdict,
        *,
        network: str | None = None,
        api_key: str | None = None,
        reason: str,
        expires_at: datetime | None = None,
        force: bool | None = None,
    ) -> Asked:
        """Deny or allow a network, or an API key by its id, from the answer on. Raises Conflict where there is a rule
        about it, Invalid where it would lock out yourself and you do not `force` it."""
        return Asked(
            body=members(
                verdict=verdict, network=network, api_key=api_key, reason=reason, expires_at=expires_at, force=force
            )
        )  # fmt: skip

    @ask("GET", "access-rules/{}", AccessRule)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One rule."""
        return Asked((id,), query=including(content))

    @ask("DELETE", "access-rules/{}", NoneType)
    def remove(self, id: str, *, force: bool | None = None) -> Asked:
        """Take a rule away. Raises Conflict where it lets yourself in and you do not `force` it."""
        return Asked((id,), query=members(force=force))
