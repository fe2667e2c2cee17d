"""What guests answer: taken in at the door, acted on at once, decided by a person, confirmed where the law says so."""

import io
import json
import zipfile

import pytest

from gateway.catalogue import LANGUAGES, words_of
from gateway.segments import segments
from gateway.store import feed
from tests.running import BOOKING, CONFIG, NEWS, running

PHONE, EMAIL = "+351912345678", "ana@example.org"
ANA = {"email": EMAIL, "phone": PHONE, "country": "PT", "language": "pt"}
DATA = "/communications/compliance/data-request"
REPLIES, STOPS = "/communications/replies", "/communications/suppressions"
TEXT = {"channel": "sms", "class": "marketing", "category": "news", "text": "The garden opens.",
        "declares": {"contains_promotion": True}, "to": PHONE}  # fmt: skip
STAY = TEXT | {"class": "transactional", "category": "booking", "declares": {"contains_promotion": False}}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that delivers; Ana agreed to offers by mail and by text."""
    async with running(tmp_path, CONFIG, clock, deliver=False) as run:
        await run.yes(ANA, channels=["email", "sms"])
        clock.forward(60)
        await run.gateway.start()
        yield run
        await run.gateway.drain()


async def reply(run, text, **more):
    """What is answered to an answer of Ana's."""
    got = await run.call("POST", REPLIES, {"channel": "sms", "from": PHONE, "text": text} | more)
    assert got.status == 201, got.json
    return got.json


async def refused(run, order):
    """The rules that refuse an order; none where it is taken."""
    return (await run.send(order)).json.get("compliance", {}).get("reasons", [])


# -- stop -------------------------------------------------------------------------------------------------------------


async def test_a_stop_counts_at_once_and_is_confirmed_once(run, clock):
    """STOP by text: everything on that number that rests on consent is refused, mail goes on; one message, of a class
    nobody else can send, in her words, at any hour. The same word again is the same stop, and not confirmed again."""
    assert await refused(run, TEXT) == []
    said = await reply(run, "STOP!")
    assert (said["action"], said["reasons"], said["status"], said["not_sent"]) == (
        "opt_out", ["CORE-OPT-1"], "done", None,
    )  # fmt: skip
    stop = (await run.call("GET", f"{STOPS}/{said['suppression_id']}")).json
    assert (stop["source"], stop["channels"]) == ("inbound_keyword", ["sms"])
    assert set(stop["classes"]) == {"marketing", "informational", "transactional"}
    assert await refused(run, TEXT) == await refused(run, STAY) == ["CORE-SUP-2"]
    assert await refused(run, NEWS | {"to": EMAIL}) == []
    message = await run.until(said["confirmation"], "sent")
    assert (message["class"], message["compliance"]["basis"]) == ("optout_confirmation", ["CORE-OPT-5"])
    content = (await run.message(said["confirmation"], "?include=content"))["content"]
    assert content["text"] == "Quinta das Flores: deixa de receber as nossas mensagens por este meio."
    assert content["to"] == PHONE
    again = await reply(run, "stop")
    assert (again["suppression_id"], again["confirmation"], again["not_sent"]) == (
        said["suppression_id"], None, "second",
    )  # fmt: skip
    outside = await run.send(STAY | {"class": "optout_confirmation"})
    assert (outside.status, outside.json["errors"][0]["pointer"]) == (422, "/class")
    late = await run.call("POST", f"/communications/messages/{said['confirmation']}/retry")
    assert late.status == 409


async def test_a_stop_that_is_entered_late_is_not_confirmed(run, clock):
    """It counts from when it came, the law's clock runs, and after five minutes nothing is sent; within them it is."""
    came = "2026-11-01T10:00:00Z"
    said = await reply(run, "parar", received_at=came)
    assert (said["received_at"], said["late"], said["not_sent"], said["confirmation"]) == (came, True, "too-late", None)
    assert (await run.call("GET", f"{STOPS}/{said['suppression_id']}")).json["created_at"] == came
    assert '"code":"late-stop"' in run.log_text.getvalue()
    fresh = await reply(run, "STOP", channel="whatsapp")
    assert (fresh["late"], fresh["not_sent"]) == (False, "no-provider")
    ahead = {"channel": "sms", "from": PHONE, "text": "stop", "received_at": "2099-01-01T00:00:00Z"}
    assert (await run.call("POST", REPLIES, ahead)).json["errors"][0]["pointer"] == "/received_at"


