"""Whoever wrote what cannot be used is told where it stands and what would be right."""

import pytest

from tests.running import BOOKING, running

SEND, GUESTS = "/communications/messages/send", "/communications/guests"
TEXT_OF_200 = "text of at most 200 characters"
ADDRESS = "text of 3 to 320 characters (An e-mail address or a phone number in E.164), such as ana@example.org"


@pytest.fixture
async def run(tmp_path):
    async with running(tmp_path, deliver=False) as run:
        yield run


@pytest.mark.parametrize(
    ("change", "pointer", "right"),
    [
        ({"channel": "emial"}, "/channel", "one of email, sms, voice, whatsapp"),
        ({"text": ""}, "/text", "text of 1 to 200,000 characters"),
        ({"category": "Bed & Breakfast"}, "/category", "Lower-case letters"),
        ({"to": 5}, "/to", f"{ADDRESS} or an object with guest_id, email, "),
        ({"to": {"name": "A" * 201, "country": "Portugal"}}, "/to/name", f"{TEXT_OF_200} or null"),
        ({"to": {"name": "A" * 201, "country": "Portugal"}}, "/to/country", "text like ^[A-Z]{2}$ or null"),
        ({"metadata": {"good": "x", "b/d": 1}}, "/metadata/b~1d", TEXT_OF_200),
        ({"metadata": {"b" * 41: "x"}}, "/metadata", "text of 1 to 40 characters"),
        ({"metadata": {str(number): "x" for number in range(21)}}, "/metadata", "an object of at most 20 members"),
        ({"declares": {"contains_promotion": "yes"}}, "/declares/contains_promotion", "true or false or null"),
        ({"declares": 1}, "/declares", "an object with contains_promotion, "),
        ({"subject": ["x"]}, "/subject", "text of at most 998 characters or null"),
    ],
)  # fmt: skip
async def test_what_would_be_right_is_said_of_a_member(run, change, pointer, right):
    """In words that anybody understands, whatever the type; without that member the order is taken."""
    reply = await run.call("POST", SEND, BOOKING | {"to": "ana@example.org"} | change)
    told = {fault["pointer"]: fault["detail"] for fault in reply.json["errors"]}
    assert (reply.status, right in told[pointer]) == (422, True), told
    assert (await run.call("POST", SEND, BOOKING | {"to": "ana@example.org"})).status == 202


async def test_each_item_of_a_list_is_looked_at(run):
    """Every one that is wrong is named by its place, a missing member too, and one list may be too long."""
    contacts = [{"kind": "email", "address": "a@example.org"}, {"kind": "fax", "address": "x"}, {"kind": "phone"}]
    reply = await run.call("POST", GUESTS, {"contacts": contacts, "tags": ["good", "Bad", 7]})
    assert [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]] == [
        ("/contacts/1/kind", "invalid"), ("/contacts/1/address", "invalid"), ("/contacts/2/address", "missing"),
        ("/tags/1", "invalid"), ("/tags/2", "invalid"),
    ]  # fmt: skip
    assert reply.json["errors"][0]["detail"] == "one of email, phone"
    assert reply.json["errors"][2]["detail"] == ADDRESS
    long = await run.call("POST", GUESTS, {"contacts": contacts[:1] * 21, "tags": []})
    assert [(one["pointer"], one["detail"]) for one in long.json["errors"]] == [
        ("/contacts", "a list of 1 to 20 items")
    ]
    assert (await run.call("POST", GUESTS, {"contacts": contacts[:1], "tags": ["good"]})).status == 201


async def test_an_object_that_may_be_one_of_several_says_which(run):
    """Where it does not, or names none of them, that member is at fault."""
    for body, code in (({"grant": "magic"}, "invalid"), ({"api_key": "x"}, "missing")):
        (fault,) = (await run.call("POST", "/communications/auth/token", body)).json["errors"]
        assert fault == {"pointer": "/grant", "code": code, "detail": "one of password, api_key, refresh"}
    good = {"grant": "api_key", "api_key": run.key}
    assert (await run.call("POST", "/communications/auth/token", good)).status == 200


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("limit=500", "a whole number, 1 to 200"),
        ("status=lost", "one of blocked, bounced, "),
        ("from=yesterday", "a time (RFC 3339 with a zone) or null"),
        ("include=all", "content (Addresses and texts too) or null"),
    ],
)
async def test_what_would_be_right_is_said_of_the_query(run, query, right):
    """As of a body; what is right is taken."""
    reply = await run.call("GET", f"/communications/messages?{query}")
    assert (reply.status, right in reply.json["errors"][0]["detail"]) == (422, True), reply.json
    assert (await run.call("GET", "/communications/messages?limit=50&status=sent")).status == 200
