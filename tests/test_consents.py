"""What guests agree to: asked for, confirmed, proven, brought in with lists, and noticed when it ends."""

import asyncio
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import ids
from gateway.catalogue import LANGUAGES, catalogue
from gateway.cli.main import cli
from gateway.clock import parse_rfc3339
from gateway.ledger import genuine, public_text
from gateway.ledger.checkpoint import parse
from gateway.ledger.paths import includes
from gateway.ledger.tree import leaf
from gateway.store import audit, feed
from tests.running import BOOKING, NEWS, running

CONSENT = "/communications/compliance/consent"
ASK, FIRST, ENDING = f"{CONSENT}/ask", f"{CONSENT}/ask-first", f"{CONSENT}/expiring"
WORDINGS = "/communications/compliance/wordings"
STOP = "/communications/compliance/unsubscribe"
STRANGER = {"Authorization": None}
FORM = STRANGER | {"Content-Type": "application/x-www-form-urlencoded"}
ANA = {"email": "ana@example.org", "country": "DE", "language": "de"}
DAY = 86_400
MANUAL = Path(__file__).parent.parent / "docs" / "consent.md"


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def ask(run, **order):
    """Ask Ana to confirm; the answer, and the path of the page her mail leads to."""
    reply = await run.call("POST", ASK, {"guest": ANA} | order)
    assert reply.status == 202, reply.json
    text = (await run.message(reply.json["message_id"], "?include=content"))["content"]["text"]
    return reply.json, re.search(r"https?://[^/]+(/c/[\w-]+)", text)[1]


async def press(run, link):
    """Look at a page, and press its button."""
    page = (await run.call("GET", link, headers=STRANGER)).raw.decode()
    token = re.search(r'name="form" value="([^"]+)"', page)[1]
    return await run.call("POST", link, f"form={token}".encode(), headers=FORM)


async def known(run, **guest):
    """A guest who is known; his id."""
    reply = await run.send(BOOKING | {"to": guest, "deliver_at": "2099-01-01T00:00:00Z"})
    return (await run.message(reply.json["id"]))["guest_id"]


async def state(run, guest, query=""):
    return (await run.call("GET", f"{CONSENT}?guest={guest}{query}")).json


async def reasons(run, to="ana@example.org", **more):
    """Why an offer to this address is refused; nothing where it is taken."""
    return (await run.send(NEWS | more | {"to": to})).json["compliance"]["reasons"]


def audited(run, action):
    """What the audit log says was done so."""
    rows = run.gateway.db.reader.execute("SELECT entry FROM audit").fetchall()
    return [entry["object"] for (raw,) in rows if (entry := json.loads(raw))["action"] == action]


# -- double opt-in -----------------------------------------------------------------------------------------------------


async def test_a_yes_is_confirmed_by_a_mail_of_its_own(run):
    """In Germany: no offer before the link's button was pressed, offers after it; with form, mail and address."""
    asked, link = await ask(run, proof_ref="form 17")
    mail = await run.message(asked["message_id"], "?include=content")
    assert (mail["class"], mail["compliance"]["basis"]) == ("transactional", ["CORE-CLS-6"])
    assert mail["content"]["subject"] == "Zur Bestätigung: Nachrichten von Quinta das Flores"
    assert "EU-EPRIV-1" in await reasons(run)
    page = await press(run, link)
    assert (page.status, b"<h1>Best\xc3\xa4tigt</h1>" in page.raw) == (200, True)
    assert await reasons(run) == []
    (consent,) = (await state(run, mail["guest_id"], "&include=content"))["consents"]
    assert consent["content"]["proof_ref"].startswith(f"form 17; {asked['message_id']}, asked 2026-11-24T10:00:00Z")
    assert (consent["content"]["ip"], consent["status"]) == ("127.0.0.1", "counts")
    assert (consent["source"], consent["confirmed_at"]) == ("double_opt_in", "2026-11-24T10:00:00Z")
    assert audited(run, "consent.asked") == [asked["id"]]
    assert audited(run, "consent.grant") == [consent["id"]]


