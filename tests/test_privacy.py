"""What guests say: yes, no, stop. Recorded at once, in force from then on, and never told to anyone else."""

import re
from email import message_from_bytes, policy

import pytest

from tests.running import BOOKING, NEWS, running

CONSENT = "/communications/compliance/consent"
STOP = "/communications/compliance/unsubscribe"
ANA = {"email": "ana@example.org", "phone": "+351912345678", "country": "PT", "timezone": "Europe/Lisbon"}
TEXT = {name: value for name, value in NEWS.items() if name != "subject"} | {"channel": "sms"}
STRANGER = {"Authorization": None}
FORM = STRANGER | {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; Ana agreed to everything over both channels."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        await run.yes(ANA, channels=["email", "sms"])
        clock.forward(60)
        yield run


async def reasons(run, order):
    """Why this order is refused; nothing when it is taken."""
    reply = await run.send(order)
    return reply.json["compliance"]["reasons"]


async def ask(run, question=""):
    """Ana's consents."""
    guest = (await run.call("GET", "/communications/messages")).json["items"][0]["guest_id"]
    return (await run.call("GET", f"{CONSENT}?guest={guest}{question}")).json


# -- yes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lacks", "missing"),
    [((), []), (("proof_ref",), ["proof_ref"]), (("source", "wording_version"), ["source", "wording_version"])],
)
async def test_a_yes_is_recorded_always_and_counts_when_proven(run, lacks, missing):
    """The answer says what is missing before it counts; the rules see it the same way."""
    ben = {"email": "ben@example.org", "country": "PT"}
    reply = await run.yes(ben, **dict.fromkeys(lacks))
    assert (reply.status, reply.json["counts"], reply.json["missing"]) == (201, not missing, missing)
    assert reply.json["id"].startswith("con_")
    assert (await run.send(NEWS | {"to": ben})).status == (422 if missing else 202)


async def test_what_was_agreed_can_be_asked_for_any_time_in_the_past(run, clock):
    """Before the yes nothing, after it the yes, after the no a withdrawn one; the proof itself is never shown."""
    assert (await ask(run, "&at=2026-11-24T09:00:00Z"))["consents"] == []
    clock.forward(3600)
    no = {"guest": ANA, "action": "withdraw", "channels": ["email", "sms"]}
    assert (await run.call("POST", CONSENT, no)).status == 201
    (then,) = (await ask(run, "&at=2026-11-24T10:30:00Z"))["consents"]
    (now,) = (await ask(run))["consents"]
    assert (then["channels"], then["granted_at"]) == (["email", "sms"], "2026-11-24T10:00:00Z")
    assert "withdrawn_at" not in then
    assert now["withdrawn_at"] == "2026-11-24T11:01:00Z"
    assert b"form 17" not in (await run.call("GET", f"{CONSENT}?guest={(await ask(run))['guest_id']}")).raw


async def test_a_no_suppresses_what_it_was_about(run):
    """Taken back for one category of one channel: that is stopped for good, the rest goes on."""
    no = {"guest": ANA, "action": "withdraw", "channels": ["email"], "categories": ["news"]}
    assert (await run.send(NEWS | {"to": ANA})).status == 202
    assert (await run.call("POST", CONSENT, no)).status == 201
    assert "CORE-SUP-3" in await reasons(run, NEWS | {"to": ANA})
    assert await reasons(run, TEXT | {"to": ANA}) == []
    assert await reasons(run, BOOKING | {"to": ANA}) == []


async def test_only_someone_known_can_agree(run):
    """An address nobody has: refused with its pointer, nothing recorded; times need a zone."""
    reply = await run.call("POST", CONSENT, {"guest": "nobody@example.org", "action": "grant"})
    assert (reply.status, reply.json["errors"][0]["code"]) == (422, "unknown-guest")
    reply = await run.call("POST", CONSENT, {"guest": ANA, "action": "grant", "granted_at": "2026-11-24"})
    assert reply.json["errors"][0]["pointer"] == "/granted_at"
    assert (await ask(run))["events"] == 1


# -- stop ------------------------------------------------------------------------------------------------------------


async def test_a_stop_is_answered_alike_whether_the_address_is_known(run):
    """Same status, same members, same values but the id; and a stranger's stop makes no guest, yet counts."""
    count = "SELECT count(*) FROM guests"
    known = await run.call("POST", STOP, {"guest": "ana@example.org"})
    before = run.gateway.db.reader.execute(count).fetchone()
    unknown = await run.call("POST", STOP, {"guest": "ben@example.org"})
    assert (known.status, unknown.status) == (200, 200)
    assert known.json | {"id": ""} == unknown.json | {"id": ""}
    assert run.gateway.db.reader.execute(count).fetchone() == before
    await run.yes({"email": "ben@example.org", "country": "PT"}, granted_at="2026-11-01T10:00:00Z")
    for address in ("ana@example.org", "ben@example.org"):
        assert "CORE-SUP-2" in await reasons(run, NEWS | {"to": address})


@pytest.mark.parametrize(
    ("stop", "stopped"),
    [
        ({}, {"email news", "email spa"}),
        ({"channels": ["sms"]}, {"sms news", "sms spa"}),
        ({"scope": "category", "categories": ["news"]}, {"email news", "sms news"}),
        ({"scope": "channel_category", "categories": ["news"]}, {"email news"}),
        ({"scope": "global"}, {"email news", "email spa", "sms news", "sms spa"}),
    ],
)
async def test_a_stop_stops_what_it_names(run, stop, stopped):
    """Said for the e-mail address, by every scope; an order that is refused was taken before."""
    orders = {
        f"{order['channel']} {category}": order | {"to": ANA, "category": category}
        for order in (NEWS, TEXT)
        for category in ("news", "spa")
    }
    assert {name for name, order in orders.items() if await reasons(run, order)} == set()
    assert (await run.call("POST", STOP, {"guest": "ana@example.org"} | stop)).status == 200
    expected = {name for name in stopped if name.startswith("email") or stop.get("scope") == "global"}
    assert {name for name, order in orders.items() if await reasons(run, order)} == expected
    assert await reasons(run, BOOKING | {"to": ANA}) == []


