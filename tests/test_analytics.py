"""Analytics: every count is what a recount of the messages' own stories gives, however it is asked for."""

import asyncio
import contextlib
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import analytics
from gateway.clock import parse_rfc3339, rfc3339
from gateway.config import load
from gateway.errors import Conflict
from gateway.store import events, messages, schema
from gateway.store import series as series_
from gateway.store.counters import day_of
from gateway.store.db import connect
from tests.running import BOOKING, CONFIG, NEWS, running
from tests.smtp_peer import Peer, receiving
from tests.test_bulk import finished, send

ANA = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon", "language": "pt-PT"}
BELA = {"email": "bela@example.com", "country": "US", "language": "EN"}
TEXT = {"channel": "sms", "subject": None, "to": {"phone": "+351912345678", "language": "fr"}}
SMTP = """
[providers.mail]
plugin = "smtp"
channel = "email"
host = "127.0.0.1"
port = {port}
tls = "none"
[delivery]
retry = ["1s"]
"""
OUTBOX = '[providers.mail]\nplugin = "outbox"\nchannel = "email"\n'
FOREVER = {"deliver_at": "2099-01-01T00:00:00Z"}
HOUR = 3_600_000


@pytest.fixture
async def run(tmp_path):
    """A gateway that accepts and delivers nothing, on a clock that runs."""
    async with running(tmp_path, deliver=False) as run:
        yield run


async def report(run, query=""):
    """An answer of the analytics."""
    reply = await run.call("GET", f"/communications/analytics?{query}")
    assert reply.status == 200, reply.json
    return reply.json


def some(counts):
    """The counts that are not 0."""
    return {word: count for word, count in counts.items() if count}


async def verified(run):
    """What the recount says."""
    return (await run.local("GET", "/local/analytics/verify")).json


async def retold(run, by):
    """The counts as the stories of all messages tell them, by a function of the message and its event."""
    listed = (await run.call("GET", "/communications/messages?limit=200")).json["items"]
    counts = {}
    for message in [await run.message(one["id"]) for one in listed]:
        for event in message["events"]:
            group = counts.setdefault(by(message, event), Counter())
            group[event["type"]] += 1
            if event["type"] == "accepted" and message["due_at"] != message["created_at"]:
                group["deferred"] += 1
            if message["events"][0]["type"] == "blocked":
                group["refused"] += 1
    return counts


async def messages_of_every_end(run):
    """Messages that are sent, tried again, fail, are refused, wait, are cancelled."""
    for change in ({"to": ANA}, {"to": BELA}, {"to": ANA, "category": "survey", "class": "informational"}, TEXT):
        public = (await run.send(BOOKING | change)).json["id"]
        await run.until(public, "sent", "failed")
    assert (await run.send(NEWS | {"to": ANA})).status == 422
    waiting = (await run.send(BOOKING | FOREVER | {"to": ANA})).json["id"]
    await run.send(BOOKING | FOREVER | {"to": BELA})
    assert (await run.call("POST", f"/communications/messages/{waiting}/cancel")).status == 200


@contextlib.asynccontextmanager
async def through_a_hard_day(folder):
    """A gateway through which messages of every end have gone: the peer puts one off and refuses another."""
    peer = Peer(faults={"TEXT": ["451 4.3.0 busy", None, "554 5.6.0 no", None]})
    async with receiving(peer):
        config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=peer.port)
        async with running(folder, config) as run:
            await messages_of_every_end(run)
            yield run


async def test_counts_are_what_the_stories_say(tmp_path):
    """Sent, put off, failed, refused, waiting, cancelled: by channel, by category, by provider and in all."""
    async with through_a_hard_day(tmp_path) as run:
        for name, by in {
            "channel": lambda message, event: message["channel"],
            "category": lambda message, event: message["category"],
            "provider": lambda message, event: event.get("provider"),
        }.items():
            told = {item[name]: some(item["counts"]) for item in (await report(run, f"group_by={name}"))["items"]}
            assert told == await retold(run, by)
        totals = (await report(run))["totals"]
        everything = (await retold(run, lambda message, event: "all"))["all"]
        assert some(totals["counts"]) == everything
        assert everything == {
            "accepted": 6, "refused": 1, "blocked": 1, "sent": 3, "failed": 1, "deferred": 3, "cancelled": 1,
        }  # fmt: skip
        assert totals["rates"] == {
            "blocked": 0.1429, "failed": 0.25, "delivered": 0.0, "bounced": 0.0, "complained": 0.0,
        }  # fmt: skip
        assert await verified(run) | {"rows": 0} == {"ok": True, "rows": 0, "wrong": 0, "differences": []}


