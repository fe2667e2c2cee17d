"""Health tells the truth: live when the loop turns, ready when messages can be taken, and what it counts is so."""

import asyncio
import re
import shutil
import subprocess
import time
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import health, metrics
from gateway.model import CHANNELS, State
from gateway.web import app
from gateway.web.door import METHODS
from tests.running import BOOKING, CONFIG, running

ORDER = BOOKING | {"to": "ana@example.org"}
READY = "/health/ready"
LIVE = "/health/live"


@pytest.fixture
async def run(tmp_path):
    """A gateway at work."""
    async with running(tmp_path) as run:
        yield run


async def scrape(run):
    """What the ops port tells Prometheus: the page, and its families by name."""
    run.base, main = run.local_base, run.base
    page = (await run.call("GET", "/metrics", headers={"Authorization": None})).raw.decode()
    run.base = main
    return page, {family.name: family for family in text_string_to_metric_families(page)}


async def test_a_gateway_at_work_is_live_and_ready(run):
    """Each part says ok, each provider too, and nobody needs a key to ask."""
    for path in (READY, "/communications/health"):
        told = await run.call("GET", path, headers={"Authorization": None})
        assert (told.status, told.json["status"]) == (200, "ready")
        assert set(told.json["checks"]) == {"store", "key", "migrations", "queue", "config", "clock", "draining"}
        assert told.json["providers"] == {"mail": "ok", "texts": "ok"}
    assert (await run.call("GET", LIVE, headers={"Authorization": None})).json == {"status": "ok"}


async def test_ready_is_asked_of_the_store_itself(tmp_path, monkeypatch):
    """It writes a row; one that cannot be written is not ready and says when to ask again; then it is ready again."""
    monkeypatch.setattr(health, "GOOD_FOR_SECONDS", 0.0)
    async with running(tmp_path, deliver=False) as run:
        run.gateway.health.started = True
        run.gateway.db.broken = "failed"
        told = await run.call("GET", READY)
        assert (told.status, told.json["checks"]["store"], told.headers["Retry-After"]) == (503, "failed", "5")
        assert (await run.call("GET", LIVE)).status == 200
        run.gateway.db.broken = None
        assert (await run.call("GET", READY)).status == 200


async def test_what_comes_between_the_doors_and_the_start_is_kept(tmp_path):
    """Not ready, and yet everything behind the doors is there: an order is on disk, and goes out once it has begun."""
    async with running(tmp_path, deliver=False) as run:
        told = await run.call("GET", READY)
        assert (told.status, told.json["checks"]["queue"], told.headers["Retry-After"]) == (503, "starting", "5")
        public = (await run.send(ORDER)).json["id"]
        assert (await run.message(public))["status"] == "queued"
        await run.gateway.start()
        await run.until(public, "sent")
        assert (await run.call("GET", READY)).status == 200
        await run.gateway.drain()


async def test_a_paused_provider_does_not_make_it_unready(run):
    """Messages can be taken and wait; the provider is named with the reason."""
    run.gateway.parts.routes.providers["mail"].failed("auth")
    told = await run.call("GET", READY)
    assert (told.status, told.json["providers"]) == (200, {"mail": "paused: auth", "texts": "ok"})
    assert (await run.send(ORDER)).status == 202


async def test_a_loop_that_hangs_is_not_live(run):
    """After ten seconds without a turn: 503 with Retry-After; just before it is fine, and so is the next turn."""
    turned = run.gateway.health
    turned._turned = time.monotonic() - health.STUCK_SECONDS + 1
    assert (await run.call("GET", LIVE)).status == 200
    turned._turned = time.monotonic() - health.STUCK_SECONDS
    stuck = await run.call("GET", LIVE)
    assert (stuck.status, stuck.json, stuck.headers["Retry-After"]) == (503, {"status": "stuck"}, "5")
    await asyncio.sleep(health.TICK * 1.5)
    assert (await run.call("GET", LIVE)).status == 200