async def test_a_word_that_was_texted_stops_all_that_can_be_stopped(run):
    """A booking too, over that number alone; what is said to be about less is about less (CORE-SUP-8)."""
    text = {name: value for name, value in BOOKING.items() if name != "subject"} | {"channel": "sms"}
    word = {"guest": ANA["phone"], "source": "inbound_keyword"}
    less = await run.call("POST", STOP, word | {"classes": ["marketing"]})
    assert (less.json["classes"], await reasons(run, text | {"to": ANA["phone"]})) == (["marketing"], [])
    reply = await run.call("POST", STOP, word)
    assert sorted(reply.json["classes"]) == ["informational", "marketing", "transactional"]
    assert await reasons(run, text | {"to": ANA["phone"]}) == ["CORE-SUP-2"]
    assert await reasons(run, BOOKING | {"to": ANA["email"]}) == []


@pytest.mark.parametrize(
    ("order", "pointer"),
    [
        ({}, "/guest"),
        ({"guest": "ana@example.org", "scope": "category"}, "/categories"),
        ({"guest": "ana@example.org", "received_at": "2026-11-24T12:00:00Z"}, "/received_at"),
        ({"guest": "ana@example.org", "received_at": "yesterday"}, "/received_at"),
        ({"guest": "ana"}, "/guest"),
    ],
)
async def test_a_stop_that_says_too_little_is_refused(run, order, pointer):
    """With the pointer of what is missing; nothing is stopped by it."""
    reply = await run.call("POST", STOP, order)
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)
    assert await reasons(run, NEWS | {"to": ANA}) == []


# -- the guest's own link --------------------------------------------------------------------------------------------


@pytest.fixture
async def delivered(tmp_path):
    """A gateway that delivers, and an offer as Ana got it."""
    async with running(tmp_path) as run:
        await run.yes(ANA)
        await run.until((await run.send(NEWS | {"to": ANA})).json["id"], "sent")
        run.mail = message_from_bytes(run.mails()[-1], policy=policy.default)
        run.link = re.fullmatch(r"<https?://[^/]+(/u/[\w-]+)>", run.mail["List-Unsubscribe"])[1]
        yield run


async def test_an_offer_says_who_wrote_it_and_how_to_stop_it(delivered):
    """One-click headers, and a foot with the sender and the same link."""
    text = delivered.mail.get_body(("plain",)).get_content()
    assert delivered.mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Quinta das Flores" in text
    assert delivered.link in text


async def test_looking_at_the_page_changes_nothing(delivered):
    """Scanners open links: GET and HEAD show a button and no address, and the next offer still goes."""
    for method in ("GET", "HEAD", "GET"):
        page = await delivered.call(method, delivered.link, headers=STRANGER)
        assert (page.status, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in page.headers
        assert b"ana@example.org" not in page.raw
        assert method == "HEAD" or b'method="post"' in page.raw
    assert (await delivered.send(NEWS | {"to": ANA})).status == 202


@pytest.mark.parametrize("sent", [b"", b"List-Unsubscribe=One-Click"], ids=["button", "one-click"])
async def test_pressing_the_button_stops_offers_and_only_them(delivered, sent):
    """The page's own form and a mail program's one click do the same, twice if need be; a booking still arrives."""
    for _ in range(2):
        page = await delivered.call("POST", delivered.link, sent, headers=FORM)
        assert (page.status, b"have stopped" in page.raw) == (200, True)
    refused = await delivered.send(NEWS | {"to": ANA})
    assert (refused.status, refused.json["compliance"]["reasons"]) == (422, ["CORE-SUP-2"])
    assert (await delivered.send(BOOKING | {"to": ANA})).status == 202


async def test_the_token_of_a_link_can_be_handed_in_by_a_program(delivered):
    """`unsubscribe` takes it as it takes an address."""
    token = delivered.link.removeprefix("/u/")
    reply = await delivered.call("POST", STOP, {"token": token, "source": "helpdesk"})
    assert (reply.status, reply.json["channels"]) == (200, ["email"])
    assert await reasons(delivered, NEWS | {"to": ANA}) == ["CORE-SUP-2"]


async def test_a_forged_link_is_dead_and_says_nothing_more(delivered):
    """Changed, cut off, made for something else, made up: the same page with the same status, and nothing stops."""
    token = delivered.link.removeprefix("/u/")
    links = delivered.gateway.vault.links
    genuine = links.read("unsubscribe", token)
    other = links.make("preferences", genuine.blind, "email", genuine.message, genuine.day)
    flipped = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    pages = set()
    for forged in (flipped, token[:-3], other, "x", "%C3%A9", "a" * 500):
        for method in ("GET", "POST"):
            page = await delivered.call(method, f"/u/{forged}", b"" if method == "POST" else None, headers=FORM)
            assert (page.status, page.headers["Content-Type"].partition(";")[0]) == (404, "text/html")
            pages.add(page.raw)
        assert (await delivered.call("POST", STOP, {"token": forged[:400]})).status == 404
    assert len(pages) == 1
    assert (await delivered.send(NEWS | {"to": ANA})).status == 202
