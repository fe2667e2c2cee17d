"""Nothing about a person in clear: marks are sent through every door and every fault, then searched for everywhere."""

import gc

import pytest

from tests.running import BOOKING, CONFIG, NEWS, YES, running
from tests.smtp_peer import DROP, Peer, receiving
from tests.test_delivery import OUTBOX, SMTP

MARKS = [f"canary{number:02d}" for number in range(12)]
ADDRESS, NAME, SUBJECT, TEXT, HTML, PROOF, KEY, WORDS, REFUSED, OTHER, TYPO, METADATA = MARKS
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
            await run.until(sent.json["id"], "sent", "failed", seconds=20)
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


def files(folder):
    """Every byte below a folder, by file."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_no_mark_lies_in_the_clear(through, tmp_path):
    """No file of the data folder, the log or the index of either, while at work; what may be in clear is found."""
    assert {"gateway.db", "gateway.db-wal", "keys.db"} <= through.at_work.keys()
    for name, content in through.at_work.items():
        found = [mark for mark in [*MARKS, PHONE, PHONE[1:]] if mark.encode() in content]
        assert not found, (name, found)
    assert any(REFERENCE.encode() in content for content in through.at_work.values())


async def test_no_mark_is_in_a_log_an_answer_or_a_metric(through):
    """Logs, errors, lists and metrics name nobody; what they should name is there."""
    log = through.log_text.getvalue()
    for reply in through.said:
        assert not [mark for mark in MARKS if mark.encode() in reply.raw], reply.raw
    assert not [mark for mark in [*MARKS, PHONE] if mark in log]
    assert '"route":"/communications/messages/send"' in log
    assert any(b"gateway_messages_total" in reply.raw for reply in through.said)


async def test_the_marks_went_through(through):
    """The positive control: whoever may read the content gets every mark that was in it."""
    shown = (await through.call("GET", "/communications/messages?include=content")).raw.decode()
    assert {mark for mark in MARKS if mark in shown} == {ADDRESS, SUBJECT, TEXT, HTML, METADATA}
