"""What the manual shows is what happens: its bodies are taken, its answers have the members that come back."""

import json
import re
from pathlib import Path

import pytest

from tests.people import added
from tests.running import BOOKING, running

MANUAL = Path(__file__).parent.parent / "docs/api/endpoints.md"
KEY = {"Idempotency-Key": "one"}
SHOWN = {
    "POST /communications/messages/send": 202,
    "POST /communications/messages/bulk": 202,
    "POST /communications/templates": 201,
    "POST /communications/compliance/check": 200,
    "POST /communications/compliance/inbound": 200,
    "POST /communications/compliance/deadline": 200,
    "POST /communications/compliance/segments": 200,
    "POST /communications/compliance/consent": 201,
    "POST /communications/compliance/unsubscribe": 200,
    "POST /communications/compliance/wordings": 201,
    "POST /communications/auth/token": 200,
    "POST /communications/api-keys": 201,
    "POST /communications/users": 201,
    "POST /communications/guests": 201,
    "POST /communications/guests/search": 200,
    "POST /communications/suppressions": 201,
}
PREVIEW = "POST /communications/templates/{id}/preview"
ANSWERS = {
    "GET /communications/messages/{id}": "/communications/messages/{message}",
    "GET /communications/batches/{id}": "/communications/batches/{batch}",
    "GET /communications/compliance/rules/{id}": "/communications/compliance/rules/EU-DE-1",
    "GET /communications/compliance/consent": "/communications/compliance/consent?guest={guest}",
    "GET /communications/analytics": "/communications/analytics?group_by=day,channel",
    "GET /communications/api-keys/{id}": "/communications/api-keys/{key}",
    "GET /communications/users/{id}": "/communications/users/{user}",
    "GET /health/ready": "/health/ready",
}


def examples(heading):
    """The JSON documents under a heading, in order."""
    section = MANUAL.read_text().partition(f"### `{heading}`\n")[2].partition("\n### ")[0]
    return [json.loads(block) for block in re.findall(r"^```json\n(.+?)^```$", section, re.MULTILINE | re.DOTALL)]


@pytest.fixture
async def run(tmp_path):
    """A gateway to which Ana is known, and where another Ana signs in."""
    async with running(tmp_path) as run:
        run.sent = await run.send(BOOKING | {"to": "ana@example.org"})
        many = BOOKING | {"recipients": [{"to": "ana@example.org"}]}
        run.many = await run.call("POST", "/communications/messages/bulk", many, headers=KEY)
        run.user = (await added(run, "admin", "ana@quinta.example")).id
        yield run


@pytest.mark.parametrize("heading", SHOWN)
async def test_a_body_of_the_manual_is_taken_and_answered_as_shown(run, heading):
    """The first example under a heading is a body; the next one, where there is one, its answer."""
    body, *answers = examples(heading)
    if heading == "POST /communications/users":
        await run.call("DELETE", f"/communications/users/{run.user}")
    reply = await run.call(*heading.split(), body, headers={"Idempotency-Key": "another"})
    assert reply.status == SHOWN[heading], reply.json
    assert not answers or answers[0].keys() == reply.json.keys()


async def test_the_manuals_template_prints_as_shown(run):
    """Kept, tried out and sent with the bodies of the manual, it answers as the manual says."""
    (made, _), (tried, shown) = examples("POST /communications/templates"), examples(PREVIEW)
    kept = (await run.call("POST", "/communications/templates", made)).json
    path = PREVIEW.split()[1].format(id=kept["id"])
    assert (await run.call("POST", path, tried)).json == shown | {"id": kept["id"]}
    (order,) = examples("POST /communications/messages/template")
    assert (await run.call("POST", "/communications/messages/template", order)).status == 202


@pytest.mark.parametrize("heading", ANSWERS)
async def test_an_answer_of_the_manual_has_the_members_that_come_back(run, heading):
    """No member is missing, none is made up."""
    public = run.sent.json["id"]
    guest = (await run.message(public))["guest_id"]
    (shown,) = examples(heading)
    key = f"key_{run.key[3:11]}"
    known = {"message": public, "guest": guest, "key": key, "user": run.user, "batch": run.many.json["id"]}
    reply = await run.call("GET", ANSWERS[heading].format(**known))
    assert (reply.status, shown.keys()) == (200, reply.json.keys())
