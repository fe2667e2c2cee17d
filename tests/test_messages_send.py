"""One message in: what is accepted, what is refused and how, and that both are on disk with their reasons."""

import asyncio

import pytest

from gateway.ledger import verify
from tests.running import BOOKING, CONFIG, NEWS, running

PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
DE = {"email": "dieter@example.org", "country": "DE"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver by itself."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def test_a_booking_is_queued_with_its_decision(run):
    """202 with an id, the state and why the law lets it go; it can be looked up at once."""
    reply = await run.send(BOOKING | {"to": PT, "reference": "b-4711", "metadata": {"booking": "4711"}})
    assert reply.status == 202
    assert reply.json["status"] == "queued"
    assert reply.json["compliance"]["decision"] == "allow"
    assert reply.headers["Location"] == f"/communications/messages/{reply.json['id']}"
    message = await run.message(reply.json["id"])
    assert (message["status"], message["class"], message["reference"]) == ("queued", "transactional", "b-4711")
    assert [event["type"] for event in message["events"]] == ["accepted"]
    assert verify(run.gateway.data.database).ok


async def test_marketing_without_consent_is_refused_with_a_citation(run):
    """422 names the rule, its source and a way out; a skeleton without the address stays, and is audited."""
    reply = await run.send(NEWS | {"to": DE})
    assert (reply.status, reply.json["type"]) == (422, "urn:guest-gateway:problem:blocked")
    law = reply.json["compliance"]
    assert law["reasons"] == ["EU-EPRIV-1"]
    assert "2002/58" in law["explanation"][0]["citation"]
    assert reply.json["hint"]
    message = await run.message(reply.json["message_id"], "?include=content")
    assert (message["status"], message["content"], message["guest_id"]) == ("blocked", None, None)


async def test_german_consent_counts_only_when_confirmed(run):
    """Without the click of the double opt-in it is EU-DE-1; with it the same message goes."""
    await run.yes(DE)
    assert (await run.send(NEWS | {"to": DE})).json["compliance"]["reasons"][-1] == "EU-DE-1"
    await run.yes(DE, confirmed_at="2026-11-20T10:00:00Z", granted_at="2026-11-20T09:59:00Z")
    reply = await run.send(NEWS | {"to": DE})
    assert reply.status == 202, reply.json


async def test_nothing_left_out_means_marketing(run):
    """A message that does not say what it is gets the strict reading."""
    order = {name: value for name, value in BOOKING.items() if name not in ("class", "declares")}
    assert (await run.send(order | {"to": DE})).status == 422
    assert (await run.send(BOOKING | {"to": DE})).status == 202


async def test_a_text_at_night_waits_for_the_morning(run, clock):
    """A marketing text at 23:00 of the guest's zone is deferred to the opening hour of his law."""
    clock.set(1_795_561_200_000)  # 2026-11-24T23:00:00Z
    guest = {"phone": "+351912345678", "country": "PT", "timezone": "Europe/Lisbon"}
    await run.yes(guest, channels=["sms"])
    order = {name: value for name, value in NEWS.items() if name != "subject"} | {"channel": "sms", "to": guest}
    reply = await run.send(order)
    assert (reply.status, reply.json["status"]) == (202, "deferred")
    message = await run.message(reply.json["id"])
    assert (message["wait_reason"], message["due_at"]) == ("law", "2026-11-25T08:00:00Z")


async def test_a_message_may_be_ordered_for_later(run):
    """`deliver_at` makes it wait by schedule; a time without a zone is refused."""
    later = await run.send(BOOKING | {"to": PT, "deliver_at": "2026-12-01T10:00:00+01:00"})
    assert later.json["status"] == "deferred"
    message = await run.message(later.json["id"])
    assert (message["wait_reason"], message["due_at"]) == ("schedule", "2026-12-01T09:00:00Z")
    wrong = await run.send(BOOKING | {"to": PT, "deliver_at": "2026-12-01T10:00:00"})
    assert wrong.json["errors"][0]["pointer"] == "/deliver_at"


async def test_the_content_is_shown_only_on_demand_and_leaves_a_trace(run):
    """Lists and single messages show no address; with read.content they do, and the audit log says who looked."""
    public = (await run.send(BOOKING | {"to": PT})).json["id"]
    assert b"ana@example.org" not in (await run.call("GET", "/communications/messages")).raw
    before = verify(run.gateway.data.database).size
    message = await run.message(public, "?include=content")
    assert message["content"]["to"] == "ana@example.org"
    assert verify(run.gateway.data.database).size == before + 1
    run.key = await run.draw("read")
    reply = await run.call("GET", f"/communications/messages/{public}?include=content")
    assert reply.status == 403
    assert (await run.call("GET", f"/communications/messages/{public}")).status == 200


@pytest.mark.parametrize(("class_", "scope"), [("emergency", "send.emergency"), ("legal", "send.legal")])
async def test_dangerous_classes_need_their_own_scope(run, class_, scope):
    """`all` does not cover them, and no other scope makes up for it; nothing is downgraded silently."""
    assert (await run.send(BOOKING | {"to": PT, "class": class_})).status == 403
    run.key = await run.draw(scope)
    assert (await run.send(BOOKING | {"to": PT, "class": class_})).status == 202
    assert (await run.send(BOOKING | {"to": PT})).status == 403


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"to": "nobody"}, "/to", "bad-email"),
        ({"to": {"email": "nobody"}}, "/to/email", "bad-email"),
        ({"to": {"phone": "+351912345678"}}, "/to/email", "missing"),
        ({"to": {"guest_id": "gst_00000000000000000000000000"}}, "/to/guest_id", "unknown-guest"),
        ({"to": PT | {"timezone": "Europe/Nowhere"}}, "/to/timezone", "unknown-zone"),
        ({"to": PT | {"age": 3}}, "/to/age", "unknown-field"),
        ({"subject": None}, "/subject", "missing"),
        ({"sender": "nobody"}, "/sender", "unknown-sender"),
        ({"channel": "whatsapp", "to": "+351912345678"}, "/channel", "no-provider"),
        ({"channel": "pigeon"}, "/channel", "invalid"),
        ({"text": ""}, "/text", "invalid"),
        ({"text": "x" * 200_001}, "/text", "invalid"),
        ({"class": "spam"}, "/class", "invalid"),
        ({"category": "No Spaces"}, "/category", "invalid"),
        ({"colour": "red"}, "/colour", "unknown-field"),
        ({"fallback": ["sms"]}, "/fallback", "invalid"),
        ({"metadata": {"a": 1}}, "/metadata/a", "invalid"),
        ({"expires_at": "soon"}, "/expires_at", "bad-time"),
    ],
)
async def test_every_fault_has_its_pointer(run, change, pointer, code):
    """What is wrong is named, never quoted; the same order without the fault is taken."""
    reply = await run.send(BOOKING | {"to": PT} | change)
    assert reply.status == 422
    assert {"pointer": pointer, "code": code} in [
        {"pointer": fault["pointer"], "code": fault["code"]} for fault in reply.json["errors"]
    ]
    assert b"nobody" not in reply.raw
    assert (await run.send(BOOKING | {"to": PT})).status == 202