async def test_only_the_button_says_yes_and_only_once(run):
    """Looking agrees to nothing, nor does a button nobody was shown; pressing twice is one yes."""
    asked, link = await ask(run)
    guest = (await run.message(asked["message_id"]))["guest_id"]
    for method in ("GET", "HEAD"):
        page = await run.call(method, link, headers=STRANGER)
        assert (page.status, "Set-Cookie" in page.headers) == (200, False)
        assert b"ana@example.org" not in page.raw
    assert (await run.call("POST", link, b"form=x", headers=FORM)).status == 403
    forged = run.gateway.vault.links.make("receipt", bytes(16), "email", bytes(16), 1)
    for dead in (link[:-4], f"/c/{forged}", f"/r/{link[3:]}"):
        assert (await run.call("GET", dead, headers=STRANGER)).status == 404
    assert (await state(run, guest))["events"] == 0
    form = re.search(rb'name="form" value="([^"]+)"', (await run.call("GET", link, headers=STRANGER)).raw)[1]
    for _ in range(2):
        assert (await run.call("POST", link, b"form=" + form, headers=FORM)).status == 200
    assert (await state(run, guest))["events"] == 1


async def test_a_question_lives_for_thirty_days(run, clock):
    """On the last day the page is there; after it the link is dead, and the question forgotten."""
    _, link = await ask(run, proof_ref="form 17")
    count = "SELECT count(*) FROM asks"
    clock.forward(30 * DAY - 60)
    await run.gateway.parts.asks.tidy()
    assert (await run.call("GET", link, headers=STRANGER)).status == 200
    clock.forward(120)
    assert (await run.call("GET", link, headers=STRANGER)).status == 404
    await run.gateway.parts.asks.tidy()
    assert run.gateway.db.reader.execute(count).fetchone() == (0,)


async def test_nobody_is_pestered_with_questions(run, clock):
    """The same within the hour sends nothing; other ones go, up to five a day; the next day again."""
    first, _ = await ask(run)
    assert (await ask(run))[0] == first
    for category in ("a", "b", "c", "d"):
        await ask(run, categories=[category])
    reply = await run.call("POST", ASK, {"guest": ANA, "categories": ["e"]})
    assert (reply.status, reply.json["type"]) == (409, "urn:guest-gateway:problem:conflict")
    assert len((await run.call("GET", "/communications/messages")).json["items"]) == 5
    clock.forward(DAY)
    await ask(run, categories=["e"])


async def test_a_confirmed_yes_is_the_guests_latest_word(run, clock):
    """It lifts an earlier stop; one that was recorded by staff does not, and a complaint stays for good."""
    await known(run, **ANA)
    await run.call("POST", STOP, {"guest": ANA["email"]})
    clock.forward(60)
    await run.yes(ANA, source="front_desk", confirmed_at="2026-11-24T10:01:00Z")
    assert await reasons(run) == ["CORE-SUP-2"]
    _, link = await ask(run)
    await press(run, link)
    assert await reasons(run) == []
    await run.call("POST", STOP, {"guest": ANA["email"], "source": "complaint"})
    clock.forward(3600)
    await press(run, (await ask(run))[1])
    assert await reasons(run) == ["CORE-SUP-2"]


async def test_words_that_are_not_kept_cannot_be_asked_with(run):
    """Unknown words, words for another channel or topic, and a page nobody could open: told, and nothing is sent."""
    wording = {"version": "2026-03", "language": "pt", "text": "Sim, quero.", "categories": ["news"]}
    assert (await run.call("POST", WORDINGS, wording)).status == 201
    for order, pointer in (
        ({"wording_version": "2025"}, "/wording_version"),
        ({"wording_version": "2026-03", "channels": ["sms"]}, "/channels"),
        ({"wording_version": "2026-03", "categories": ["spa"]}, "/categories"),
    ):
        reply = await run.call("POST", ASK, {"guest": ANA} | order)
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)
    assert (await run.call("GET", "/communications/messages")).json["items"] == []
    asked, _ = await ask(run, wording_version="2026-03")
    text = (await run.message(asked["message_id"], "?include=content"))["content"]["text"]
    assert "Sim, quero." in text