async def test_a_confirmation_that_waits_too_long_never_leaves(tmp_path, clock):
    """The law's five minutes count when it leaves, not when it was written."""
    async with running(tmp_path, CONFIG, clock, deliver=False) as run:
        await run.yes(ANA, channels=["sms"])
        clock.forward(60)
        said = await reply(run, "STOP")
        assert said["confirmation"]
        clock.forward(301)
        await run.gateway.start()
        message = await run.until(said["confirmation"], "expired", "blocked")
        assert not [path for path in run.mails() if b"deixa" in path]
        assert message["status"] == "expired"
        await run.gateway.drain()


async def test_a_stop_of_somebody_nobody_knows_counts_too(run):
    """The answer has the same members, the number can no longer be written to, and no guest is made of it."""
    known, stranger = await reply(run, "stop"), await reply(run, "stop", **{"from": "+351911111111"})
    assert known.keys() == stranger.keys() and stranger["action"] == "opt_out" and stranger["guest_id"] is None
    assert (stranger["confirmation"], stranger["not_sent"]) == (None, "unknown-address")
    found = await run.call("POST", "/communications/guests/search", {"phone": "+351911111111"})
    assert found.json["items"] == []
    assert await refused(run, STAY | {"to": "+351911111111"}) == ["CORE-SUP-2"]


async def test_a_stop_by_mail_is_about_offers_alone(run):
    """Her booking still reaches her, and nothing is sent back."""
    said = await reply(run, "Please unsubscribe", channel="email", **{"from": EMAIL})
    assert (said["action"], said["confirmation"], said["not_sent"]) == ("opt_out", None, None)
    assert await refused(run, NEWS | {"to": EMAIL}) == ["CORE-SUP-2"]
    assert await refused(run, BOOKING | {"to": EMAIL}) == []


# -- said twice ------------------------------------------------------------------------------------------------------


async def test_a_text_that_is_reported_again_is_one_reply(tmp_path, clock):
    """With the same key, after a restart too: the same reply, as it stands, and one message that confirms it. What a
    crash has kept from being confirmed is confirmed then; another key is another reply, another text refused."""
    body, once = {"channel": "sms", "from": PHONE, "text": "STOP"}, {"Idempotency-Key": "sms-4711"}
    async with running(tmp_path, CONFIG, clock, deliver=False) as run:
        await run.yes(ANA, channels=["sms"])
        clock.forward(60)
        first, key = await run.call("POST", REPLIES, body, headers=once), run.key
        assert (first.status, first.json["action"]) == (201, "opt_out") and first.json["confirmation"]
    async with running(tmp_path, CONFIG, clock, deliver=False) as run:
        run.key = key
        again = await run.call("POST", REPLIES, body, headers=once)
        assert (again.status, again.json, again.headers["Location"]) == (201, first.json, first.headers["Location"])
        assert (again.headers["Idempotent-Replayed"], "Idempotent-Replayed" in first.headers) == ("true", False)
        other = await run.call("POST", REPLIES, body | {"text": "HELP"}, headers=once)
        assert (other.status, other.json["type"].rsplit(":", 1)[1]) == (422, "idempotency-key-reused")
        await run.gateway.db.do(lambda tx: tx.execute("UPDATE replies SET message = NULL"))
        late = await run.call("POST", REPLIES, body, headers=once)
        assert late.json["confirmation"] not in (None, first.json["confirmation"])
        assert len((await run.call("GET", REPLIES)).json["items"]) == 1
        second = await run.call("POST", REPLIES, body, headers={"Idempotency-Key": "sms-4712"})
        assert (second.json["id"] != first.json["id"], second.json["not_sent"]) == (True, "second")
        assert len((await run.call("GET", REPLIES)).json["items"]) == 2


# -- what a person decides --------------------------------------------------------------------------------------------