async def test_a_sender_without_an_address_sends_no_mail(tmp_path, clock):
    """It is refused at the door, not found out when the mail is put together; a text needs no such address."""
    nameless = CONFIG.replace('email = "hello@quinta.example"\n', "")
    async with running(tmp_path, nameless, clock, deliver=False) as run:
        reply = await run.send(BOOKING | {"to": PT})
        assert reply.json["errors"][0] == {
            "pointer": "/sender",
            "code": "no-address",
            "detail": "a sender that has an email in config.toml",
        }
        assert (await run.send(BOOKING | {"channel": "sms", "to": "+351912345678"})).status == 202


async def test_all_faults_come_at_once(run):
    """Three mistakes, one answer."""
    reply = await run.send(BOOKING | {"to": PT, "text": "", "colour": 1, "category": "?"})
    assert {fault["pointer"] for fault in reply.json["errors"]} == {"/text", "/colour", "/category"}


async def test_a_null_for_what_is_not_built_yet_is_accepted(run):
    """Members of the contract that do nothing yet may be null and nothing else."""
    nothing = {"fallback": None, "deliver_zone": None, "event_date": None, "html": None, "deliver_at": None}
    assert (await run.send(BOOKING | {"to": PT} | nothing)).status == 202


async def test_two_addresses_of_two_guests_are_not_one_person(run):
    """An e-mail and a phone number that belong to different guests are refused; of one guest they are fine."""
    await run.send(BOOKING | {"to": {"email": "a@example.org", "phone": "+351912345678"}})
    await run.send(BOOKING | {"to": "b@example.org"})
    wrong = await run.send(BOOKING | {"to": {"email": "b@example.org", "phone": "+351912345678"}})
    assert wrong.json["errors"][0]["code"] == "different-guests"
    right = await run.send(BOOKING | {"to": {"email": "a@example.org", "phone": "+351912345678"}})
    assert right.status == 202


async def test_a_request_adds_to_what_is_known_and_never_loosens(run):
    """A stored German guest called American in a request is judged by both laws."""
    await run.send(BOOKING | {"to": DE})
    reply = await run.send(NEWS | {"to": DE | {"country": "US"}})
    assert reply.status == 422
    assert {"EU-DE", "US"} <= set(reply.json["compliance"]["jurisdictions"])


