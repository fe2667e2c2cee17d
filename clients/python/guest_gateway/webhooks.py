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


class Delivery(Struct, frozen=True, kw_only=True):
    """One event for one webhook. `code`: how the last attempt ended, a status or a word."""

    id: str
    type: str
    status: str
    code: str | None
    attempts: int
    created_at: datetime
    tried_at: datetime | None
    next_try_at: datetime | None


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

    @ask("POST", "webhooks/{}/rotate", Webhook)
    def rotate(self, id: str, *, overlap: int | None = None) -> Asked:
        """A new `secret`, shown this once. The old one signs too for `overlap` more seconds, a day if left out."""
        return Asked((id,), members(overlap=overlap))

    @ask("POST", "webhooks/{}/test", Delivery)
    def test(self, id: str) -> Asked:
        """Send a test event now, once, and say how it was taken."""
        return Asked((id,))

    @listed("webhooks/{}/deliveries", Delivery)
    def deliveries(self, id: str, *, limit: int | None = None) -> Asked:
        """What went to a webhook and what waits for it, newest first."""
        return Asked((id,), query={"limit": limit})

    @ask("POST", "webhooks/{}/deliveries/{}/replay", Delivery)
    def replay(self, id: str, event: str) -> Asked:
        """Send an event again, under the same id."""
        return Asked((id, event))
