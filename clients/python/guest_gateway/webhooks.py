"""Webhooks: where the gateway tells of what happens. How to read what arrives there is in `events`."""

from collections.abc import Sequence
from datetime import datetime
from types import NoneType
from typing import TypedDict, Unpack

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed, members


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook. `secret` is there when it was just drawn, and never again."""

    id: str
    url: str
    events: list[str]
    include_metadata: bool
    enabled: bool
    disabled_at: datetime | None
    old_secret_until: datetime | None
    created_at: datetime
    version: int
    secret: str | None = None


class WebhookChange(TypedDict, total=False):
    """What is to be different."""

    url: str
    events: list[str]
    include_metadata: bool
    enabled: bool


class Webhooks(Resource[L]):
    """Addresses of yours, on https and public."""

    @listed("webhooks", Webhook)
    def list(self, *, limit: int | None = None) -> Asked:
        """Every webhook, newest first."""
        return Asked(query={"limit": limit})

    @ask("POST", "webhooks", Webhook)
    def add(self, url: str, events: Sequence[str] = ("*",), *, include_metadata: bool | None = None) -> Asked:
        """A new webhook. Keep its `secret`: it is shown this once. Raises UrlNotAllowed."""
        return Asked(body=members(url=url, events=events, include_metadata=include_metadata))

    @ask("GET", "webhooks/{}", Webhook)
    def get(self, id: str) -> Asked:
        """One webhook."""
        return Asked((id,))

    @ask("PATCH", "webhooks/{}", Webhook)
    def change(self, id: str, *, version: int | None = None, **change: Unpack[WebhookChange]) -> Asked:
        """Change a webhook that still is in this version. Raises Precondition, UrlNotAllowed."""
        return Asked((id,), change, version=version)

    @ask("DELETE", "webhooks/{}", NoneType)
    def remove(self, id: str, *, version: int | None = None) -> Asked:
        """Tell it nothing more."""
        return Asked((id,), version=version)
