"""Nothing about a person in clear: marks are sent through every door and every fault, then searched for everywhere."""

import gc

import pytest

from tests.running import BOOKING, CONFIG, NEWS, YES, running
from tests.smtp_peer import DROP, Peer, receiving
from tests.test_delivery import OUTBOX, SMTP

MARKS = [f"canary{number:02d}" for number in range(26)]
ADDRESS, NAME, SUBJECT, TEXT, HTML, PROOF, KEY, WORDS, REFUSED, OTHER, TYPO, METADATA = MARKS[:12]
CHECKED, SAID, AGENT, QUERY, PATH, TOKEN, CREDENTIAL, WITHDRAWN = MARKS[12:20]
GUEST, SOURCE, SOUGHT, LISTED, FAULTY, MISTAKE = MARKS[20:]
PHONE = "+351912345678"
PT = {"email": f"{ADDRESS}@example.org", "phone": PHONE, "name": f"Ana {NAME}", "country": "PT"}
REFERENCE = "nocanary-4711"


@pytest.fixture
async def through(tmp_path):
    """A gateway after all marks went through it, with failures on the way; and all it said in answer."""
    peer = Peer(faults={"TEXT": [f"451 4.3.0 {WORDS}", DROP, f"554 5.6.0 {WORDS}", None]})
    said = []
    async with receiving(peer):
        config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=peer.port, more="", give_up="1h")
        async with running(tmp_path, config) as run:
            order = BOOKING | {"to": PT, "subject": f"About {SUBJECT}", "text": f"Dear {TEXT}", "reference": REFERENCE,
                               "html": f"<p>{HTML}</p>", "metadata": {"note": METADATA}}  # fmt: skip
            sent = await run.send(order, headers={"Idempotency-Key": KEY})
            said.append(sent)
            said.append(await run.send(order | {"text": "x"}, headers={"Idempotency-Key": KEY}))
            said.append(await run.send(NEWS | {"to": f"{REFUSED}@example.org"}))
            said.append(await run.send(order | {"to": f"{TYPO}"}))
            said.append(await run.send(order | {"colour": TYPO, "channel": TYPO}))
            said.append(await run.call("POST", "/communications/messages/send", b"{" + TYPO.encode()))
            proof = {"guest": PT["email"]} | YES | {"proof_ref": f"form {PROOF}"}
            said.append(await run.call("POST", "/communications/compliance/consent", proof))
            stop = {"guest": f"{OTHER}@example.org"}
            said.append(await run.call("POST", "/communications/compliance/unsubscribe", stop))
            said += await strange(run, order)
            said += await guestbook(run)
            await run.until(sent.json["id"], "sent", "failed", seconds=20)
            guest = (await run.message(sent.json["id"]))["guest_id"]
            said.append(await run.call("GET", f"/communications/compliance/consent?guest={guest}"))
            again = await run.send(order)
            await run.until(again.json["id"], "sent", "failed", seconds=20)
            for path in ("messages", f"messages/{sent.json['id']}", "health"):
                said += [await run.call("GET", f"/communications/{path}")]
            run.base, main = run.local_base, run.base
            said.append(await run.call("GET", "/metrics"))
            run.base = main
            run.said = said
            run.at_work = files(tmp_path)
            yield run
        gc.collect()


async def strange(run, order):
    """What the other doors say of marks in bodies, paths, queries and headers."""
    posts = [
        ("compliance/check", {"message": order | {"to": f"{CHECKED}@example.org", "text": CHECKED}}),
        ("compliance/check", {"now": SAID, "recipient": {"country": SAID}}),
        ("compliance/unsubscribe", {"token": TOKEN}),
        ("compliance/consent", {"guest": f"{WITHDRAWN}@example.org", "action": "withdraw"}),
    ]
    gets = [
        (f"/communications/messages?q={QUERY}&guest={QUERY}", {}),
        (f"/communications/messages/{PATH}", {"User-Agent": AGENT}),
        (f"/u/{TOKEN}", {}),
        ("/health/live", {"Expect": AGENT}),
        ("/communications/messages", {"Authorization": f"Bearer gk_{CREDENTIAL}"}),
    ]
    said = [await run.call("POST", f"/communications/{path}", body) for path, body in posts]
    said += [await run.call("GET", path, headers=headers) for path, headers in gets]
    assert [reply.status for reply in said] == [200, 422, 404, 422, 422, 404, 404, 400, 401]
    return said


