"""What is gathered before the rules are asked: zones, countries, senders, and the words around the answer."""

import pytest

from gateway.callers import within
from gateway.clock import rfc3339
from tests.running import BOOKING, CONFIG, NEWS, YES, running

TEXT = {name: value for name, value in NEWS.items() if name != "subject"} | {"channel": "sms"}
PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
JP = {"phone": "+81312345678", "country": "JP", "timezone": "Asia/Tokyo"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver by itself; it is 10:00 UTC."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def due(run, guest):
    """When a marketing text to this guest may leave."""
    reply = await run.send(TEXT | {"to": guest})
    assert reply.status == 202, reply.json
    return (await run.message(reply.json["id"]))["due_at"]


async def test_two_zones_must_both_be_awake(run, clock):
    """A guest of Tokyo whom a request calls a Londoner is written to when it is day in both places, by the law of his
    country: 09:00 to 20:00."""
    await run.yes(JP, channels=["sms"])
    assert await due(run, JP) == rfc3339(clock.now())  # 19:00 in Tokyo
    assert await due(run, JP | {"timezone": "Europe/London"}) == rfc3339(clock.now())  # and 10:00 in London
    clock.forward(2 * 3600)  # 21:00 and 12:00
    assert await due(run, JP) == "2026-11-25T00:00:00Z"
    assert await due(run, JP | {"timezone": "Europe/London"}) == "2026-11-25T09:00:00Z"


async def test_two_far_zones_leave_their_one_common_hour(run):
    """Tokyo and New York are both between 09:00 and 20:00 only from midnight to one, UTC."""
    await run.yes(JP, channels=["sms"])
    assert await due(run, JP | {"timezone": "America/New_York"}) == "2026-11-25T00:00:00Z"


async def test_an_http_link_is_noted_where_only_this_machine_sees_it(run):
    """On loopback marketing goes with a link that is not https, and a warning says so; a booking has no link."""
    await run.yes(PT)
    reply = await run.send(NEWS | {"to": PT})
    assert "http_link" in reply.json["compliance"]["warnings"]


async def test_without_an_address_for_links_marketing_is_refused_by_name(tmp_path, clock):
    """Listening to the world without a public_url: guests could not stop what they get, so it is not sent, and the
    answer names the key. With the key it is."""
    world = CONFIG + '[server]\nhost = "0.0.0.0"\n'
    async with running(tmp_path, world, clock, deliver=False) as run:
        await run.yes(PT)
        reply = await run.send(NEWS | {"to": PT})
        assert (reply.status, "public_url" in reply.json["hint"]) == (422, True)
    named = world + 'public_url = "https://messages.quinta.example"\n'
    async with running(tmp_path, named, clock, deliver=False) as run:
        assert (await run.send(NEWS | {"to": PT})).status == 202


async def test_a_sender_without_an_address_cannot_send_offers_that_need_one(tmp_path, clock):
    """The elements are computed from what is configured: a sender without a postal address lacks it for the US, and the
    venue's own sender has it."""
    other = CONFIG + '[senders.spa]\nname = "Spa"\nemail = "spa@quinta.example"\n'
    us = {"email": "emma@example.org", "country": "US"}
    async with running(tmp_path, other, clock, deliver=False) as run:
        await run.yes(us)
        reply = await run.send(NEWS | {"to": us, "sender": "spa"})
        assert "US-CANSPAM-5" in reply.json["compliance"]["reasons"]
        assert (await run.send(NEWS | {"to": us})).status == 202


async def test_the_check_answers_like_the_send_and_stores_nothing(run):
    """Both forms give the compliance object itself; neither leaves a message, a guest or an entry."""
    before = (await run.local("POST", "/local/audit/checkpoint")).json
    order = await run.call("POST", "/communications/compliance/check", {"message": NEWS | {"to": PT}})
    assert (order.status, order.json["decision"], order.json["reasons"]) == (200, "deny", ["EU-EPRIV-1"])
    facts = {
        "now": "2026-11-24T10:00:00Z",
        "venue": {"country": "PT"},
        "recipient": {"country": "PT"},
        "message": {
            "channel": "email",
            "class": "marketing",
            "features": {"sender_identity": True, "unsubscribe": True, "list_unsubscribe_post": True},
        },
        "consents": [
            YES | {"kind": "express", "channels": ["email"], "categories": ["*"], "granted_at": "2026-01-01T00:00:00Z"}
        ],
    }
    del facts["consents"][0]["action"]
    assert (await run.call("POST", "/communications/compliance/check", facts)).json["decision"] == "allow"
    assert (await run.call("GET", "/communications/messages")).json["items"] == []
    after = (await run.local("POST", "/local/audit/checkpoint")).json
    size = [note["checkpoint"].splitlines()[2] for note in (before, after)]
    assert size[0] == size[1]


def test_addresses_and_networks():
    """Both families; what is no address is in no network."""
    assert within("10.1.2.3", ("10.0.0.0/8",))
    assert within("fd00::1", ("10.0.0.0/8", "fd00::/8"))
    assert not within("11.1.2.3", ("10.0.0.0/8",))
    assert not within("", ("0.0.0.0/0",))
    assert not within("nowhere", ("0.0.0.0/0",))


async def test_a_kept_judgement_is_never_another_guests(run):
    """Mails to guests of whom nothing is known but their place are judged once and alike; whatever sets a guest or a
    message apart is seen all the same, before and after."""
    orders = [
        order | {"to": who} | more
        for order in (NEWS, BOOKING)
        for who in ("a@example.org", "b@example.de", {"email": "c@example.org", "country": "US"}, PT)
        for more in ({}, {"declares": {"contains_promotion": True, "promo_in_subject": True}}, {"category": "other"})
    ]
    judge = run.gateway.parts.compliance

    async def asked(order):
        reply = await run.call("POST", "/communications/compliance/check", {"message": order})
        return {name: reply.json[name] for name in ("decision", "reasons", "jurisdictions", "warnings")}

    fresh = []
    for order in orders:
        judge._lasting.clear()
        fresh.append(await asked(order))
    assert [await asked(order) for order in orders] == fresh
    assert [await asked(order) for order in orders] == fresh
    assert len(judge._lasting) > 1
    await run.yes(PT)
    assert (await asked(NEWS | {"to": PT}))["decision"] == "allow"
    assert fresh[orders.index(NEWS | {"to": PT})]["decision"] == "deny"