async def test_what_the_manual_sends_is_taken(run):
    """Its bodies one after the other: words kept, a guest asked with them, a list rehearsed."""
    body = {"contacts": [{"kind": "email", "address": "bela@example.org"}], "tags": ["bride-side"]}
    await run.call("POST", "/communications/guests", body)
    shown = re.findall(r"^```json\nPOST (\S+)\n(.+?)^```$", MANUAL.read_text(), re.MULTILINE | re.DOTALL)
    statuses = [(await run.call("POST", path, json.loads(example))).status for path, example in shown]
    assert statuses == [201, 202, 200]


# -- the words --------------------------------------------------------------------------------------------------------


async def test_words_are_kept_for_good(run):
    """Listed, shown, one version in two languages; never changed, and never under a name of the gateway's own."""
    german = {"version": "2026-03", "language": "de", "text": "Ja, gern.", "channels": ["email", "sms"]}
    made = await run.call("POST", WORDINGS, german)
    await run.call("POST", WORDINGS, german | {"language": "pt", "text": "Sim, quero."})
    assert made.json | german == made.json
    assert (await run.call("GET", f"{WORDINGS}/{made.json['id']}")).json == made.json
    assert (await run.call("POST", WORDINGS, german | {"text": "Anders."})).status == 409
    reserved = await run.call("POST", WORDINGS, german | {"version": "standard-1"})
    assert (reserved.status, reserved.json["errors"][0]["code"]) == (422, "reserved")
    assert len((await run.call("GET", f"{WORDINGS}?version=2026-03")).json["items"]) == 2
    assert (await run.call("GET", f"{WORDINGS}?version=2025")).json["items"] == []
    assert (await run.call("GET", f"{WORDINGS}/wrd_{'0' * 26}")).status == 404


async def test_a_receipt_shows_the_words_the_guest_saw(run):
    """In the guest's language, or the one that is named; of words that are not kept here it says so."""
    for language, text in (("de", "Ja, gern."), ("pt", "Sim, quero.")):
        await run.call("POST", WORDINGS, {"version": "2026-03", "language": language, "text": text})
    shown = []
    for facts in ({}, {"wording_language": "pt"}, {"wording_version": "elsewhere"}):
        made = (await run.yes(ANA, **({"wording_version": "2026-03"} | facts))).json
        shown.append((await run.call("GET", f"{CONSENT}/{made['id']}/receipt")).json["wording"])
    assert [wording["text"] for wording in shown] == ["Ja, gern.", "Sim, quero.", None]


# -- receipts ---------------------------------------------------------------------------------------------------------


def checked(folder, receipt, *more):
    """What the command says of a receipt: its exit code and output."""
    file = folder / "receipt.json"
    file.write_text(json.dumps(receipt))
    result = CliRunner().invoke(cli, ["audit", "receipt", str(file), "--data", str(folder / "data"), *more])
    return result.exit_code, result.output.strip()


async def test_a_receipt_can_be_checked_by_asking(run, clock):
    """Without a key: the genuine one is ours, recorded and logged, with a path that leads to the checkpoint's root; one
    with another letter, or of another house, is only said not to be genuine. What became of the consent is not told,
    and it works after the guest is gone."""
    made = (await run.yes(ANA)).json["id"]
    receipt = (await run.call("GET", f"{CONSENT}/{made}/receipt")).json
    await run.gateway.record.checkpoint()

    async def check(document):
        return (await run.call("POST", f"{CONSENT}/receipt/check", document, headers={"Authorization": None})).json

    said = await check(receipt)
    assert (said["genuine"], said["recorded"], said["logged"]) == (True, True, True)
    proof, under = said["proof"], parse(said["proof"]["checkpoint"].encode())
    path = [bytes.fromhex(one) for one in proof["path"]]
    (entry,) = audit.between(run.gateway.db.reader, proof["seq"], proof["seq"])
    assert leaf(entry).hex() == proof["leaf"] and made.encode() in entry
    assert includes(proof["seq"] - 1, under.size, entry, path, under.root)
    none = {"genuine": False, "recorded": False, "logged": False, "proof": None}
    for forged in (receipt | {"kind": "express_written"}, receipt | {"more": "x"}):
        assert await check(forged) == none
    assert (await check({}))["status"] == (await check("x"))["status"] == 422
    await run.call("POST", CONSENT, {"guest": ANA, "action": "withdraw"})
    assert await check(receipt) == said
    await alter(run)
    assert await check(receipt) == none | {"genuine": True, "recorded": True}
    await alter(run, "email")
    assert await check(receipt) == said
    await run.gateway.erasure.erase(ids.parse("gst", receipt["guest_id"]), "usr_privacy")
    assert await check(receipt) == said


