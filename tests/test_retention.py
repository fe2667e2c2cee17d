"""What is about guests goes when its time is over, and stays where the law wants it kept."""

import asyncio
import subprocess
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway import clock as calendar
from gateway import ids
from gateway.config import ConfigFaults, explain, load
from gateway.errors import Conflict
from tests.faults.loop import PROGRAM
from tests.running import BOOKING, CONFIG, NEWS, YES, running

CLOCKS = "/communications/compliance/retention"
RUN = f"{CLOCKS}/run"
REQUESTS = "/communications/compliance/data-request"
SETTINGS = CONFIG + '[retention.categories.wedding]\nbodies = "3 months"\n'
ANA = {"email": "ana@example.org", "country": "PT"}
BEN = {"email": "ben@example.org", "country": "PT"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway on 24 November 2026, which delivers, and keeps texts about weddings for three months."""
    async with running(tmp_path, SETTINGS, clock) as run:
        yield run


async def sent(run, **order):
    """A message that has left; its id."""
    public = (await run.send(BOOKING | {"to": ANA} | order)).json["id"]
    run.gateway.parts.delivery.wake("email", 0)  # whose alarm is set for a time long past
    await run.until(public, "sent")
    return public


def go_to(clock, day, hour=10):
    """Let it be that day."""
    clock.set(int(datetime.fromisoformat(f"{day}T{hour:02}:00:00+00:00").timestamp() * 1000))


async def age(run, **order):
    """A run of today; how many of what went."""
    reply = await run.call("POST", RUN, order)
    assert reply.status == 200, reply.raw
    return {what: count for what, count in reply.json["runs"][0]["went"].items() if count}


async def due(run):
    """What would go, and what of it is held, by what it is and its category."""
    clocks = (await run.call("GET", CLOCKS)).json["clocks"]
    return {(one["what"], one["category"]): (one["due"], one["held"]) for one in clocks if one["due"]}


async def guest_of(run, public):
    return (await run.message(public))["guest_id"]


# -- texts -----------------------------------------------------------------------------------------------------------


async def test_a_text_goes_twelve_months_after_the_event_and_the_message_says_so(run, clock):
    """On the day, not before; what is left says when and why, times and states remain, and it cannot be sent again."""
    public = await sent(run, event_date="2027-05-01", metadata={"table": "7"})
    go_to(clock, "2028-04-30")
    assert "bodies" not in await age(run)
    before = await run.message(public, "?include=content")
    assert (before["content"]["metadata"], before["content_gone"], before["event_date"]) == (
        {"table": "7"}, None, "2027-05-01",
    )  # fmt: skip
    go_to(clock, "2028-05-01", 0)
    assert (await age(run))["bodies"] == 1
    after = await run.message(public, "?include=content")
    assert after["content"] is None
    assert after["content_gone"] == {"at": "2028-05-01T00:00:00Z", "why": "retention", "after": "12 months"}
    assert (after["status"], after["compliance"]) == ("sent", before["compliance"])
    assert (await run.call("POST", f"/communications/messages/{public}/retry")).status == 409


async def test_without_an_event_it_counts_from_the_day_it_was_accepted_and_a_category_has_its_own(run, clock):
    """Each category by its own period: three months for weddings, twelve for all else."""
    usual, wedding = await sent(run), await sent(run, category="wedding")
    go_to(clock, "2027-02-24")
    assert await due(run) == {("bodies", "wedding"): (1, 0)}
    assert await age(run) == {"bodies": 1}
    assert (await run.message(wedding))["content_gone"]["after"] == "3 months"
    go_to(clock, "2027-11-23")
    assert await age(run) == {}
    go_to(clock, "2027-11-24")
    assert (await age(run))["bodies"] == 1
    assert (await run.message(usual))["content_gone"]["after"] == "12 months"


async def test_a_message_that_still_waits_keeps_its_text(run, clock):
    """However old it is: it goes out with its words, and then they age."""
    order = BOOKING | {"to": ANA, "deliver_at": "2028-06-01T08:00:00Z", "event_date": "2026-11-24"}
    public = (await run.send(order)).json["id"]
    go_to(clock, "2028-05-31")
    assert await age(run) == {}
    go_to(clock, "2028-06-01")
    run.gateway.parts.delivery.wake("email", 0)
    await run.until(public, "sent")
    assert (await age(run))["bodies"] == 1


async def test_what_a_batch_shares_goes_with_the_last_of_its_messages(run, clock):
    """The common words are under the venue's key: they stay while one message needs them, and then nobody sends it
    again."""
    order = {name: BOOKING[name] for name in ("channel", "class", "category", "subject", "text")}
    recipients = [{"to": "ana@example.org"}, {"to": "ben@example.org"}]
    body = order | {"recipients": recipients, "event_date": "2026-12-24"}
    made = await run.call("POST", "/communications/messages/bulk", body, headers={"Idempotency-Key": "one"})
    batch = f"/communications/batches/{made.json['id']}"
    items = (await run.call("GET", f"/communications/messages?batch={made.json['id']}")).json["items"]
    for item in items:
        await run.until(item["id"], "sent")
    assert {item["event_date"] for item in items} == {"2026-12-24"}
    hold = f"/communications/guests/{items[0]['guest_id']}/hold"
    assert (await run.call("POST", hold, {"reason": "claim"})).status == 201
    go_to(clock, "2027-12-24")

    def shared():
        return run.gateway.db.reader.execute("SELECT length(content_sealed) > 0 FROM batches").fetchall()

    assert (await age(run))["bodies"] == 1
    assert shared() == [(1,)]
    kept = await run.message(items[0]["id"], "?include=content")
    assert kept["content"]["text"] == BOOKING["text"]
    assert (await run.call("DELETE", hold)).status == 204
    assert (await age(run))["bodies"] == 1
    assert shared() == [(0,)]
    assert (await run.call("POST", f"{batch}/resend")).status == 409


async def test_nothing_of_a_held_or_restricted_guest_goes(run, clock):
    """A legal hold, and the guest's own wish that it be kept, are both counted and both keep it; the others age."""
    people = {name: await sent(run, to={"email": f"{name}@example.org"}) for name in ("held", "restricted", "free")}
    guests = {name: await guest_of(run, public) for name, public in people.items()}
    hold = f"/communications/guests/{guests['held']}/hold"
    assert (await run.call("POST", hold, {"reason": "claim"})).status == 201
    uuid = ids.parse("gst", guests["restricted"])
    await run.gateway.db.do(lambda tx: tx.execute("UPDATE guests SET status = 'restricted' WHERE uuid = ?", (uuid,)))
    go_to(clock, "2030-01-01")
    everything = (("bodies", "booking"), ("events", None), ("inactive_guests", None))
    assert await due(run) == dict.fromkeys(everything, (3, 2))
    await age(run)
    left = {name: await run.message(public, "?include=content") for name, public in people.items()}
    assert {name for name, message in left.items() if message["content"]} == {"held", "restricted"}
    assert {name for name, message in left.items() if message["events"]} == {"held", "restricted"}
    assert (await run.call("GET", f"/communications/guests/{guests['free']}")).status == 404
    assert (await run.call("DELETE", hold)).status == 204
    await age(run)
    assert (await run.call("GET", f"/communications/guests/{guests['held']}")).status == 404
    assert (await run.call("GET", f"/communications/guests/{guests['restricted']}")).status == 200


# -- events, consents, guests ----------------------------------------------------------------------------------------


async def test_what_happened_on_the_way_goes_and_stays_counted(run, clock):
    """After thirteen months the story is gone, the state remains; what was counted is still what verification says,
    and a counter that was tampered with afterwards is still found."""
    public = await sent(run)
    go_to(clock, "2027-12-23")
    assert len((await run.message(public))["events"]) == 2
    await age(run)
    later = await sent(run)
    go_to(clock, "2027-12-24")
    assert (await age(run))["events"] == 1
    message = await run.message(public)
    assert (message["status"], message["events"], message["attempts"]) == ("sent", [], [])
    assert len((await run.message(later))["events"]) == 2
    query = "/communications/analytics?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z"
    assert (await run.call("GET", query)).json["totals"]["counts"]["sent"] == 1
    assert (await run.local("GET", "/local/analytics/verify")).json["ok"]
    (newest,) = run.gateway.db.reader.execute("SELECT max(id) FROM events").fetchone()
    await run.gateway.db.do(lambda tx: tx.execute("DELETE FROM events WHERE id = ?", (newest,)))
    assert (await run.local("GET", "/local/analytics/verify")).json["wrong"] == 2
    await run.gateway.db.do(lambda tx: tx.execute("DELETE FROM events"))


SIGNS = {
    "offers": lambda run, who: run.send(NEWS | {"to": who}),
    "booking": lambda run, who: run.send(BOOKING | {"to": who}),
    "stop": lambda run, who: run.call("POST", "/communications/compliance/unsubscribe", {"guest": who}),
    "yes": lambda run, who: run.call("POST", "/communications/compliance/consent", {"guest": who} | YES),
    "nothing": lambda run, who: asyncio.sleep(0),
}


async def test_a_guest_nobody_has_heard_of_for_three_years_is_erased(run, clock):
    """What the guest does counts, and a message that he caused; offers that he gets do not. A stay that is to come
    keeps him too. What he had asked about his data ends with him. Whoever comes back on a list may get offers again:
    he has not said no."""
    who = {name: {"email": f"{name}@example.org", "country": "US"} for name in (*SIGNS, "wedding")}
    found = {name: await guest_of(run, await sent(run, to=one)) for name, one in who.items()}
    await sent(run, to=who["wedding"], event_date="2028-06-12")
    await run.call("POST", "/communications/compliance/consent", {"guest": who["offers"]} | YES)
    asked = {"guest": who["nothing"]["email"], "kind": "access", "received_via": "letter"}
    request = (await run.call("POST", REQUESTS, asked)).json["id"]
    go_to(clock, "2027-11-25")
    for name, sign in SIGNS.items():
        reply = await sign(run, who[name])
        assert reply is None or reply.status in (200, 201, 202), reply.raw
        if reply is not None and reply.status == 202:
            run.gateway.parts.delivery.wake("email", 0)
            await run.until(reply.json["id"], "sent")
    go_to(clock, "2029-11-24")
    went = await age(run)
    assert went["inactive_guests"] == 2
    left = {name for name, one in found.items() if await there(run, one)}
    assert left == {"booking", "stop", "yes", "wedding"}
    ended = (await run.call("GET", f"{REQUESTS}/{request}")).json
    assert (ended["status"], ended["events"][-1]["reason"]) == ("cancelled", "erased")
    go_to(clock, "2030-11-25")
    await age(run)
    assert {name for name, one in found.items() if await there(run, one)} == {"wedding"}
    again = await run.send(NEWS | {"to": who["nothing"]})
    assert "CORE-SUP-1" not in again.json["compliance"]["reasons"]


async def there(run, guest):
    return (await run.call("GET", f"/communications/guests/{guest}")).status == 200


async def test_consents_outlive_the_guest_by_six_years(run, clock):
    """Without who he was, and then they go; those of a guest who is there stay however old they are."""
    for who in (ANA, BEN):
        await sent(run, to=who)
        await run.call("POST", "/communications/compliance/consent", {"guest": who} | YES)
    found = await run.call("POST", "/communications/guests/search", {"email": ANA["email"]})
    ana = found.json["items"][0]["id"]
    await run.gateway.erasure.erase(ids.parse("gst", ana), "usr_privacy")
    hold = f"/communications/guests/{await guest_of(run, await sent(run, to=BEN))}/hold"
    assert (await run.call("POST", hold, {"reason": "claim"})).status == 201
    counts = {}
    for day in ("2032-11-23", "2032-11-24"):
        go_to(clock, day)
        await age(run)
        counts[day] = run.gateway.db.reader.execute("SELECT count(*) FROM consents").fetchone()[0]
        await asyncio.sleep(0)
    assert counts == {"2032-11-23": 2, "2032-11-24": 1}


# -- runs ------------------------------------------------------------------------------------------------------------


async def test_a_rehearsal_changes_nothing_and_says_the_same(run, clock):
    """What it says would go is what goes; only a run is noted, and stands in the record."""
    public = await sent(run)
    go_to(clock, "2027-11-24")
    rehearsed = await run.call("POST", RUN, {"dry_run": True})
    assert rehearsed.json == (await run.call("GET", CLOCKS)).json
    assert rehearsed.json["runs"] == []
    assert [(one["what"], one["due"]) for one in rehearsed.json["clocks"] if one["due"]] == [("bodies", 1)]
    assert (await run.message(public, "?include=content"))["content"]
    assert await age(run) == {"bodies": 1}
    entries = [entry for (entry,) in run.gateway.db.reader.execute("SELECT entry FROM audit")]
    told = [entry for entry in entries if b'"messages.text_aged"' in entry or b'"retention.ran"' in entry]
    assert len(told) == 2


async def test_it_runs_by_itself_once_a_day(run, clock):
    """The first look of a day lets things go, the next does nothing; on the next day it is its turn again."""
    await sent(run)
    retention = run.gateway.parts.retention
    go_to(clock, "2027-11-24", 3)
    await retention.tidy()
    clock.forward(3600)
    await retention.tidy()
    assert [one["by"] for one in (await run.call("GET", CLOCKS)).json["runs"]] == ["gateway"]
    go_to(clock, "2027-11-25", 0)
    await retention.tidy()
    runs = (await run.call("GET", CLOCKS)).json["runs"]
    assert [(one["at"][:10], one["went"]["bodies"] if one["went"].get("bodies") else 0) for one in runs] == [
        ("2027-11-25", 0),
        ("2027-11-24", 1),
    ]


async def test_many_go_slice_by_slice_while_others_are_written_to(run, clock):
    """A thousand texts at once: more than a slice holds, all of them go, and a message that comes meanwhile is taken.
    A second run is turned away until the first is over."""
    order = {name: BOOKING[name] for name in ("channel", "class", "category", "subject", "text")}
    recipients = [{"to": f"guest{number}@example.org"} for number in range(1000)]
    made = await run.call("POST", "/communications/messages/bulk", order | {"recipients": recipients},
                          headers={"Idempotency-Key": "one"})  # fmt: skip
    batch = f"/communications/batches/{made.json['id']}"
    for _ in range(1000):
        if (await run.call("GET", batch)).json["status"] == "finished":
            break
        await asyncio.sleep(0.05)
    go_to(clock, "2027-11-24")
    retention = run.gateway.parts.retention
    first = asyncio.create_task(retention.run("usr_privacy"))
    await asyncio.sleep(0)
    with pytest.raises(Conflict):
        await retention.run("usr_other")
    during = await sent(run)
    report = await first
    assert report.runs[0].went["bodies"] == 1000
    assert (await run.message(during, "?include=content"))["content"]
    assert run.gateway.db.reader.execute("SELECT count(content_sealed) FROM messages").fetchone() == (1,)


def test_the_command_reports_and_runs(tmp_path, clock):
    """`gateway retention`: what would go as a table and as JSON, then what went."""
    now = datetime.now(UTC)

    async def live():
        long_ago = now - timedelta(days=400)
        go_to(clock, long_ago.date().isoformat())
        async with running(tmp_path, clock=clock) as run:
            await sent(run)

    asyncio.run(live())
    command = [*PROGRAM, "retention"]
    where = ["--data", str(tmp_path / "data"), "--config", str(tmp_path / "config.toml")]

    def gateway(*arguments):
        return subprocess.run([*command, *arguments, *where], capture_output=True, text=True, check=True).stdout

    rehearsed = gateway("run", "--dry-run")
    assert [line.split() for line in rehearsed.splitlines() if line.startswith("bodies")] == [
        ["bodies", "booking", "12", "months", "1", "0"]
    ]
    assert gateway("run").rstrip().endswith("1 bodies, 1 events went")
    told = gateway("report", "--json")
    assert '"went":{"inactive_guests":0,"bodies":1,"replies":0,"events":1,"consents":0}' in told


# -- periods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begins", "period", "ends"),
    [
        ("2026-05-01", "12 months", "2027-05-01"),
        ("2024-02-29", "1 year", "2025-02-28"),
        ("2026-01-31", "1 month", "2026-02-28"),
        ("2026-12-31", "2 months", "2027-02-28"),
        ("2026-11-24", "90 days", "2027-02-22"),
        ("2026-11-24", "never", None),
        ("2026-11-24", "9999 years", None),
    ],
)
def test_a_period_ends_on_the_same_day_of_the_month(begins, period, ends):
    """Or on the last one the month has; what began that day has aged from then on, and what began a day later has
    not."""
    begun, end = date.fromisoformat(begins), ends and date.fromisoformat(ends)
    assert calendar.after(begun, period) == end
    if end is not None:
        on_the_day, day_before = calendar.day(end), calendar.day(end - timedelta(days=1))
        assert calendar.aged_before(period, on_the_day) > calendar.day(begun)
        assert calendar.aged_before(period, day_before) <= calendar.day(begun)


