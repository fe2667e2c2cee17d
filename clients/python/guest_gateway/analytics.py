"""How it goes: counts, rates and times."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from guest_gateway.doors import Asked, L, Resource, ask, members
from guest_gateway.orders import Channel, MessageClass

Grouping = Literal["hour", "day", "channel", "class", "category", "provider", "language", "jurisdiction"]


class Percentiles(Struct, frozen=True):
    """Milliseconds that half, nine tenths, and all but one in a hundred did not exceed."""

    p50: int
    p90: int
    p99: int


class Figures(Struct, frozen=True, kw_only=True):
    """What is known of a group of messages. A rate is None where there was nothing to have a share in."""

    counts: dict[str, int]
    rates: dict[str, float | None]
    time_to_delivery: Percentiles | None = None
    time_to_receipt: Percentiles | None = None


class Report(Struct, frozen=True, kw_only=True):
    """Figures by group: an item has the values of its group and the members of `totals`."""

    from_: datetime = field(name="from")
    to: datetime
    timezone: str
    group_by: list[str]
    items: list[dict[str, Any]]
    totals: Figures


class Analytics(Resource[L]):
    """What became of messages."""

    @ask("GET", "analytics", Report)
    def report(
        self,
        group_by: Sequence[Grouping] = ("day",),
        *,
        from_: datetime | None = None,
        to: datetime | None = None,
        timezone: str | None = None,
        channel: Channel | None = None,
        class_: MessageClass | None = None,
        category: str | None = None,
        provider: str | None = None,
        language: str | None = None,
        jurisdiction: str | None = None,
    ) -> Asked:
        """What became of messages by one or two things, in the last 30 days if no time is named."""
        query = members(group_by=",".join(group_by), from_=from_, to=to, timezone=timezone, channel=channel,
                        class_=class_, category=category, provider=provider, language=language,
                        jurisdiction=jurisdiction)  # fmt: skip
        return Asked(query=query)