async def test_a_receipt_can_be_kept_and_checked_by_anybody(run, tmp_path):
    """The guest's page and file; genuine under our key, also by the lines of the manual; not once it was changed."""
    _, link = await ask(run)
    page = (await press(run, link)).raw.decode()
    path = re.search(r'href="https?://[^/]+(/r/[\w-]+)"', page)[1]
    shown = await run.call("GET", path, headers=STRANGER)
    file = await run.call("GET", f"{path}/receipt.json", headers=STRANGER)
    assert (shown.status, file.status, file.json["id"].encode() in shown.raw) == (200, 200, True)
    assert file.json["wording"]["text"].encode() in shown.raw
    assert b"ana@example.org" not in shown.raw + file.raw
    key = public_text(run.gateway.vault.signer)
    assert checked(tmp_path, file.json) == (0, f"ok {file.json['id']}")
    assert checked(tmp_path, file.json | {"channels": ["sms"]})[0] == 1
    assert checked(tmp_path, file.json, "--key", "A" * 43 + "=")[0] == 1
    assert genuine(file.json, key)
    (tmp_path / "check.py").write_text(
        re.search(r"^```python\n(.+?)^```$", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]
    )
    command = [sys.executable, tmp_path / "check.py"]
    for receipt, code in ((file.json, 0), (file.json | {"guest_id": "gst_x"}, 1)):
        (tmp_path / "kept.json").write_text(json.dumps(receipt))
        done = await asyncio.to_thread(subprocess.run, [*command, tmp_path / "kept.json", key], capture_output=True)
        assert done.returncode == code


async def test_the_page_of_a_receipt_says_whether_it_is_on_record(run):
    """In the reader's language; and that it is not, where the ledger was altered behind the audit log's back."""
    _, link = await ask(run)
    path = re.search(r'href="https?://[^/]+(/r/[\w-]+)"', (await press(run, link)).raw.decode())[1]

    async def said(language, key):
        page = await run.call("GET", f"{path}?lang={language}", headers=STRANGER)
        return catalogue(language).say(f"receipt.{key}") in page.raw.decode()

    for language in LANGUAGES:
        assert (await said(language, "on_record"), await said(language, "not_on_record")) == (True, False)
    await alter(run)
    assert (await said("en", "on_record"), await said("en", "not_on_record")) == (False, True)


async def alter(run, channel="sms"):
    """Have the ledger say that another channel was agreed to, as somebody with the file in his hands would."""
    other = "UPDATE consents SET facts = json_set(facts, '$.channels[0]', ?) WHERE facts LIKE '%\"channels\":[%'"
    await run.gateway.db.do(lambda tx: tx.execute(other, (channel,)))


async def test_a_receipt_says_what_has_become_of_it(run, clock):
    """Taken back later: the first receipt says when, and the withdrawal has one of its own; a reminder has none."""
    given = (await run.yes(ANA)).json["id"]
    clock.forward(60)
    no = (await run.call("POST", CONSENT, {"guest": ANA, "action": "withdraw"})).json["id"]
    receipts = [(await run.call("GET", f"{CONSENT}/{one}/receipt")).json for one in (given, no)]
    assert [one["action"] for one in receipts] == ["grant", "withdraw"]
    assert receipts[0]["withdrawn_at"] == "2026-11-24T10:01:00Z"
    assert (await run.call("GET", f"{CONSENT}/con_{'0' * 26}/receipt")).status == 404


# -- asking those who did not ask -------------------------------------------------------------------------------------