async def test_what_can_be_read_in_two_ways_holds_offers_until_a_person_decides(run):
    """An offer is held, her booking goes; with `none` the offer leaves, with `opt_out` the next one is blocked. Decided
    once; the hold itself cannot be lifted by the door of stops."""
    for decision, becomes in (("none", "sent"), ("opt_out", "blocked")):
        said = await reply(run, "can't stop smiling")
        assert (said["action"], said["status"], said["reasons"]) == ("hold_review", "review", ["CORE-OPT-3"])
        offer, stay = (await run.send(TEXT)).json["id"], (await run.send(STAY)).json["id"]
        held = await run.until(offer, "held")
        assert held["hold_reason"] == "needs_review"
        await run.until(stay, "sent")
        lift = await run.call("POST", f"{STOPS}/{said['suppression_id']}/lift", {"reason": "?"})
        assert lift.status == 409
        waiting = (await run.call("GET", f"{REPLIES}?status=review&action=hold_review")).json["items"]
        assert [one["id"] for one in waiting] == [said["id"]]
        done = await run.call("POST", f"{REPLIES}/{said['id']}/decide", {"action": decision})
        assert (done.status, done.json["status"], done.json["decision"]) == (200, "done", decision)
        await run.until(offer, becomes)
        twice = await run.call("POST", f"{REPLIES}/{said['id']}/decide", {"action": decision})
        assert twice.status == 409
    stop = (await run.call("GET", f"{STOPS}/{done.json['suppression_id']}")).json
    assert (stop["source"], stop["created_at"]) == ("inbound_keyword", said["received_at"])
    await run.until(done.json["confirmation"], "sent")


async def test_a_cancel_with_an_open_booking_is_a_stop_and_somebody_asks(run):
    """The stop counts; a person says that the booking was seen to."""
    said = await reply(run, "CANCEL", open_booking=True)
    assert (said["action"], said["status"], said["reasons"]) == ("opt_out", "review", ["CORE-OPT-1", "CORE-OPT-4"])
    done = (await run.call("POST", f"{REPLIES}/{said['id']}/decide", {"action": "none"})).json
    assert (done["status"], done["suppression_id"]) == ("done", said["suppression_id"])
    assert done["confirmation"] == said["confirmation"] is not None
    assert await refused(run, TEXT) == ["CORE-SUP-2"]


# -- yes, help, anything else -----------------------------------------------------------------------------------------


async def test_a_yes_to_a_question_is_a_consent_and_without_one_it_is_nothing(run):
    """YES where she was asked by text: an entry of the ledger with its proof. A START nobody asked for is left to a
    person, and a YES to nothing is nothing."""
    assert (await reply(run, "yes"))["action"] == "none"
    ask = {"guest": PHONE, "via": "sms", "channels": ["sms"], "categories": ["spa"]}
    assert (await run.call("POST", "/communications/compliance/consent/ask", ask)).status == 202
    said = await reply(run, "Yes!")
    assert (said["action"], said["status"]) == ("opt_in", "done")
    guest = (await run.call("GET", f"{REPLIES}/{said['id']}")).json["guest_id"]
    state = (await run.call("GET", f"/communications/compliance/consent?guest={guest}&include=content")).json
    (given,) = [one for one in state["consents"] if one.get("id") == said["consent_id"]]
    assert (given["source"], given["status"], given["categories"]) == ("inbound_keyword", "counts", ["spa"])
    assert given["content"]["proof_ref"].startswith(said["id"])
    start = await reply(run, "START")
    assert (start["action"], start["status"], start["consent_id"]) == ("opt_in", "review", None)


async def test_help_is_answered_and_a_stop_stands_before_it(run):
    """Who writes here, and how to reach them; after a stop the answer says that nothing was sent."""
    said = await reply(run, "HELP")
    await run.until(said["help"], "sent")
    content = (await run.message(said["help"], "?include=content"))["content"]
    assert "Quinta das Flores" in content["text"] and "+351 219 000 000" in content["text"]
    nothing = await reply(run, "See you on Friday")
    assert (nothing["action"], nothing["help"], nothing["suppression_id"]) == ("none", None, None)
    await reply(run, "stop")
    after = await reply(run, "HELP")
    assert (after["help"], after["not_sent"]) == (None, "refused")


# -- who sees it ------------------------------------------------------------------------------------------------------


