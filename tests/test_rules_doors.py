"""What the rulebook tells over HTTP besides its judgement: answers, deadlines, segments."""

import pytest

from tests.running import running

LAW = "/communications/compliance"
STOP = {"channel": "sms", "text": "Stop!", "country": "US", "now": "2026-11-24T18:00:00+00:00"}
ACCESS = {"jurisdiction": "EU", "what": "access", "received_at": "2026-11-24T09:30:00Z", "timezone": "Europe/Lisbon"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def test_the_pure_questions_have_doors(run):
    """They answer in the shapes of the API, to whoever has the scope, and say what is wrong with a question."""
    heard = await run.call("POST", f"{LAW}/inbound", STOP | {"policy": {"confirmation_seconds": 60}})
    assert heard.json == {
        "action": "opt_out",
        "reasons": ["CORE-OPT-1"],
        "suppression": {
            "scope": "channel",
            "channels": ["sms"],
            "classes": ["marketing", "informational", "transactional"],
            "source": "inbound_keyword",
        },
        "confirmation_until": "2026-11-24T18:01:00Z",
    }
    nothing = await run.call("POST", f"{LAW}/inbound", STOP | {"text": "See you", "open_booking": None})
    assert nothing.json == {"action": "none", "reasons": [], "suppression": None, "confirmation_until": None}
    day = await run.call("POST", f"{LAW}/deadline", ACCESS | {"country": "PT", "pauses": None})
    assert day.json == {"due_date": "2026-12-24", "reasons": ["DSR-1"]}
    hour = await run.call("POST", f"{LAW}/deadline", ACCESS | {"what": "breach"})
    assert hour.json == {"due_at": "2026-11-27T09:30:00Z", "reasons": ["BRE-2"]}
    parts = await run.call("POST", f"{LAW}/segments", {"text": "a" * 161})
    assert parts.json == {"encoding": "GSM-7", "units": 161, "segments": 2}
    wrong = await run.call("POST", f"{LAW}/deadline", ACCESS | {"what": "revoke", "timezone": "Europe/Nowhere"})
    assert wrong.status == 422
    assert [fault["pointer"] for fault in wrong.json["errors"]] == ["/timezone", "/what"]
    assert (await run.call("POST", f"{LAW}/deadline", ACCESS | {"what": "party"})).status == 422
    reader = await run.draw("read")
    for door, body in (("inbound", STOP), ("deadline", ACCESS), ("segments", {"text": ""})):
        reply = await run.call("POST", f"{LAW}/{door}", body, headers={"Authorization": f"Bearer {reader}"})
        assert reply.status == 403
