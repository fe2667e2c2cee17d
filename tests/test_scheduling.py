"""When a message is to be delivered: at an instant, or at an hour of the guest's own day."""

import pytest

from tests.running import BOOKING, running

LISBON = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
TOKYO = {"email": "yuki@example.org", "country": "JP", "timezone": "Asia/Tokyo"}
NOWHERE = "nobody@example.org"


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver by itself; the venue is in Lisbon, and it is November 2026."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


@pytest.mark.parametrize(
    ("guest", "at", "zone", "due"),
    [
        (TOKYO, "2026-12-24T18:00:00+01:00", None, "2026-12-24T17:00:00Z"),
        (TOKYO, "2026-12-24T18:00", "guest", "2026-12-24T09:00:00Z"),
        (LISBON, "2026-12-24T18:00", "guest", "2026-12-24T18:00:00Z"),
        (NOWHERE, "2026-12-24T18:00", "guest", "2026-12-24T18:00:00Z"),
        (TOKYO, "2026-12-24T18:00", "America/New_York", "2026-12-24T23:00:00Z"),
        (LISBON, "2027-03-28T01:30", "guest", "2027-03-28T01:00:00Z"),  # an hour that does not exist that night
        (LISBON, "2027-10-31T01:30", "guest", "2027-10-31T00:30:00Z"),  # an hour that comes twice
        (LISBON, "2020-01-01T00:00", "guest", "2026-11-24T10:00:00Z"),  # long past: now
    ],
)
async def test_a_local_time_is_the_guests_own(run, guest, at, zone, due):
    """With a zone the time is on that clock; `guest` is his own, or the venue's where his is not known."""
    order = BOOKING | {"to": guest, "deliver_at": at} | ({"deliver_zone": zone} if zone else {})
    reply = await run.send(order)
    assert reply.status == 202, reply.json
    assert (await run.message(reply.json["id"]))["due_at"] == due


async def test_each_of_many_gets_it_at_his_own_hour(run):
    """One bulk order, six in the evening for everybody."""
    body = BOOKING | {
        "deliver_at": "2026-12-24T18:00",
        "deliver_zone": "guest",
        "recipients": [{"to": TOKYO}, {"to": LISBON}],
    }
    rehearsed = await run.call("POST", "/communications/messages/bulk", body | {"dry_run": True})
    assert {(wait["zone"], wait["until"]) for wait in rehearsed.json["waits"]} == {
        ("Asia/Tokyo", "2026-12-24T09:00:00Z"), ("Europe/Lisbon", "2026-12-24T18:00:00Z")}  # fmt: skip
    reply = await run.call("POST", "/communications/messages/bulk", body, headers={"Idempotency-Key": "k"})
    assert (reply.json["accepted"], reply.json["deferred"]) == (2, 2)
    page = (await run.call("GET", f"/communications/messages?batch={reply.json['id']}")).json["items"]
    assert {item["due_at"] for item in page} == {"2026-12-24T09:00:00Z", "2026-12-24T18:00:00Z"}
    assert {item["wait_reason"] for item in page} == {"schedule"}


@pytest.mark.parametrize(
    ("times", "pointer", "code"),
    [
        ({"deliver_at": "2026-12-24T18:00"}, "/deliver_at", "bad-time"),
        ({"deliver_at": "2026-12-24T18:00Z", "deliver_zone": "guest"}, "/deliver_at", "bad-time"),
        ({"deliver_zone": "guest"}, "/deliver_at", "bad-time"),
        ({"deliver_at": "2026-12-24", "deliver_zone": "guest"}, "/deliver_at", "bad-time"),
        ({"deliver_at": "2026-12-24T18:00", "deliver_zone": "Mars/Base"}, "/deliver_zone", "unknown-zone"),
        ({"expires_at": "tomorrow"}, "/expires_at", "bad-time"),
        ({"deliver_at": "2026-12-24T18:00Z", "expires_at": "2026-12-24T17:00Z"}, "/expires_at", "too-early"),
    ],
)
async def test_a_time_that_cannot_be_meant_is_named(run, times, pointer, code):
    """422 with the member and what would be right; the same order without it goes."""
    reply = await run.send(BOOKING | {"to": LISBON} | times)
    assert (reply.status, reply.json["errors"][0]["pointer"], reply.json["errors"][0]["code"]) == (422, pointer, code)
    good = {"deliver_at": "2026-12-24T18:00Z", "expires_at": "2026-12-24T19:00Z"}
    assert (await run.send(BOOKING | {"to": LISBON} | good)).status == 202