async def test_a_clock_before_the_last_entry_is_noticed(tmp_path, clock):
    """More than five minutes behind the record: not ready, and named; four minutes are let pass."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        run.gateway.health.started = True
        await run.send(ORDER)
        at = clock.now()
        for back, status, word in ((240, 200, "ok"), (360, 503, "behind")):
            clock.set(at - back * 1000)
            told = await run.call("GET", READY)
            assert (told.status, told.json["checks"]["clock"]) == (status, word)


async def test_whoever_drains_takes_nothing_new(run):
    """Not ready, orders are told to come again; probes are still answered."""
    run.gateway.health.draining = True
    told = await run.call("GET", READY)
    assert (told.status, told.json["checks"]["draining"]) == (503, "yes")
    refused = await run.send(ORDER)
    assert (refused.status, refused.json["type"]) == (503, "urn:guest-gateway:problem:draining")
    assert refused.headers["Retry-After"]
    assert (await run.call("GET", LIVE)).status == 200
    run.gateway.health.draining = False
    assert (await run.send(ORDER)).status == 202


# -- what is counted -------------------------------------------------------------------------------------------------


async def test_the_page_keeps_to_the_customs_of_prometheus(run):
    """What its checker asks for: help and type of each, our prefix, base units, `_total` for counters alone."""
    await run.send(ORDER)
    page, families = await scrape(run)
    kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", page, re.MULTILINE))
    assert set(kinds) == set(re.findall(r"^# HELP (\S+) \S", page, re.MULTILINE))
    ours = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    assert all(name.startswith("gateway_") for name in ours)
    assert {name for name, kind in ours.items() if kind == "counter"} == {n for n in ours if n.endswith("_total")}
    assert not [name for name in ours if re.search(r"_(ms|millis\w*|minutes|kb|mb|percent)(_|$)", name)]
    assert len(families) > 12


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not here; Debian's package prometheus has it")
async def test_the_checker_of_prometheus_has_nothing_to_say(run):
    """The real one, on a page after traffic; a page that is wrong it does not let pass."""

    def checked(page):
        ran = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    sent = await run.send(ORDER)
    await run.until(sent.json["id"], "sent")
    await run.call("GET", "/nowhere")
    page, _ = await scrape(run)
    assert checked(page) == (0, "")
    assert checked(page.replace("gateway_messages_total", "gateway_messages"))[0] != 0


async def test_labels_come_from_closed_sets(run):
    """After traffic of every sort, made-up paths, methods and bodies included, no label has a word of it."""
    sent = await run.send(ORDER)
    await run.until(sent.json["id"], "sent")
    for method, path in (("GET", "/made-up"), ("BREW", LIVE), ("GET", f"/communications/messages/{sent.json['id']}"),
                         ("GET", "/u/made-up"), ("DELETE", LIVE)):  # fmt: skip
        await run.call(method, path)
    await run.send(ORDER | {"category": "made-up", "channel": "made-up"})
    page, families = await scrape(run)
    labels = {
        (family, name, value)
        for family in families
        for sample in families[family].samples
        for name, value in sample.labels.items()
    }
    doors = app.doors([*app.LOCAL, *app.OPS])
    closed = {
        "channel": set(CHANNELS),
        "state": set(get_args(State)),
        "route": {door.path for door in doors} | {"none"},
        "method": METHODS | {"other"},
    }
    for name, values in closed.items():
        assert {value for _, label, value in labels if label == name} <= values
    assert "made-up" not in page
    assert sent.json["id"] not in page
    assert ("gateway_http_requests", "route", "/communications/messages/send") in labels


async def test_the_outbox_gauge_falls_back_to_nothing(tmp_path):
    """A message that waits is counted; cancelled, it is not, and the gauge does not remember it."""
    async with running(tmp_path, CONFIG, deliver=False) as run:
        public = (await run.send(ORDER)).json["id"]
        waiting = {"channel": "email", "lease": "waiting"}
        _, families = await scrape(run)
        assert [s.value for s in families["gateway_outbox_messages"].samples if s.labels == waiting] == [1.0]
        await run.call("POST", f"/communications/messages/{public}/cancel")
        _, families = await scrape(run)
        assert sum(sample.value for sample in families["gateway_outbox_messages"].samples) == 0


def test_every_metric_says_what_it_counts():
    """In a sentence, for whoever meets it on a dashboard."""
    helps = [family.documentation for family in metrics.REGISTRY.collect()]
    assert [text for text in helps if len(text) < 10 or not text.endswith(".")] == []