async def test_a_repeated_request_gets_the_first_answer(run):
    """Same key and body: the same bytes and one message. Another body: 422. Another key: another message."""
    order = BOOKING | {"to": PT}
    first = await run.send(order, headers={"Idempotency-Key": "k1"})
    again = await run.send(order, headers={"Idempotency-Key": "k1"})
    assert (again.status, again.raw) == (202, first.raw)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    other = await run.send(order | {"text": "Other"}, headers={"Idempotency-Key": "k1"})
    assert other.json["type"].endswith("idempotency-key-reused")
    assert (await run.send(order, headers={"Idempotency-Key": "k2"})).json["id"] != first.json["id"]
    assert len((await run.call("GET", "/communications/messages")).json["items"]) == 2


async def test_a_refusal_is_not_remembered(run):
    """Once the consent is there, the same key and body go through."""
    order = NEWS | {"to": PT}
    assert (await run.send(order, headers={"Idempotency-Key": "k"})).status == 422
    await run.yes(PT)
    assert (await run.send(order, headers={"Idempotency-Key": "k"})).status == 202


async def test_fifty_clients_on_one_key_make_one_message(run):
    """Whoever comes while the first is at work is told so, or gets its answer; there is one message in the end."""
    replies = await asyncio.gather(
        *[run.send(BOOKING | {"to": PT}, headers={"Idempotency-Key": "race"}) for _ in range(50)]
    )
    assert {reply.status for reply in replies} <= {202, 409}
    assert len({reply.json["id"] for reply in replies if reply.status == 202}) == 1
    assert len((await run.call("GET", "/communications/messages")).json["items"]) == 1


async def test_fifty_messages_to_a_new_address_make_one_guest(run):
    """Whoever is first makes the guest; the others find him."""
    replies = await asyncio.gather(*[run.send(BOOKING | {"to": "new@example.org"}) for _ in range(50)])
    assert {reply.status for reply in replies} == {202}
    items = (await run.call("GET", "/communications/messages?limit=60")).json["items"]
    assert len({item["guest_id"] for item in items}) == 1


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
async def test_a_bad_idempotency_key_is_refused(run, key):
    """1 to 255 visible ASCII characters; the longest good one is taken."""
    reply = await run.send(BOOKING | {"to": PT}, headers={"Idempotency-Key": key})
    assert (reply.status, reply.json["type"]) == (400, "urn:guest-gateway:problem:idempotency-key")
    assert (await run.send(BOOKING | {"to": PT}, headers={"Idempotency-Key": "x" * 255})).status == 202


async def test_a_cancelled_message_does_not_leave(run):
    """Cancel ends what waits; a second cancel, and a retry of what still waits, are conflicts."""
    public = (await run.send(BOOKING | {"to": PT})).json["id"]
    retry = await run.call("POST", f"/communications/messages/{public}/retry")
    assert retry.status == 409
    assert (await run.call("POST", f"/communications/messages/{public}/cancel")).json["status"] == "cancelled"
    assert (await run.call("POST", f"/communications/messages/{public}/cancel")).status == 409
    again = await run.call("POST", f"/communications/messages/{public}/retry")
    assert again.status == 202
    assert (await run.message(again.json["id"]))["retry_of"] == public


async def test_lists_are_filtered_and_paged(run):
    """Filters narrow, the cursor goes on where the page ended, strangers are refused by name."""
    ids = [(await run.send(BOOKING | {"to": PT, "reference": f"r{number}"})).json["id"] for number in range(5)]
    first = (await run.call("GET", "/communications/messages?limit=2")).json
    assert [item["id"] for item in first["items"]] == ids[:-3:-1]
    second = (await run.call("GET", f"/communications/messages?limit=10&cursor={first['next_cursor']}")).json
    assert [item["id"] for item in second["items"]] == ids[2::-1]
    assert second["next_cursor"] is None
    found = (await run.call("GET", "/communications/messages?reference=r3&status=queued&channel=email")).json
    assert [item["id"] for item in found["items"]] == [ids[3]]
    assert (await run.call("GET", "/communications/messages?status=sent")).json["items"] == []
    for query in ("colour=red", "limit=0", "limit=x", "cursor=zzz", "status=lost", "from=soon", "channel=pigeon"):
        assert (await run.call("GET", f"/communications/messages?{query}")).status == 422, query


async def test_unknown_messages_are_not_found(run):
    """A well-formed id of nobody and a malformed one look alike."""
    for public in ("msg_00000000000000000000000000", "msg_x", "gst_00000000000000000000000000"):
        assert (await run.call("GET", f"/communications/messages/{public}")).status == 404