async def test_words_are_for_whoever_may_read_them(run):
    """The list shows no words; with them it is noted in the audit log. In no file are they in clear, and they are in
    the copy a guest gets and gone with her."""
    said = await reply(run, "mycanary please")
    assert "mycanary" not in (await run.call("GET", REPLIES)).raw.decode()
    read = (await run.call("GET", f"{REPLIES}/{said['id']}?include=content")).json["content"]
    assert read == {"text": "mycanary please", "address": PHONE}
    run.key, whole = await run.draw("consent"), run.key
    assert (await run.call("GET", f"{REPLIES}?include=content")).status == 403
    assert (await run.call("GET", REPLIES)).status == 200
    run.key = whole
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert b"mycanary" not in files and b'"action":"reply.taken"' in files
    guest = (await run.call("GET", f"{REPLIES}/{said['id']}")).json["guest_id"]
    erase = {"guest": {"guest_id": guest}, "kind": "erasure", "received_via": "phone"}
    request = (await run.call("POST", "/communications/compliance/data-request", erase)).json["id"]
    path = f"/communications/compliance/data-request/{request}"
    await run.call("POST", f"{path}/verify", {"method": "staff", "note": "seen"})
    assert (await run.call("POST", f"{path}/complete", {"now": True})).status == 200
    gone = (await run.call("GET", f"{REPLIES}/{said['id']}?include=content")).json
    assert (gone["content"], gone["guest_id"]) == ({"text": None, "address": None}, None)


async def test_programs_hear_of_it_without_its_words(run):
    """An answer is told as one event, its stop as another; a hold that a person is to end is nobody's stop. What she
    answered is in her copy, and keeps her from being forgotten as long as a message of hers does."""
    held, stop = await reply(run, "can't stop smiling"), await reply(run, "stop")
    reader, payloads = run.gateway.db.reader, run.gateway.parts.webhooks.payloads
    facts, _ = feed.after(reader, feed.Marks(0, 0, 0, 0, 0, 0), 100)
    told = [
        json.loads(payloads.of(reader, fact, False)) for fact in facts if fact.source in ("replies", "suppressions")
    ]
    assert sorted(one["type"] for one in told) == ["guest.opted_out", "guest.replied", "guest.replied"]
    first = next(one["data"] for one in told if one["data"].get("reply_id") == held["id"])
    assert (first["action"], first["status"], first["channel"]) == ("hold_review", "review", "sms")
    assert "smiling" not in json.dumps(told)
    stopped = next(one["data"] for one in told if one["type"] == "guest.opted_out")
    assert (stopped["suppression_id"], stopped["source"]) == (stop["suppression_id"], "inbound_keyword")
    guest = (await run.call("GET", f"{REPLIES}/{stop['id']}")).json["guest_id"]
    asked = {"guest": {"guest_id": guest}, "kind": "access", "received_via": "phone"}
    path = f"/communications/compliance/data-request/{(await run.call('POST', DATA, asked)).json['id']}"
    await run.call("POST", f"{path}/verify", {"method": "staff", "note": "seen"})
    copy = zipfile.ZipFile(io.BytesIO((await run.call("GET", f"{path}/export")).raw))
    assert "can't stop smiling" in copy.read("replies.csv").decode("utf-8-sig")


async def test_the_words_go_when_their_time_is_over(run, clock):
    """After twelve months, like the texts of messages; those that nobody has decided yet stay, and so does the row."""
    done, waits = await reply(run, "See you soon"), await reply(run, "can't stop smiling")
    clock.forward(370 * 86_400)
    report = (await run.call("POST", "/communications/compliance/retention/run", {})).json
    assert report["runs"][0]["went"]["replies"] == 1
    for one, words in ((done, None), (waits, "can't stop smiling")):
        assert (await run.call("GET", f"{REPLIES}/{one['id']}?include=content")).json["content"]["text"] == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_answers_is_one_text_message(language):
    """In every language, with the name of a house and a number: one message of the cheap alphabet."""
    known = {"venue": "Quinta das Flores", "contact": "+351 219 000 000"}
    for phrase in ("reply.stopped", "reply.help"):
        counted = segments(words_of(language).say(phrase, **known))
        assert (counted.encoding, counted.segments) == ("GSM-7", 1)