def test_periods_are_written_in_words(tmp_path):
    """What is no period, proof that is kept too short, and a category that is none are named with their lines; what is
    right is read in one spelling."""
    good = tmp_path / "good.toml"
    good.write_text(
        '[retention]\nbodies = "01 year"\nconsents = "never"\n[retention.categories."a.b"]\nbodies = "1 days"'
    )
    read = load(good, {}).retention
    assert (read.bodies, read.consents, read.categories["a.b"].bodies) == ("1 year", "never", "1 day")
    assert read.events == "13 months"
    bad = tmp_path / "bad.toml"
    bad.write_text('[retention]\nbodies = "1y"\n[retention.categories.Wedding]\nbodies = "0 days"\n')
    with pytest.raises(ConfigFaults) as faults:
        load(bad, {})
    assert [(fault.line, fault.code) for fault in faults.value.found] == [(2, "wrong-value"), (3, "wrong-value"),
                                                                          (4, "wrong-value")]  # fmt: skip
    for short in ("59 months", "4 years", "1000 days"):
        bad.write_text(f'[retention]\nconsents = "{short}"\n')
        with pytest.raises(ConfigFaults, match='at least "5 years"'):
            load(bad, {})
    assert "how long the text" in explain("retention.categories.wedding.bodies").lower()
