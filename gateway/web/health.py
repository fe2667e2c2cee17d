"""Is it alive, is it ready, what does it count. The ops port has these three; the main one the first two."""

from typing import Any, Literal

from msgspec import Struct, json
from prometheus_client import generate_latest

from gateway import metrics
from gateway.answers import Answer
from gateway.errors import NotFound
from gateway.web.door import Call
from gateway.web.routes import Media, Routes

routes = Routes()
probes = Routes(prefix="")
ops = Routes(prefix="")
METRICS = Media("text/plain")


class Pulse(Struct, frozen=True):
    """Whether the event loop turns."""

    status: Literal["ok", "stuck"]


class Report(Struct, frozen=True):
    """Ready or not, each part's own word, how the providers stand, and whether there is too much to do: `calm`, or
    what is refused."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]
    providers: dict[str, str]
    load: str


@routes.get("/health", scope=None, exempt=True, gives=Report, also=(503,))
async def summary(call: Call) -> Answer:
    """Live, ready and each part in one answer."""
    return await ready(call)


@probes.get("/health/live", scope=None, exempt=True, gives=Pulse, also=(503,))
async def live(call: Call) -> Answer:
    """Whether the event loop turns. Never asks the disk or a provider."""
    alive = call.gateway.health.alive()
    return told({"status": "ok" if alive else "stuck"}, alive)


@probes.get("/health/ready", scope=None, exempt=True, gives=Report, also=(503,))
async def ready(call: Call) -> Answer:
    """Whether messages can be taken: the store was written to just now, the key is there, the queue moves."""
    report = await call.gateway.health.ready(call.parts.routes) | {"load": call.gateway.overload.standing}
    return told(report, report["status"] == "ready")


def told(report: dict[str, Any], good: bool) -> Answer:
    """The report; 503 when it is a bad one."""
    return Answer(json.encode(report), 200 if good else 503, () if good else (("Retry-After", "5"),))


@ops.get("/metrics", scope=None, exempt=True, gives=METRICS)
async def scrape(call: Call) -> Answer:
    """Everything that is counted, for Prometheus."""
    call.gateway.measure()
    return Answer(generate_latest(metrics.REGISTRY), 200, (), "text/plain; version=0.0.4")


@routes.get("/metrics", scope="ops", gives=METRICS, raises=(NotFound,))
async def scrape_inside(call: Call) -> Answer:
    """The same for whoever cannot reach the ops port, where `server.metrics` allows it."""
    if not call.parts.config.server.metrics:
        raise NotFound()
    return await scrape(call)
