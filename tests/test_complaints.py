"""Complaints about what the house does with data: taken down, their receipt confirmed in time, answered, and kept."""

import re

import pytest

from gateway import ids
from tests.running import running

COMPLAINTS = "/communications/compliance/complaints"
UK = {"contacts": [{"kind": "email", "address": "amy@example.org"}], "country": "GB"}
SAID = {"words": "You wrote to my mycanary mother.", "received_via": "letter", "received_at": "2026-11-20T09:00:00Z"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver, with Amy from the United Kingdom in it."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        run.amy = (await run.call("POST", "/communications/guests", UK)).json["id"]
        yield run


async def act(run, one, what, body):
    return await run.call("POST", f"{COMPLAINTS}/{one['id']}/{what}", body)


async def counted(run):
    """The gauge, by clock."""
    shown = (await run.local("GET", "/metrics")).raw.decode()
    found = re.findall(r'^gateway_complaints{clock="(\w+)"} (.+)$', shown, re.MULTILINE)
    return {clock: float(many) for clock, many in found}


async def test_a_british_complaint_is_confirmed_within_thirty_days(run, clock):
    """The clock runs from its receipt (DSR-8); confirmed once, answered once; a Portuguese one has no clock."""
    made = await run.call("POST", COMPLAINTS, SAID | {"guest": {"guest_id": run.amy}})
    one = made.json
    assert (made.status, one["status"], one["jurisdiction"], one["rule"]) == (201, "open", "UK", "DSR-8")
    assert (one["due_date"], one["overdue"], one["guest_id"]) == ("2026-12-20", False, run.amy)
    other = (await run.call("POST", COMPLAINTS, SAID)).json
    assert (other["jurisdiction"], other["rule"], other["due_date"], other["guest_id"]) == ("EU", None, None, None)
    due = (await run.call("GET", f"{COMPLAINTS}?due_before=2026-12-25T00:00:00Z")).json["items"]
    assert [found["id"] for found in due] == [one["id"]]
    assert await counted(run) == {"running": 1.0, "none": 1.0}
    clock.forward(40 * 86_400)
    assert await counted(run) == {"overdue": 1.0, "none": 1.0}
    assert (await run.call("GET", f"{COMPLAINTS}/{one['id']}")).json["overdue"] is True
    early = await act(run, one, "acknowledge", {"at": "2026-11-01T00:00:00Z"})
    assert (early.status, early.json["errors"][0]["pointer"]) == (422, "/at")
    done = (await act(run, one, "acknowledge", {"at": "2026-12-01T00:00:00Z"})).json
    assert (done["status"], done["overdue"]) == ("acknowledged", False)
    assert (await act(run, one, "acknowledge", {})).status == 409
    assert await counted(run) == {"none": 1.0}
    closed = (await act(run, one, "close", {"answer": "We are sorry."})).json
    assert closed["status"] == "closed" and (await act(run, one, "close", {"answer": "x"})).status == 409
    assert [found["id"] for found in (await run.call("GET", f"{COMPLAINTS}?status=open")).json["items"]] == [
        other["id"]
    ]
    unknown = await run.call("POST", COMPLAINTS, SAID | {"jurisdiction": "QQ"})
    assert (unknown.status, unknown.json["errors"][0]["pointer"]) == (422, "/jurisdiction")


async def test_its_words_are_sealed_and_go_with_the_guest(run, clock):
    """They are read by whoever may, are in no file in clear, and gone once the guest is; the row goes three years after
    its end."""
    one = (await run.call("POST", COMPLAINTS, SAID | {"guest": {"guest_id": run.amy}})).json
    await act(run, one, "close", {"answer": "We are sorry."})
    read = (await run.call("GET", f"{COMPLAINTS}?include=content")).json["items"][0]
    assert read["content"] == {"words": SAID["words"], "answer": "We are sorry."}
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert b"mycanary" not in files and b'"action":"complaint.closed"' in files
    await run.gateway.erasure.erase(ids.parse("gst", run.amy), "usr_privacy")
    gone = (await run.call("GET", f"{COMPLAINTS}/{one['id']}?include=content")).json
    assert (gone["content"], gone["guest_id"]) == ({"words": None, "answer": None}, None)
    for days, left in ((3 * 365, 1), (10, 0)):
        clock.forward(days * 86_400)
        await run.gateway.parts.complaints.forget_old()
        assert len((await run.call("GET", COMPLAINTS)).json["items"]) == left