async def test_every_way_to_ask_adds_up_to_the_same(tmp_path):
    """Whatever one or two things they are told apart by, the items add up to the totals, and these are the same."""
    async with through_a_hard_day(tmp_path) as run:
        whole = (await report(run))["totals"]["counts"]
        pairs = [f"{one},{two}" for one in analytics.GROUPS for two in analytics.GROUPS if one != two]
        for group_by in [*analytics.GROUPS, *(pair for pair in pairs if {*pair.split(",")} != {"hour", "day"})]:
            told = await report(run, f"group_by={group_by}")
            assert told["group_by"] == group_by.split(",")
            assert all({*told["group_by"]} <= item.keys() for item in told["items"])
            added = sum((Counter(item["counts"]) for item in told["items"]), Counter())
            assert added == Counter(some(whole)), group_by
            assert told["totals"]["counts"] == whole


async def test_a_batch_is_counted_like_messages_one_by_one(tmp_path):
    """Each recipient once, those who may not be written to as refused, and the recount agrees."""
    async with running(tmp_path) as run:
        await run.yes({"email": "guest0@example.org"})
        before = (await report(run))["totals"]["counts"]
        everybody = [{"to": f"guest{number}@example.org"} for number in range(3)]
        reply = await send(run, everybody, NEWS)
        assert (reply.json["accepted"], reply.json["blocked"]) == (1, 2)
        await finished(run, reply.json["id"])
        counts = Counter((await report(run))["totals"]["counts"])
        counts.subtract(before)
        assert some(counts) == {"accepted": 1, "sent": 1, "blocked": 2, "refused": 2}
        assert (await verified(run))["ok"]


async def test_languages_and_jurisdictions_are_those_of_the_acceptance(run):
    """The main language, the venue's where nothing is known; several laws as one group; what a guest's record says
    later changes nothing."""
    for to in (ANA, BELA, "carl@example.org", BELA | {"country": "CA"}):
        await run.send(BOOKING | FOREVER | {"to": to})
    told = await report(run, "group_by=language,jurisdiction")
    assert {(item["language"], item["jurisdiction"]): item["counts"]["accepted"] for item in told["items"]} == {
        ("pt", "EU"): 1, ("en", "US/EU"): 1, ("en", "XX/EU"): 1, ("en", "US/CA/EU"): 1,
    }  # fmt: skip
    await run.gateway.db.write(lambda tx, items: [tx.execute("UPDATE guests SET language = 'it'")] and [None])
    assert (await verified(run))["ok"]
    only = await report(run, "group_by=channel&language=en&jurisdiction=US/EU")
    assert [item["counts"]["accepted"] for item in only["items"]] == [1]
    assert (await report(run, "channel=sms"))["items"] == []


async def test_the_time_to_delivery_is_told_to_five_percent(tmp_path, clock):
    """From when a message was due until it was taken, not from when it was asked for."""
    due = clock.now() + 60_000
    async with running(tmp_path, clock=clock) as run:
        public = (await run.send(BOOKING | {"to": ANA, "deliver_at": rfc3339(due)})).json["id"]
        clock.forward(60 + 2.5)
        run.gateway.parts.delivery.wake("email", 0)
        await run.until(public, "sent")
        (item,) = (await report(run, "group_by=provider&provider=mail"))["items"]
    assert item["time_to_delivery"] == {"p50": 2544, "p90": 2544, "p99": 2544}
    assert 2500 <= 2544 <= 2500 * 1.05
    assert item["time_to_receipt"] is None


