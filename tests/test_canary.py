"""Nothing about a person in clear: marks are sent through every door and every fault, then searched for everywhere."""

import contextlib
import gc
import shutil
import sqlite3

import pytest

from gateway import ids
from gateway.vault import KeyDestroyed, Vault
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


# -- erased ----------------------------------------------------------------------------------------------------------

SEALED = {
    "contacts.address": "SELECT c.uuid, c.address_sealed FROM contacts c WHERE c.guest_id = ?",
    "guests.profile": "SELECT uuid, profile_sealed FROM guests WHERE id = ?",
    "messages.content": "SELECT uuid, content_sealed FROM messages WHERE guest_id = ?",
    "consents.proof": "SELECT uuid, proof_sealed FROM consents WHERE guest_id = ?",
    "consents.ip": "SELECT uuid, ip_sealed FROM consents WHERE guest_id = ?",
    "asks.form": "SELECT uuid, form_sealed FROM asks WHERE guest_id = ?",
    "holds.reason": "SELECT uuid, reason_sealed FROM holds WHERE guest_id = ?",
    "replies.text": "SELECT uuid, text_sealed FROM replies WHERE guest_id = ?",
    "complaints.words": "SELECT uuid, words_sealed FROM complaints WHERE guest_id = ?",
}
"""Everything that is sealed under a guest's key."""
IP = b"2001:db8::ca2a:41"


async def someone(run, mark):
    """A guest with his mark in everything there is to know of him, in what is sealed and in what is not; his id."""
    who = {"email": f"{mark}@example.org", "name": mark, "country": "PT"}
    words = {"subject": mark, "text": mark, "html": f"<p>{mark}</p>", "metadata": {"note": mark}, "reference": mark}
    sent = await run.send(BOOKING | words | {"to": who, "deliver_at": "2099-01-01T00:00:00Z"})
    guest = f"/communications/guests/{(await run.message(sent.json['id']))['guest_id']}"
    proof = {"proof_ref": mark, "ip": IP.decode()}
    question = {"wording_version": "offers-1", "proof_ref": mark}
    said = [
        await run.call("PATCH", guest, {"source": mark, "tags": [mark]}),
        await run.call("POST", "/communications/compliance/consent", {"guest": who} | YES | proof),
        await run.call("POST", "/communications/compliance/consent/ask", {"guest": who} | question),
        await run.call("POST", f"{guest}/hold", {"reason": mark}),
        await run.call("POST", "/communications/replies", {"channel": "email", "from": who["email"], "text": mark}),
        await run.call(
            "POST", "/communications/compliance/complaints", {"guest": who, "received_via": "letter", "words": mark}
        ),
    ]
    stop = await run.call("POST", "/communications/suppressions", {"guest": who})
    said.append(await run.call("POST", f"/communications/suppressions/{stop.json['id']}/lift", {"reason": mark}))
    assert [reply.status for reply in said] == [200, 201, 202, 201, 201, 201, 200]
    return guest.rpartition("/")[2]


def opened(vault, database, guest):
    """What the vault opens of a guest's seals in this copy of the store, by their places; "" where it opens none."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        (number, key) = db.execute(
            "SELECT id, key_id FROM guests WHERE uuid = ?", (ids.parse("gst", guest),)
        ).fetchone()
        found = {}
        for place, sql in SEALED.items():
            for row, sealed in db.execute(sql, (number,)):
                found.setdefault(place, b"")
                with contextlib.suppress(KeyDestroyed):
                    found[place] += vault.unseal(key, *place.split("."), row, sealed)
    return found


async def test_of_an_erased_guest_no_copy_says_anything(tmp_path):
    """Three guests, one is erased: his mark is in no file of data and keys, whether it was sealed or not, and of a
    backup from before today's keys open nothing of him; of the others, everything. What would still open it is an old
    copy of the key store, which is why none is kept."""
    async with running(tmp_path, deliver=False) as run:
        wording = {"version": "offers-1", "language": "en", "text": "Offers by e-mail, please.", "channels": ["email"]}
        assert (await run.call("POST", "/communications/compliance/wordings", wording)).status == 201
        gone, *kept = [await someone(run, mark) for mark in MARKS[:3]]
        data, backup, old_keys = run.gateway.data, tmp_path / "backup.db", tmp_path / "old-keys"
        with contextlib.closing(sqlite3.connect(data.database)) as db:
            db.execute("VACUUM INTO ?", (str(backup),))
        shutil.copytree(data.keys, old_keys)
        clear = [name for name, content in files(data.path).items() if MARKS[0].encode() in content]
        assert clear == ["gateway.db-wal"]
        assert (await run.call("DELETE", f"/communications/guests/{gone}/hold")).status == 204
        await run.gateway.erasure.erase(ids.parse("gst", gone), "usr_privacy")
        at_work = files(data.path)
        now = {guest: opened(run.gateway.vault, backup, guest) for guest in (gone, *kept)}
    at_rest = files(data.path)
    assert "gateway.db-wal" in at_work and "keys.db" in at_rest and "tombstones" in at_rest
    for name, content in [*at_work.items(), *at_rest.items()]:
        assert MARKS[0].encode() not in content, name
    assert MARKS[1].encode() in at_rest["gateway.db"]
    assert now[gone] == dict.fromkeys(SEALED, b"")
    for guest, mark in zip(kept, MARKS[1:3], strict=True):
        assert now[guest].keys() == SEALED.keys()
        assert all(mark.encode() in content or content == IP for content in now[guest].values())
    with contextlib.closing(Vault.open(old_keys, old_keys / "master.key")) as vault:
        found = opened(vault, backup, gone).values()
        assert all(MARKS[0].encode() in content or content == IP for content in found)