async def test_guests_of_a_list_are_asked_once_where_the_law_lets_one_ask(run, clock):
    """Asked in Portugal, refused in Canada and Germany with citations; who said stop or agreed is left out; a rehearsal
    stores nothing, and a second round asks nobody."""
    people = {"pt": "PT", "ca": "CA", "de": "DE", "stopped": "PT", "agreed": "PT"}
    for name, country in people.items():
        await known(run, email=f"{name}@example.org", country=country)
    await run.call("POST", STOP, {"guest": "stopped@example.org"})
    await run.yes({"email": "agreed@example.org"})
    guests = [f"{name}@example.org" for name in people]
    order = {"guests": [*guests, "nobody@example.org", "no address"]}
    before = run.gateway.db.reader.execute("SELECT count(*) FROM messages").fetchone()
    rehearsed = (await run.call("POST", FIRST, order | {"dry_run": True})).json
    assert run.gateway.db.reader.execute("SELECT count(*) FROM messages").fetchone() == before
    asked = (await run.call("POST", FIRST, order)).json
    assert (rehearsed, asked["asked"], asked["refused"]) == (asked, 1, 2)
    cited = {one["rule"]: one["citation"] for one in asked["refused_by"]}
    assert cited.keys() == {"CA-CASL-1", "CA-CASL-10", "EU-EPRIV-1", "CORE-CLS-7"}
    assert cited["CA-CASL-10"] == "S.C. 2010 c. 23 s. 1(3)"
    assert asked["left_out"] == [{"why": "said-stop", "count": 1}, {"why": "agreed", "count": 1}]
    assert [one["code"] for one in asked["rejected"]] == ["unknown-guest", "bad-email"]
    clock.forward(400 * DAY)
    again = (await run.call("POST", FIRST, order)).json
    assert (again["asked"], again["left_out"][0]) == (0, {"why": "asked-before", "count": 1})


async def test_who_is_asked_first_answers_on_the_same_page(run):
    """By tag; the mail says where the address came from and no more; the button makes it a consent."""
    body = {"contacts": [{"kind": "email", "address": "bela@example.org"}], "country": "PT", "tags": ["bride"]}
    guest = (await run.call("POST", "/communications/guests", body)).json["id"]
    reply = await run.call("POST", FIRST, {"guests": {"filter": {"tags": ["bride"]}}, "categories": ["spa"]})
    assert (reply.status, reply.json["asked"]) == (200, 1)
    (mail,) = (await run.call("GET", "/communications/messages?include=content")).json["items"]
    assert (mail["class"], mail["content"]["subject"]) == ("informational", "May Quinta das Flores write to you?")
    await press(run, re.search(r"https?://[^/]+(/c/[\w-]+)", mail["content"]["text"])[1])
    (consent,) = (await state(run, guest))["consents"]
    assert (consent["categories"], consent["status"]) == (["spa"], "counts")
    assert (await run.call("POST", FIRST, {"guests": {"filter": {}}})).status == 422


async def test_a_customer_in_canada_may_be_asked_for_more(run):
    """Asking is advertising there: whoever may get it, because he bought something this year, may be asked too."""
    cy = {"email": "cy@example.org", "country": "CA", "timezone": "America/Toronto"}
    await known(run, **cy)
    assert (await run.call("POST", FIRST, {"guests": ["cy@example.org"]})).json["refused"] == 1
    await run.yes(cy, kind="implied_purchase", event_at="2026-06-01T00:00:00Z")
    assert (await run.call("POST", FIRST, {"guests": ["cy@example.org"]})).json["asked"] == 1


# -- with a list ------------------------------------------------------------------------------------------------------

HEAD = "email,country,consent_kind,consent_granted_at,consent_wording,consent_source,consent_proof"
FULL = "PT,express,2025-03-09,2025-01,old newsletter,sheet 4 line 17"


async def load(run, *lines, query=""):
    raw = "\r\n".join([HEAD, *lines]).encode()
    headers = {"Content-Type": "text/csv"}
    return await run.call("POST", f"/communications/guests/import{query}", data=io.BytesIO(raw), headers=headers)