ZONES = ["UTC", "Europe/Lisbon", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland"]


@pytest.mark.parametrize("home", ["Europe/Lisbon", "Asia/Kolkata"])
async def test_days_are_the_days_of_a_zone(tmp_path, clock, home):
    """Across the end of summer time, for the venue's zone and any other: each message is in the day on which its hour
    begins there, in each cut of time."""
    start, times = parse_rfc3339("2026-10-23T00:30:00Z"), []
    clock.set(start)
    async with running(tmp_path, CONFIG.replace("Europe/Lisbon", home), clock=clock, deliver=False) as run:
        for _ in range(24):
            await run.send(BOOKING | FOREVER | {"to": ANA})
            times.append(clock.now())
            clock.forward(3600 * 5)
        for zone in ZONES:
            for first, last in ((start, clock.now()), (times[3], times[17]), (times[5], times[6])):
                window = f"from={rfc3339(first)}&to={rfc3339(last)}&timezone={zone}"
                inside = [hour for at in times if first // HOUR <= (hour := at // HOUR) < -(-last // HOUR)]
                days = Counter(date.fromordinal(day_of(hour, zone)).isoformat() for hour in inside)
                told = await report(run, f"group_by=day&{window}")
                assert {item["day"]: item["counts"]["accepted"] for item in told["items"]} == days
                assert told["totals"]["counts"]["accepted"] == len(inside)
                assert (await report(run, f"group_by=channel&{window}"))["totals"] == told["totals"]
            hours = await report(run, f"group_by=hour&{window}")
            assert [item["hour"] for item in hours["items"]] == [rfc3339(hour * HOUR) for hour in inside]
        assert (await verified(run))["ok"]


async def test_days_are_counted_anew_when_the_venue_moves(tmp_path, clock):
    """Another time zone in config.toml: from the reload on, days are its days, and the recount agrees."""
    clock.set(parse_rfc3339("2026-11-23T23:30:00Z"))
    async with running(tmp_path, clock=clock) as run:
        await run.send(BOOKING | FOREVER | {"to": ANA})
        assert [item["day"] for item in (await report(run))["items"]] == ["2026-11-23"]
        file = tmp_path / "config.toml"
        file.write_text(CONFIG.replace("Europe/Lisbon", "Asia/Tokyo"))
        assert await run.gateway.reload(load(file, {})) == []
        told = await report(run)
        assert (told["timezone"], [item["day"] for item in told["items"]]) == ("Asia/Tokyo", ["2026-11-24"])
        assert [told["from"], told["to"]] == ["2026-10-25T15:00:00Z", "2026-11-24T15:00:00Z"]
        assert await verified(run) == {"ok": True, "rows": 2, "wrong": 0, "differences": []}


@given(st.integers(480_000, 500_000), st.integers(1, 2000), st.sampled_from(ZONES))
def test_days_and_hours_cover_exactly_what_is_asked(first, length, zone):
    """Whole days and the hours at both ends are every hour once, and no more rows than that takes."""
    asked = analytics.Question(first, first + length, zone, ("channel",), {})
    hours = []
    for grain, start, end in analytics.stretches(asked, zone):
        ends = (analytics.midnight(day, zone) for day in (start, end)) if grain == "day" else (start, end)
        hours += range(*ends)
    assert hours == list(range(first, first + length))
    assert sum(end - start for grain, start, end in analytics.stretches(asked, zone)) <= length // 23 + 48
    assert analytics.stretches(asked, "somewhere else") == [("hour", first, first + length)]


@pytest.mark.parametrize(
    ("query", "where", "code"),
    [
        ("group_by=colour", "?group_by", "invalid"),
        ("group_by=", "?group_by", "invalid"),
        ("group_by=day,hour", "?group_by", "invalid"),
        ("group_by=day,day", "?group_by", "invalid"),
        ("group_by=day,channel,category", "?group_by", "invalid"),
        ("from=yesterday", "?from", "bad-time"),
        ("to=2026-11-24T08:00:00", "?to", "bad-time"),
        ("from=0001-01-01T00:00:00Z", "?from", "bad-time"),
        ("to=9999-12-31T23:59:59Z", "?to", "bad-time"),
        ("from=2026-11-24T08:00:00Z&to=2026-11-24T08:00:00Z", "?from", "invalid"),
        ("from=2024-11-24T08:00:00Z&to=2026-11-24T08:00:00Z", "?from", "too-long"),
        ("timezone=Lisbon", "?timezone", "unknown-zone"),
        ("channel=pigeon", "?channel", "invalid"),
        ("class=gossip", "?class", "invalid"),
        ("colour=red", "?colour", "unknown-field"),
    ],
)
async def test_a_parameter_that_cannot_be_used_is_named(run, query, where, code):
    """Which one, and what would be right; beside it, one that is right is taken."""
    reply = await run.call("GET", f"/communications/analytics?{query}")
    assert (reply.status, [(one["pointer"], one["code"]) for one in reply.json["errors"]]) == (422, [(where, code)])
    await report(run, "group_by=day,channel&from=2026-10-24T08:00:00Z&to=2026-11-24T08:00:00Z&timezone=UTC")


async def test_all_faults_are_named_at_once_and_reading_needs_its_scope(run):
    """Two wrong parameters, two errors; a key without `read` learns nothing."""
    reply = await run.call("GET", "/communications/analytics?from=x&timezone=y")
    assert {one["pointer"] for one in reply.json["errors"]} == {"?from", "?timezone"}
    run.key = await run.draw("send")
    assert (await run.call("GET", "/communications/analytics")).status == 403


async def test_more_groups_than_anybody_reads_are_refused(run, monkeypatch):
    """The answer says what to do instead; as many as are allowed are told."""
    for category in ("a", "b", "c"):
        await run.send(BOOKING | FOREVER | {"to": ANA, "category": category})
    monkeypatch.setattr(analytics, "MOST_GROUPS", 2)
    reply = await run.call("GET", "/communications/analytics?group_by=category")
    assert (reply.status, reply.json["errors"][0]["code"]) == (422, "too-many")
    monkeypatch.setattr(analytics, "MOST_GROUPS", 3)
    assert len((await report(run, "group_by=category"))["items"]) == 3


async def test_categories_without_end_are_counted_together(run, monkeypatch):
    """Once there are as many series as there may be, what is new is `other`; nothing is lost, the recount agrees."""
    monkeypatch.setattr(series_, "MOST", 2)
    for category in ("a", "b", "c", "d", "a"):
        await run.send(BOOKING | FOREVER | {"to": ANA, "category": category})
    told = await report(run, "group_by=category")
    assert {item["category"]: item["counts"]["accepted"] for item in told["items"]} == {"a": 2, "b": 1, "other": 2}
    assert (await verified(run))["ok"]


async def test_what_is_rolled_back_is_not_counted(run):
    """An event whose transaction does not come about leaves no count; its neighbours in the same group do."""
    public = [(await run.send(BOOKING | FOREVER | {"to": ANA})).json["id"] for _ in range(3)]
    first, bad, last = (run.gateway.parts.stories.find(one).id for one in public)

    def work(tx, items):
        messages.settle(tx, [("cancelled", None, None, tx.now, one) for one in items])
        events.append(tx, [events.Event(one, "cancelled", tx.now) for one in items])
        if bad in items:
            raise Conflict()
        return items

    db = run.gateway.db
    results = await asyncio.gather(*[db.write(work, one) for one in (first, bad, last)], return_exceptions=True)
    assert [type(result) for result in results] == [int, Conflict, int]
    assert some((await report(run))["totals"]["counts"]) == {"accepted": 3, "deferred": 3, "cancelled": 2}
    assert (await verified(run))["ok"]


async def test_a_counter_that_is_wrong_is_found(run):
    """One that was tampered with, and one that is gone: both are named, with what was counted and what it should be."""
    await run.send(BOOKING | FOREVER | {"to": ANA})
    assert (await verified(run))["ok"]

    def tamper(tx, items):
        tx.execute("UPDATE counters SET counts = plus(counts, counts) WHERE grain = 'day'")
        tx.execute("DELETE FROM counters WHERE grain = 'hour'")
        return items

    await run.gateway.db.write(tamper)
    found = await verified(run)
    assert (found["ok"], found["wrong"]) == (False, 2)
    hour, day = found["differences"]
    assert (hour["counted"], hour["recounted"]["accepted"]) == ({}, 1)
    assert (day["counted"]["accepted"], day["recounted"]["accepted"], day["durations"]) == (2, 1, "the same")
    assert (day["series"]["category"], day["series"]["language"], day["provider"]) == ("booking", "pt", None)


async def test_a_store_from_before_is_counted_when_it_is_opened(tmp_path):
    """Messages that were there before the counters have their series and their counts after the first start."""
    async with through_a_hard_day(tmp_path) as run:
        await run.send(BOOKING | FOREVER | {"to": "carl@example.org"})
        path = run.gateway.data.database
        before = await report(run, "group_by=category,provider")
        laws = (await report(run, "group_by=jurisdiction"))["items"]
    as_before_the_counters(path)
    async with running(tmp_path, deliver=False) as run:
        assert await report(run, "group_by=category,provider") | {"to": 0} == before | {"to": 0}
        assert (await report(run, "group_by=jurisdiction"))["items"] == laws
        languages = {
            item["language"]: item["counts"]["accepted"] for item in (await report(run, "group_by=language"))["items"]
        }
        assert languages == {"pt": 3, "en": 2, "fr": 1, "und": 1}
        assert (await verified(run))["ok"]
        await run.send(BOOKING | FOREVER | {"to": ANA})
        assert (await verified(run))["ok"]


def as_before_the_counters(path):
    """Take the step back."""
    connection = connect(path)
    for table in ("counters", "series"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("ALTER TABLE messages DROP COLUMN series")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0005_counters'")
    connection.execute("DELETE FROM meta WHERE name = 'zone'")
    connection.execute(f"PRAGMA user_version = {schema.VERSION - 1}")
    connection.close()
