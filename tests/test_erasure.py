"""A guest who is erased is nobody any more: not in the store, not in its log, not in an older copy of either."""

from pathlib import Path

import pytest

from gateway import ids
from tests.running import BOOKING, running

ROOT = Path(__file__).parent.parent
ANA = {"email": "ana@example.org", "phone": "+351912345678", "name": "Ana Pereira", "country": "PT"}
BEN = {"email": "ben@example.org", "name": "Ben Sousa", "country": "PT"}
LATER = {"deliver_at": "2099-01-01T00:00:00Z"}
STAFF = "usr_privacy"


@pytest.fixture
async def run(tmp_path):
    """An open gateway that does not deliver, with Ana and Ben in it, each with a message that waits."""
    async with running(tmp_path, deliver=False) as run:
        run.ana, run.ben = [await guest(run, who) for who in (ANA, BEN)]
        yield run


async def guest(run, who, **more):
    """Somebody with a message that waits; the public id."""
    sent = await run.send(BOOKING | LATER | {"to": who, "reference": "booking-4711", **more})
    return (await run.message(sent.json["id"]))["guest_id"]


async def erase(run, public, **more):
    await run.gateway.erasure.erase(ids.parse("gst", public), STAFF, **more)


def rows(run, sql, *values):
    return run.gateway.db.reader.execute(sql, values).fetchall()


async def test_an_erased_guest_is_nobody_and_the_others_stay(run):
    """No list, search or address finds him, his message is called off and has no words; the other guest is whole."""
    await erase(run, run.ana)
    assert (await run.call("GET", f"/communications/guests/{run.ana}")).status == 404
    assert (await run.call("POST", "/communications/guests/search", {"email": ANA["email"]})).json["items"] == []
    items = (await run.call("GET", "/communications/messages?include=content")).json["items"]
    his = {item["guest_id"]: item for item in items}
    assert (his[run.ana]["status"], his[run.ana]["content"], his[run.ana]["reference"]) == ("cancelled", None, None)
    assert his[run.ben]["status"] == "deferred"
    assert his[run.ben]["content"]["to"] == BEN["email"]
    assert (await run.call("GET", f"/communications/guests/{run.ben}")).status == 200
