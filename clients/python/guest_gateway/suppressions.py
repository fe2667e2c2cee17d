"""Suppressions: which stops there are, new ones, and lifting one that was a mistake. They are never deleted."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from guest_gateway.compliance import Scope, Stop
from guest_gateway.doors import Asked, L, Resource, ask, listed, members
from guest_gateway.messages import including
from guest_gateway.orders import Channel, MessageClass, Whom


class SuppressionContent(Struct, frozen=True):
    """What of a stop is sealed."""

    email: str | None = None
    phone: str | None = None
    lift_reasons: list[str] = []


class Suppression(Struct, frozen=True, kw_only=True):
    """A stop as it stands. `lift_asked`: somebody asked to lift it; until `lifted_at` a second one must agree.
    `due_at`: by when the law wanted it to hold, of one that was said before it was entered."""

    id: str
    scope: str
    channels: list[str]
    categories: list[str]
    classes: list[str]
    source: str
    permanent: bool
    created_at: datetime
    recorded_at: datetime
    lifted_at: datetime | None
    lift_asked: bool
    due_at: datetime | None = None
    content: SuppressionContent | None = None


class Suppressions(Resource[L]):
    """Stops. They hang on an address and outlive the guest."""

    @listed("suppressions", Suppression)
    def list(
        self,
        *,
        scope: Scope | None = None,
        channel: Channel | None = None,
        category: str | None = None,
        source: str | None = None,
        state: str | None = None,
        guest: str | None = None,
        receipt: str | None = None,
        late: bool | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        content: bool = False,
        limit: int | None = None,
    ) -> Asked:
        """Stops, newest first. `state` is `in_force` or `lifted`, `receipt` the number a guest was shown,
        `limit` a page's size."""
        query = members(scope=scope, channel=channel, category=category, source=source, state=state, guest=guest,
                        receipt=receipt, late=late, from_=from_, to=to, limit=limit)  # fmt: skip
        return Asked(query=query | including(content))

    @ask("POST", "suppressions", Stop, harmless=True)
    def add(
        self,
        guest: Whom | None = None,
        *,
        token: str | None = None,
        scope: Scope | None = None,
        channels: Sequence[Channel] | None = None,
        categories: Sequence[str] | None = None,
        classes: Sequence[MessageClass] | None = None,
        source: str | None = None,
        received_at: datetime | None = None,
    ) -> Asked:
        """Stop; as `compliance.unsubscribe`."""
        return Asked(
            body=members(
                guest=guest, token=token, scope=scope, channels=channels, categories=categories, classes=classes,
                source=source, received_at=received_at,
            )
        )  # fmt: skip

    @ask("GET", "suppressions/{}", Suppression)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One stop."""
        return Asked((id,), query=including(content))

    @ask("POST", "suppressions/{}/lift", Suppression)
    def lift(self, id: str, reason: str) -> Asked:
        """Take back a stop that was written by mistake. Some need a second person: `lifted_at` is None until then.
        Raises Conflict for what is the guest's own word."""
        return Asked((id,), {"reason": reason})