async def guestbook(run):
    """What the doors of guests and stops say of marks in members, lists and reasons."""
    table = {"Content-Type": "text/csv"}
    contacts = [{"kind": "email", "address": f"{GUEST}@example.org"}]
    said = [await run.call("POST", "/communications/guests", {"name": GUEST, "source": SOURCE, "contacts": contacts})]
    guest = f"/communications/guests/{said[0].json['id']}"
    said.append(await run.call("PATCH", guest, {"name": f"Ana {GUEST}", "tags": [f"Not {FAULTY}"]}))
    said.append(await run.call("PATCH", guest, {"name": f"Ana {GUEST}"}))
    said.append(await run.call("POST", "/communications/guests/search", {"email": f"{SOUGHT}@example.org"}))
    good, bad = f"{LISTED}@example.org,{LISTED}", f"{FAULTY},{FAULTY}"
    for lines in (f"email,name\n{good}\n{bad}\n", f"email,name\n{good}\n", f"{FAULTY}\n", f"email,{FAULTY}\n{good}\n"):
        path = "/communications/guests/import"
        said.append(await run.call("POST", path, lines.encode(), headers=table))
    stop = await run.call("POST", "/communications/suppressions", {"guest": f"{LISTED}@example.org"})
    path = f"/communications/suppressions/{stop.json['id']}/lift"
    said += [stop, await run.call("POST", path, {"reason": MISTAKE}), await run.call("POST", path, {"why": MISTAKE})]
    assert [reply.status for reply in said] == [201, 422, 200, 200, 422, 200, 422, 200, 201, 200, 422]
    return said


def files(folder):
    """Every byte below a folder, by file."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_no_mark_lies_in_the_clear(through, tmp_path):
    """No file of the data folder, the log or the index of either, while at work; what may be in clear is found."""
    assert {"gateway.db", "gateway.db-wal", "keys.db"} <= through.at_work.keys()
    for name, content in through.at_work.items():
        secret = through.key.rpartition("_")[2]
        found = [mark for mark in [*MARKS, PHONE, PHONE[1:], secret] if mark.encode() in content]
        assert not found, (name, found)
    assert any(REFERENCE.encode() in content for content in through.at_work.values())


async def test_no_mark_is_in_a_log_an_answer_or_a_metric(through):
    """Logs, errors, lists and metrics name nobody; what they should name is there."""
    log = through.log_text.getvalue()
    for reply in through.said:
        assert not [mark for mark in MARKS if mark.encode() in reply.raw], reply.raw
    assert not [mark for mark in [*MARKS, PHONE, through.key.rpartition("_")[2]] if mark in log]
    assert '"route":"/communications/messages/send"' in log
    assert any(b"gateway_messages_total" in reply.raw for reply in through.said)


async def test_the_marks_went_through(through):
    """The positive control: whoever may read the content gets every mark that was in it."""
    shown = (await through.call("GET", "/communications/messages?include=content")).raw.decode()
    assert {mark for mark in MARKS if mark in shown} == {ADDRESS, SUBJECT, TEXT, HTML, METADATA}
    given = (await through.call("GET", "/communications/guests/export?include=content")).raw.decode()
    assert {mark for mark in MARKS if mark in given} == {ADDRESS, NAME, GUEST, SOURCE, LISTED}
    shown = (await through.call("GET", "/communications/suppressions?include=content")).raw.decode()
    assert {mark for mark in MARKS if mark in shown} == {LISTED, MISTAKE}
