"""How it goes: counts, rates and times, from the counters."""

from gateway.analytics import AnalyticsQuery, AnalyticsReport
from gateway.answers import Answer
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/analytics", scope="read", gives=AnalyticsReport, query=AnalyticsQuery)
async def report(call: Call) -> Answer:
    """What became of messages, by time and kind."""
    return await call.parts.analytics.report(call.query)
