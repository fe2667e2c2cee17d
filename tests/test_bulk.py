"""One message to many: who gets it and who does not, on disk together or not at all, on its way, and called off."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from gateway import bulk
from gateway.errors import StorageFull
from gateway.ledger import verify
from tests.running import BOOKING, CONFIG, NEWS, YES, running
from tests.smtp_peer import Peer, receiving
from tests.test_delivery import OUTBOX, SMTP

BULK = "/communications/messages/bulk"
LATER = {"deliver_at": "2099-01-01T00:00:00Z"}
KEY = {"headers": {"Idempotency-Key": "one"}}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver by itself."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


def everybody(count, **more):
    return [{"to": f"guest{number}@example.org"} | more for number in range(count)]


async def send(run, recipients, order=BOOKING, key="one", **change):
    headers = {"Idempotency-Key": key}
    return await run.call("POST", BULK, order | {"recipients": recipients} | change, headers=headers)


def rows(run, question):
    with closing(sqlite3.connect(run.gateway.data.database)) as store:
        return store.execute(question).fetchone()[0]


async def finished(run, public):
    """The batch once nothing in it waits any more."""
    for _ in range(500):
        batch = (await run.call("GET", f"/communications/batches/{public}")).json
        if batch["status"] != "working":
            return batch
        await asyncio.sleep(0.02)
    raise AssertionError(batch)


# -- taken ------------------------------------------------------------------------------------------------------------


async def test_a_batch_is_taken_and_every_message_of_it_arrives(tmp_path):
    """202 with the counts and where to look; each guest gets his own mail; the record holds one entry for all."""
    async with running(tmp_path) as run:
        reply = await send(run, everybody(30))
        assert (reply.status, reply.json["accepted"], reply.json["rejected_total"]) == (202, 30, 0)
        assert reply.headers["Location"] == f"/communications/batches/{reply.json['id']}"
        batch = await finished(run, reply.json["id"])
        assert (batch["counts"], batch["total"], batch["status"]) == ({"sent": 30}, 30, "finished")
        assert len(run.mails()) == 30
        page = (await run.call("GET", f"/communications/messages?batch={reply.json['id']}&limit=1")).json["items"][0]
        story = await run.message(page["id"], "?include=content")
        assert [event["type"] for event in story["events"]] == ["accepted", "sent"]
        assert (story["batch"], story["content"]["text"]) == (reply.json["id"], BOOKING["text"])
        assert verify(run.gateway.data.database).ok
    with closing(sqlite3.connect(tmp_path / "data/gateway.db")) as store:
        entries = store.execute("SELECT entry FROM audit").fetchall()
    actions = [json.loads(entry)["action"] for (entry,) in entries]
    assert (actions.count("batch.accepted"), actions.count("message.accepted")) == (1, 0)
    assert actions.count("message.sent") == 30


async def test_faulty_recipients_are_left_out_and_listed(run):
    """Each with its place, a code and a pointer, never with what was given; the others go."""
    reply = await send(run, [
        {"to": "good@example.org"}, {"to": "not an address"}, {"to": "Good@Example.org"}, {"too": "x"}, {"to": 7},
        {"to": {"email": "fine@example.org", "timezone": "Mars/Base"}}, {"to": "also@example.org"},
    ])  # fmt: skip
    assert (reply.status, reply.json["accepted"], reply.json["rejected_total"]) == (202, 2, 5)
    assert [(one["index"], one["code"], one["pointer"]) for one in reply.json["rejected"]] == [
        (1, "bad-email", "/recipients/1/to"),
        (2, "duplicate", "/recipients/2/to"),
        (3, "unknown-field", "/recipients/3/too"),
        (4, "invalid", "/recipients/4/to"),
        (5, "unknown-zone", "/recipients/5/to/timezone"),
    ]
    assert "not an address" not in reply.raw.decode()


async def test_one_fault_refuses_all_where_that_is_asked(run):
    """422 with every fault, and nothing stored; without the fault the same order goes."""
    refused = await send(run, [*everybody(3), {"to": "bad"}], on_fault="refuse")
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/recipients/3/to")
    assert rows(run, "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM batches)") == 0
    assert (await send(run, everybody(3), on_fault="refuse")).status == 202


async def test_nobody_left_is_refused(run):
    """A batch to nobody is a mistake, and is said to be one."""
    assert (await send(run, [{"to": "bad"}])).status == 422
    assert (await send(run, [])).json["errors"][0]["pointer"] == "/recipients"


async def test_who_may_not_be_written_to_is_counted_by_rule(run):
    """Marketing goes to the one who agreed; the others are kept as blocked messages and counted with citations."""
    guest = {"email": "guest0@example.org", "country": "PT"}
    await run.yes(guest)
    reply = await send(run, [{"to": guest}, {"to": {"email": "guest1@example.org", "country": "DE"}}], NEWS)
    assert (reply.json["accepted"], reply.json["blocked"]) == (1, 1)
    assert reply.json["blocked_by"][0]["rule"] == "EU-EPRIV-1"
    assert "2002/58" in reply.json["blocked_by"][0]["citation"]
    assert (await run.call("GET", f"/communications/batches/{reply.json['id']}")).json["counts"]["blocked"] == 1


@pytest.mark.parametrize("class_", ["emergency", "legal"])
async def test_a_dangerous_class_needs_its_own_scope(run, class_):
    """The right to send in bulk does not imply it; with the scope named it goes."""
    order = BOOKING | {"class": class_}
    run.key = await run.draw("send.bulk")
    assert (await send(run, everybody(1), order)).status == 403
    run.key = await run.draw("send.bulk", f"send.{class_}")
    assert (await send(run, everybody(1), order)).status == 202


@pytest.mark.parametrize(
    "body",
    [
        '{"recipients": [{"to": "a@example.org"}], "recipients": [{"to": "b@example.org"}], %s}',
        '{"recipients": [{"to": "a@example.org"}], "category": "booking", %s}',
        '{"recipients": [{"to": "a@example.org"}], "nonsense": {"a": 1, "a": 2}, %s}',
        '{"recipients": [{"to": "a@example.org"}, %s}',
    ],
)
async def test_the_frame_is_one_document_or_nothing(run, body):
    """What two readers could read differently is refused, wherever the list of recipients stands."""
    rest = json.dumps(BOOKING)[1:-1]
    assert (await run.call("POST", BULK, (body % rest).encode(), **KEY)).json["type"].endswith("bad-json")
    good = "{" + rest + ', "recipients": [{"to": "a@example.org"}]}'
    assert (await run.call("POST", BULK, good.encode(), **KEY)).status == 202


async def test_what_is_wrong_outside_the_list_is_named(run):
    """All of it at once, and nothing about the list."""
    reply = await send(run, everybody(2), channel="pigeon", surprise=1)
    assert {fault["pointer"] for fault in reply.json["errors"]} == {"/channel", "/surprise"}
    assert (await send(run, everybody(2), subject=None)).json["errors"][0]["pointer"] == "/subject"


async def test_a_segment_is_whoever_is_in_it_at_that_moment(run):
    """By tags, language and country together; whoever has no address of the channel is left out; who joins later gets
    nothing, also when the request is repeated. A segment that says nothing, or has nobody in it, is refused."""
    people = (
        ("a@example.org", "PT", "pt-BR", ["wedding", "vip"]),
        ("b@example.org", "PT", "pt", ["wedding"]),
        ("c@example.org", "SE", "sv", ["wedding", "vip"]),
        ("+351912345678", "PT", "pt", ["wedding", "vip"]),
    )
    for address, country, language, tags in people:
        contact = {"kind": "email" if "@" in address else "phone", "address": address}
        body = {"contacts": [contact], "country": country, "language": language, "tags": tags}
        assert (await run.call("POST", "/communications/guests", body)).status == 201

    async def to(key="one", **segment):
        return await send(run, {"filter": segment}, key=key)

    first = await to(tags=["wedding"], language="pt", country="PT")
    assert (first.status, first.json["accepted"]) == (202, 2)
    await send(run, [{"to": "later@example.org"}], key="later")
    assert (await to(tags=["wedding"], language="pt", country="PT")).raw == first.raw
    assert (await to("two", tags=["wedding", "vip"])).json["accepted"] == 2
    assert (await to("three", language="PT-br")).json["accepted"] == 1
    for key, segment, code in (("four", {}, "missing"), ("five", {"tags": ["nobody"]}, "nobody")):
        reply = await to(key, **segment)
        assert (reply.json["errors"][0]["pointer"], reply.json["errors"][0]["code"]) == ("/recipients/filter", code)
    assert (await send(run, {"filter": {"tag": "x"}})).json["errors"][0]["pointer"] == "/recipients/filter/tag"


# -- once -------------------------------------------------------------------------------------------------------------


async def test_the_key_is_needed_and_makes_it_once(run):
    """Without one it is refused; the same key and body get the same bytes again, another body does not."""
    assert (await run.call("POST", BULK, BOOKING | {"recipients": everybody(2)})).status == 400
    first, again = await send(run, everybody(2)), await send(run, everybody(2))
    assert (again.raw, again.headers["Idempotent-Replayed"]) == (first.raw, "true")
    assert rows(run, "SELECT count(*) FROM messages") == 2
    for other in (everybody(3), everybody(2, metadata={"room": "7"})):
        assert (await send(run, other)).json["type"].endswith("idempotency-key-reused")
    assert (await send(run, everybody(2), text="Other")).json["type"].endswith("idempotency-key-reused")


async def test_a_rehearsal_says_who_would_go_and_stores_nothing(run, clock):
    """Now, later (till when, by zone) or not (why); afterwards the store is as it was, and no guest was made."""
    clock.forward(12 * 3600)  # 22:00 UTC: night in Lisbon, morning in Tokyo
    people = [{"phone": "+351912345678", "country": "PT", "timezone": "Europe/Lisbon"},
              {"phone": "+81312345678", "country": "JP", "timezone": "Asia/Tokyo"}]  # fmt: skip
    for guest in people:
        await run.yes(guest, channels=["sms"])
    before = rows(run, "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM guests)")
    texts = {name: value for name, value in NEWS.items() if name != "subject"} | {"channel": "sms"}
    stranger = {"phone": "+491711234567", "country": "DE", "timezone": "Europe/Berlin"}
    reply = await send(run, [{"to": guest} for guest in (*people, stranger)], texts, dry_run=True)
    assert (reply.status, reply.json.get("id")) == (200, None)
    assert (reply.json["accepted"], reply.json["deferred"], reply.json["blocked"]) == (2, 2, 1)
    assert {wait["zone"] for wait in reply.json["waits"]} <= {"Europe/Lisbon", "Asia/Tokyo"}
    assert rows(run, "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM guests)") == before
    assert (await send(run, [{"to": people[1]}], texts)).status == 202
    assert rows(run, "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM guests)") == before + 1


# -- together or not at all -------------------------------------------------------------------------------------------


@pytest.fixture
def small_slices(monkeypatch):
    """Slices of ten, so that a small batch has several."""
    monkeypatch.setattr(bulk, "SLICE", 10)


def full_after(run, monkeypatch, slices):
    """Let the disk be full from then on."""
    write, left = run.gateway.db.write, [slices]

    async def limited(work, item=None, may_use_reserve=False):
        if isinstance(item, bulk.Slice):
            left[0] -= 1
            if left[0] < 0:
                raise StorageFull()
        return await write(work, item, may_use_reserve)

    monkeypatch.setattr(run.gateway.db, "write", limited)


async def test_a_batch_that_fails_half_way_leaves_nothing(run, monkeypatch, small_slices):
    """503, and neither message nor guest of it is left; the guest who was known before stays."""
    await run.send(BOOKING | LATER | {"to": "guest0@example.org"})
    with monkeypatch.context() as patch:
        full_after(run, patch, 2)
        assert (await send(run, everybody(45))).status == 503
    assert rows(run, "SELECT count(*) FROM messages") == 1
    assert rows(run, "SELECT count(*) FROM guests") == rows(run, "SELECT count(*) FROM contacts") == 1
    assert rows(run, "SELECT count(*) FROM batches") == 0
    assert (await send(run, everybody(45))).json["accepted"] == 45
    assert rows(run, "SELECT count(*) FROM guests") == 45


async def test_a_start_takes_away_what_was_cut_short(tmp_path, monkeypatch, small_slices):
    """A process that died in the middle of it: nobody saw its messages before, they are gone after. A guest whom
    somebody else wrote to meanwhile stays. What counted stays."""
    async with running(tmp_path, deliver=False) as run:
        whole = (await send(run, everybody(5), key="whole", **LATER)).json["id"]
        full_after(run, monkeypatch, 2)
        monkeypatch.setattr(bulk, "_forget", lambda tx, items: [0] * len(items))
        assert (await send(run, [{"to": f"new{number}@example.org"} for number in range(45)])).status == 503
        assert rows(run, "SELECT count(*) FROM messages") == 25
        assert len((await run.call("GET", "/communications/messages")).json["items"]) == 5
        half = rows(run, "SELECT lower(hex(uuid)) FROM messages ORDER BY id DESC LIMIT 1")
        known = await run.send(BOOKING | LATER | {"to": "new3@example.org"})
        assert known.status == 202
    monkeypatch.undo()
    async with running(tmp_path, deliver=False) as run:
        assert rows(run, "SELECT count(*) FROM messages") == 6
        assert rows(run, "SELECT count(*) FROM guests") == 6
        assert rows(run, f"SELECT count(*) FROM messages WHERE lower(hex(uuid)) = '{half}'") == 0
        assert (await run.call("GET", f"/communications/batches/{whole}")).json["total"] == 5
        assert (await run.message(known.json["id"]))["status"] == "deferred"


async def test_what_counts_and_was_not_put_on_its_way_goes_after_the_next_start(tmp_path):
    """A process that died right after its 202: the next one releases the batch, and every mail arrives once."""
    async with running(tmp_path, deliver=False) as run:
        public = (await send(run, everybody(700))).json["id"]
        assert rows(run, "SELECT count(*) FROM outbox") == 0
    async with running(tmp_path) as run:
        assert (await finished(run, public))["counts"] == {"sent": 700}
        assert len(run.mails()) == 700


async def test_guests_whom_two_requests_make_at_once_are_one(run, small_slices):
    """While a batch to new guests is written, single messages to the same come in: each address has one guest, and
    every message is readable."""
    singles = [run.send(BOOKING | LATER | {"to": f"guest{number}@example.org"}) for number in range(0, 60, 3)]
    replies = await asyncio.gather(send(run, everybody(60), **LATER), *singles)
    assert replies[0].json["accepted"] == 60
    assert rows(run, "SELECT count(*) FROM guests") == rows(run, "SELECT count(DISTINCT blind) FROM contacts") == 60
    for page in ("", f"batch={replies[0].json['id']}&"):
        items = (await run.call("GET", f"/communications/messages?{page}limit=100&include=content")).json["items"]
        assert all(item["content"]["text"] == BOOKING["text"] for item in items)


async def test_the_outbox_is_never_flooded(run):
    """While a large batch waits for its turn, only some of it is in the outbox: a single message is not the last."""
    await send(run, everybody(2600))
    release = run.gateway.parts.delivery.release
    release.start()
    for _ in range(100):
        await asyncio.sleep(0.02)
        if rows(run, "SELECT count(*) FROM outbox") >= 1000:
            break
    await asyncio.sleep(0.3)
    await release.stop()
    assert 1000 <= rows(run, "SELECT count(*) FROM outbox") <= 1500


# -- called off, and again --------------------------------------------------------------------------------------------


async def test_what_has_not_left_can_be_called_off(tmp_path):
    """All of a batch that is due next year, on its way or not yet; it is told, and nobody gets it."""
    async with running(tmp_path) as run:
        public = (await send(run, everybody(900), **LATER)).json["id"]
        reply = await run.call("POST", f"/communications/batches/{public}/cancel")
        assert reply.status == 202
        batch = await finished(run, public)
        assert (batch["status"], batch["counts"]) == ("cancelled", {"cancelled": 900})
        assert rows(run, "SELECT count(*) FROM outbox") == 0
        assert (await run.call("POST", "/communications/batches/bat_nonsense/cancel")).status == 404


async def test_a_leased_message_of_a_batch_that_was_called_off_stays(tmp_path):
    """It was in hand already, waiting for its provider: it is looked at once more and does not leave."""
    peer = Peer(faults={"OPEN": "421 4.3.2 not now"})
    async with receiving(peer):
        config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=peer.port, more="", give_up="1h")
        async with running(tmp_path, config) as run:
            public = (await send(run, everybody(20))).json["id"]
            await asyncio.sleep(0.3)
            await run.call("POST", f"/communications/batches/{public}/cancel")
            peer.faults.clear()
            batch = await finished(run, public)
    assert batch["counts"] == {"cancelled": 20}
    assert peer.mails == []


async def test_only_the_failed_are_sent_again(tmp_path):
    """A batch of its own, to those alone whom the first one did not reach; nothing failed is a conflict."""
    peer = Peer(faults={"RCPT": ["550 5.7.1 no", "550 5.7.1 no"]})
    async with receiving(peer):
        config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=peer.port, more="", give_up="1h")
        async with running(tmp_path, config) as run:
            public = (await send(run, everybody(6, metadata={"room": "7"}))).json["id"]
            assert (await finished(run, public))["counts"] == {"sent": 4, "failed": 2}
            again = await run.call("POST", f"/communications/batches/{public}/resend")
            assert (again.status, again.json["accepted"]) == (202, 2)
            batch = await finished(run, again.json["id"])
            assert (batch["counts"], batch["resend_of"]) == ({"sent": 2}, public)
            page = await run.call("GET", f"/communications/messages?batch={again.json['id']}&include=content")
            assert all(item["retry_of"] for item in page.json["items"])
            assert all(item["content"]["metadata"] == {"room": "7"} for item in page.json["items"])
            reply = await run.call("POST", f"/communications/batches/{again.json['id']}/resend")
            assert reply.status == 409
    assert len({mail.recipient for mail in peer.mails}) == 6


# -- live -------------------------------------------------------------------------------------------------------------


async def watched(run, public, last_seen=None):
    """What somebody who watches a batch is told, until the end."""
    headers = {"Authorization": f"Bearer {run.key}"} | ({"Last-Event-ID": last_seen} if last_seen else {})
    told = []
    url = f"{run.base}/communications/batches/{public}/events"
    async with asyncio.timeout(20), run.http.get(url, headers=headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["X-Request-Id"]
        text = (await answer.read()).decode()
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            told.append((lines["id"], json.loads(lines["data"])))
    return told


async def test_progress_is_told_live_and_goes_on_after_a_break(tmp_path):
    """Snapshots with a name each, the last one final; who comes back with the last name hears only what is new."""
    async with running(tmp_path) as run:
        public = (await send(run, everybody(1500))).json["id"]
        told = await watched(run, public)
        assert told[-1][1]["counts"] == {"sent": 1500}
        assert told[-1][1]["status"] == "finished"
        assert len({name for name, _ in told}) == len(told)
        assert await watched(run, public, told[-1][0]) == []
        assert await watched(run, public, "something old") == told[-1:]
        head = await run.call("HEAD", f"/communications/batches/{public}/events")
        assert head.status == 200
        assert (await run.call("GET", "/communications/batches/bat_nonsense/events")).status == 404


async def test_a_stop_is_obeyed_in_a_batch_too(run, clock):
    """Who says stop after the acceptance does not get it, and the others do."""
    for number in range(3):
        await run.yes({"email": f"guest{number}@example.org", "country": "PT"}, channels=YES.get("channels", ["email"]))
    recipients = [{"to": {"email": f"guest{number}@example.org", "country": "PT"}} for number in range(3)]
    public = (await send(run, recipients, NEWS)).json["id"]
    await run.call("POST", "/communications/compliance/unsubscribe", {"guest": "guest1@example.org"})
    await run.gateway.start()
    batch = await finished(run, public)
    await run.gateway.drain()
    assert batch["counts"] == {"sent": 2, "blocked": 1}