async def test_a_list_brings_consents_with_their_proof(run):
    """Those with date, words and proof count; others are recorded, named, and do not; a known guest gets his too."""
    await known(run, email="ana@example.org", country="PT")
    lines = [f"ana@example.org,{FULL}", f"ben@example.org,{FULL}", "cy@example.org,PT,express,,2025-01,,",
             "dora@example.org,PT,,,,,"]  # fmt: skip
    report = (await load(run, *lines)).json
    missing = {"consent_proof": 1, "consent_granted_at": 1}
    assert report["consents"] == {"told": 3, "counting": 2, "missing": missing}
    noted = [(one["line"], one["code"], one["column"]) for one in report["lines"]]
    assert noted == [(4, "consent-incomplete", column) for column in ("consent_proof", "consent_granted_at")]
    assert [await reasons(run, f"{name}@example.org") for name in ("ana", "ben")] == [[], []]
    assert [await reasons(run, f"{name}@example.org") for name in ("cy", "dora")] == [["EU-EPRIV-1"]] * 2
    (guest,) = (await run.call("POST", "/communications/guests/search", {"email": "ben@example.org"})).json["items"]
    (consent,) = (await state(run, guest["id"], "&include=content"))["consents"]
    assert (consent["source"], consent["granted_at"]) == ("import", "2025-03-09T00:00:00Z")
    assert consent["content"]["proof_ref"] == "old newsletter: sheet 4 line 17"


async def test_a_list_sent_again_records_nothing_twice(run):
    """Not for new guests, not for known ones, not for a line that stands twice in one file."""
    for _ in range(2):
        assert (await load(run, f"ben@example.org,{FULL}", f"ben@example.org,{FULL}")).json["consents"]["told"] == 1
    assert len(audited(run, "consent.grant")) == 1


async def test_a_list_never_undoes_a_stop(run, clock):
    """Whatever it says of its source; and a cell that is no consent stops the whole list."""
    await known(run, email="ben@example.org", country="PT")
    await run.call("POST", STOP, {"guest": "ben@example.org"})
    clock.forward(60)
    later = "PT,express,2026-11-24T10:00:30Z,2025-01,web_form,form 17"
    assert (await load(run, f"ben@example.org,{later}")).json["consents"]["counting"] == 1
    assert await reasons(run, "ben@example.org") == ["CORE-SUP-2"]
    bad = await load(run, "cy@example.org,PT,certainly,yesterday,2025-01,,x")
    codes = [(one["code"], one["column"]) for one in bad.json["report"]["lines"]]
    assert codes == [("bad-consent_kind", "consent_kind"), ("bad-consent_granted_at", "consent_granted_at")]
    assert len(audited(run, "guests.imported")) == 1


# -- as it stood, and when it ends ------------------------------------------------------------------------------------


async def test_what_was_agreed_can_be_asked_for_at_every_past_time(run, clock):
    """Given, confirmed later, run out, taken back: each day has its own answer, whatever came after it."""
    start = clock.now()
    await run.yes(ANA, expires_at="2026-11-27T10:00:00Z")
    for action, facts in (("renew", {"confirmed_at": "2026-11-25T09:00:00Z"}), ("withdraw", {})):
        clock.forward(DAY if action == "renew" else 4 * DAY)
        await run.call("POST", CONSENT, {"guest": ANA, "action": action} | facts)
    guest = (await run.call("GET", "/communications/messages")).json["items"][0]["guest_id"]
    told = {}
    for hours in (-1, 1, 25, 24 * 3 + 1, 24 * 5 + 1):
        clock.set(start + hours * 3_600_000)
        moment = f"{(await state(run, guest))['at']}"
        clock.set(start + 30 * DAY * 1000)
        consents = (await state(run, guest, f"&at={moment}"))["consents"]
        told[hours] = [(one["status"], "confirmed_at" in one) for one in consents]
    assert told == {
        -1: [], 1: [("counts", False)], 25: [("counts", False), ("counts", True)],
        73: [("expired", False), ("expired", True)], 121: [("withdrawn", False), ("withdrawn", True)],
    }  # fmt: skip


