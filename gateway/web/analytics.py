"""How it goes: counts, rates and times, from the counters."""

from typing import Annotated

from msgspec import Meta, Struct, field

from gateway.analytics import AnalyticsReport
from gateway.answers import Answer
from gateway.model import ChannelName
from gateway.orders import Moment, Zone
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


class AnalyticsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """What is counted by, of which messages, and when; the thirty days that end with today, if left out."""

    group_by: Annotated[str, Meta(description="One or two of hour, day and the members below, with a comma")] = "day"
    from_: Moment | None = field(name="from", default=None)
    to: Moment | None = None
    timezone: Zone | None = None
    channel: ChannelName | None = None
    class_: str | None = field(name="class", default=None)
    category: str | None = None
    provider: str | None = None
    language: str | None = None
    jurisdiction: str | None = None


@routes.get("/analytics", scope="read", gives=AnalyticsReport, query=AnalyticsQuery)
async def report(call: Call) -> Answer:
    """What became of messages, by time and kind."""
    return await call.parts.analytics.report(call.request.query)