async def test_the_proof_is_for_whoever_may_read_content_and_is_noted(run):
    """Without the scope it is refused; with it one entry in the audit log; unasked, it is not there."""
    await run.yes(ANA, ip="203.0.113.9")
    guest = (await run.call("GET", "/communications/messages")).json["items"][0]["guest_id"]
    assert "content" not in (await state(run, guest))["consents"][0]
    before = len(audited(run, "content.read"))
    assert (await state(run, guest, "&include=content"))["consents"][0]["content"] == {
        "proof_ref": "form 17", "ip": "203.0.113.9",
    }  # fmt: skip
    assert len(audited(run, "content.read")) == before + 1
    run.key = await run.draw("consent")
    assert (await run.call("GET", f"{CONSENT}?guest={guest}&include=content")).status == 403
    wrong = await run.call("POST", CONSENT, {"guest": ANA, "action": "grant", "ip": "at home"})
    assert wrong.json["errors"][0]["pointer"] == "/ip"


CY = {"email": "cy@example.org", "country": "CA", "timezone": "America/Toronto"}


def told(run):
    """What webhooks hear of consents that end: (action, whether it names when)."""
    reader, payloads = run.gateway.db.reader, run.gateway.parts.webhooks.payloads
    facts, _ = feed.after(reader, feed.Marks(0, 0, 0, 0, 0, 0), 100)
    data = [json.loads(payloads.of(reader, fact, False))["data"] for fact in facts if fact.source == "consents"]
    return [(one["action"], one["consent_id"], one.get("ends_at")) for one in data]


@pytest.mark.parametrize(
    ("facts", "rule", "ends_at"),
    [
        ({"kind": "implied_purchase", "event_at": "2024-12-20T15:00:00Z"}, "CA-CASL-2", "2026-12-21T05:00:00Z"),
        ({"kind": "express", "expires_at": "2026-12-21T05:00:00Z"}, "CORE-CON-5", "2026-12-21T05:00:00Z"),
    ],
)
async def test_a_consent_that_ends_is_told_ahead_and_when_it_does(run, clock, facts, rule, ends_at):
    """24 months after a purchase in Canada, to the end of that day in Toronto, or on its own day: each told once."""
    clock.set(parse_rfc3339("2026-11-01T00:00:00Z"))
    made = (await run.yes(CY, **facts)).json["id"]
    endings = run.gateway.parts.endings
    (item,) = (await run.call("GET", f"{ENDING}?within=60d")).json["items"]
    assert (item["id"], item["rule"], item["ends_at"]) == (made, rule, ends_at)
    assert item["citation"]
    assert (await run.call("GET", f"{ENDING}?within=40d")).json["items"] == []
    for day, expected in ((10, 0), (25, 1), (26, 1), (60, 2), (61, 2)):
        clock.set(parse_rfc3339("2026-11-01T00:00:00Z") + day * DAY * 1000)
        await endings.look()
        reminders = [one for one in told(run) if one[0] in ("expiring", "expired")]
        assert len(reminders) == expected
    assert reminders == [("expiring", made, ends_at), ("expired", made, ends_at)]
    assert (await run.call("GET", ENDING)).json["items"] == []


async def test_what_was_overtaken_is_not_announced(run, clock):
    """Taken back, or followed by a newer one; and what was over when a list brought it is no news."""
    soon = {"kind": "soft_opt_in", "expires_at": "2026-12-01T00:00:00Z"}
    await run.yes(ANA, **soon)
    await run.yes({"email": "ben@example.org", "country": "PT"}, **soon)
    await run.yes({"email": "old@example.org", "country": "PT"}, **soon | {"expires_at": "2026-01-01T00:00:00Z"})
    kept = (await run.yes({"email": "cy@example.org", "country": "PT"}, **soon)).json["id"]
    await run.call("POST", CONSENT, {"guest": ANA, "action": "withdraw", "kind": "soft_opt_in"})
    later = soon | {"expires_at": "2029-01-01T00:00:00Z"}
    await run.call("POST", CONSENT, {"guest": "ben@example.org", "action": "renew"} | later)
    await run.gateway.parts.endings.tidy()
    assert [one[1] for one in told(run) if one[0] == "expiring"] == [kept]
    await run.gateway.parts.endings.tidy()
    assert len([one for one in told(run) if one[0] == "expiring"]) == 1
    assert len((await run.call("GET", f"{ENDING}?within=900d")).json["items"]) == 2
