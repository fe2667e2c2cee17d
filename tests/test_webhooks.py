"""Webhooks over HTTP: added, changed and taken away; events come signed, in order, and until they are heard."""

import asyncio
import re
import time

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.clock import SystemClock
from gateway.config import load
from gateway.errors import StorageFull
from gateway.store import webhooks
from gateway.store.deliveries import tried as tried_work
from gateway.webhooks.post import SCHEDULE
from gateway.webhooks.target import verified
from tests.running import BOOKING, CONFIG, NEWS, YES, running
from tests.webhook_peer import NAME, WEBHOOKS, Ear, leading, listening

PT = {"email": "ana@example.org", "country": "PT"}
DAY = 86_400


def allowing(*ports):
    """A configuration under which webhooks may reach these peers."""
    allow = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    return f"{CONFIG}\n[egress]\nallow = [{allow}]\n"


@pytest.fixture
async def ear(tmp_path, monkeypatch):
    """A peer that listens at a name of its own."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    async with listening(Ear(), tmp_path) as ear:
        yield ear


@pytest.fixture
async def run(tmp_path, clock, ear):
    """A gateway that delivers, may reach the peer, and whose clock the test moves."""
    async with running(tmp_path, allowing(ear.port), clock) as run:
        yield run


async def added(run, ear, **more):
    """A webhook to the peer, with its secret."""
    reply = await run.call("POST", WEBHOOKS, {"url": f"https://{NAME}:{ear.port}/in?key=1"} | more)
    assert reply.status == 201, reply.json
    return reply.json


async def log(run, hook, query=""):
    return (await run.call("GET", f"{WEBHOOKS}/{hook['id']}/deliveries{query}")).json["items"]


async def settled(run, hook, count, seconds=10.0):
    """The log, oldest first, once so many were taken or given up."""
    for _ in range(int(seconds * 50)):
        items = await log(run, hook)
        if sum(one["status"] != "waiting" for one in items) >= count:
            return items[::-1]
        await asyncio.sleep(0.02)
    raise AssertionError(items)


async def tried(run, hook, attempts, seconds=10.0):
    """The only delivery, once it was tried so often."""
    for _ in range(int(seconds * 50)):
        items = await log(run, hook)
        if len(items) == 1 and items[0]["attempts"] >= attempts:
            return items[0]
        await asyncio.sleep(0.02)
    raise AssertionError(items)


# -- endpoints --------------------------------------------------------------------------------------------------------


async def test_a_webhook_is_added_seen_changed_and_taken_away(run, ear):
    """Its secret is shown once; edits carry the version that was seen."""
    made = await run.call("POST", WEBHOOKS, {"url": f"https://{NAME}:{ear.port}/in", "events": ["message.sent"]})
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made.json["secret"])
    path = f"{WEBHOOKS}/{made.json['id']}"
    seen = await run.call("GET", path)
    assert seen.json == {name: value for name, value in made.json.items() if name != "secret"}
    assert (seen.json["events"], seen.json["enabled"], seen.json["include_metadata"]) == (["message.sent"], True, False)
    change = {"events": ["*", "*"], "include_metadata": True, "url": f"https://{NAME}:{ear.port}/other"}
    stale = await run.call("PATCH", path, change, headers={"If-Match": '"7"'})
    assert (stale.status, stale.json["type"]) == (412, "urn:guest-gateway:problem:precondition")
    changed = await run.call("PATCH", path, change, headers={"If-Match": '"1"'})
    assert (changed.json["events"], changed.json["version"], changed.json["url"]) == (["*"], 2, change["url"])
    assert (await run.call("DELETE", path, headers={"If-Match": '"1"'})).status == 412
    assert (await run.call("DELETE", path, headers={"If-Match": '"2"'})).status == 204
    assert (await run.call("GET", path)).status == 404


async def test_webhooks_come_in_pages_and_there_is_an_end_to_them(run, ear):
    """Each is on one page; the twenty-first is refused."""
    made = [(await added(run, ear))["id"] for _ in range(20)]
    first = (await run.call("GET", f"{WEBHOOKS}?limit=15")).json
    second = (await run.call("GET", f"{WEBHOOKS}?limit=15&cursor={first['next_cursor']}")).json
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    more = await run.call("POST", WEBHOOKS, {"url": f"https://{NAME}:{ear.port}/"})
    assert more.status == 409


@pytest.mark.parametrize("events", [["message.sending"], ["guest.called"], ["message.*"], [], "message.sent"])
async def test_an_event_that_is_none_is_refused(run, ear, events):
    """Whoever asks for what is never told learns it at once; what is told is taken."""
    order = {"url": f"https://{NAME}:{ear.port}/", "events": events}
    refused = await run.call("POST", WEBHOOKS, order)
    assert refused.status == 422 and refused.json["errors"][0]["pointer"].startswith("/events")
    assert (await run.call("POST", WEBHOOKS, order | {"events": ["message.blocked"]})).status == 201


@pytest.mark.parametrize("name", ["nothing", "whk_aaaaaaaa", "usr_00000000000000000000000000"])
async def test_a_webhook_that_is_not_there_is_not_found(run, name):
    """Whatever the id looks like, at every door."""
    doors = [("GET", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")]
    for method, rest in doors:
        assert (await run.call(method, f"{WEBHOOKS}/{name}{rest}")).status == 404
    assert (await run.call("POST", f"{WEBHOOKS}/{name}/rotate", {})).status == 404


async def test_address_and_secrets_lie_sealed(run, ear, tmp_path):
    """An address may hold a key, so neither it nor a secret is in the clear in any file or log."""
    hook = await added(run, ear)
    await run.send(BOOKING | {"to": PT})
    await ear.until(2)
    files = {path.name: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    secret = hook["secret"].removeprefix("whsec_")
    for content in [*files.values(), run.log_text.getvalue().encode()]:
        assert secret.encode() not in content and NAME.encode() not in content
    assert any(b"message.sent" in content for content in files.values())


async def test_what_is_done_to_a_webhook_is_in_the_record(run, ear):
    """Added, changed, rotated, tried out, taken away, and by whom."""
    hook = await added(run, ear)
    path = f"{WEBHOOKS}/{hook['id']}"
    await run.call("PATCH", path, {"include_metadata": True})
    await run.call("POST", f"{path}/rotate", {})
    await run.call("POST", f"{path}/test")
    await run.call("DELETE", path)
    entries = [entry for (entry,) in run.gateway.db.reader.execute("SELECT entry FROM audit ORDER BY seq")]
    actions = [re.search(rb'"action":"webhook\.(\w+)"', entry) for entry in entries]
    assert [one[1] for one in actions if one] == [b"created", b"changed", b"rotated", b"tested", b"removed"]


# -- what is told -----------------------------------------------------------------------------------------------------


async def test_the_official_package_verifies_what_we_sign(tmp_path, ear):
    """Id, time and body are under the signature: any of them changed, and it does not hold. Ours agrees."""
    async with running(tmp_path, allowing(ear.port), SystemClock()) as run:
        hook = await added(run, ear)
        await run.send(BOOKING | {"to": PT})
        for one in await ear.until(2):
            official = Webhook(hook["secret"])
            assert official.verify(one.body, one.headers) == one.event
            assert verified(one.headers, one.body, hook["secret"], time.time())
            spoilt = [
                (one.body.replace(b"message", b"massage"), one.headers),
                (one.body, one.headers | {"webhook-id": "evt_0"}),
                (one.body, one.headers | {"webhook-timestamp": str(int(time.time()) - 360)}),
                (one.body, one.headers | {"webhook-signature": "v1,AAAA"}),
            ]
            for body, headers in spoilt:
                with pytest.raises(WebhookVerificationError):
                    official.verify(body, headers)
                assert not verified(headers, body, hook["secret"], time.time())


async def test_a_message_is_told_state_by_state(run, ear):
    """What the contract has in it and nothing else; states in the order they came about."""
    await added(run, ear)
    sent = await run.send(BOOKING | {"to": PT, "reference": "4711", "metadata": {"room": "12"}})
    queued, sent_event = [one.event for one in await ear.until(2)]
    assert queued == {
        "type": "message.queued",
        "timestamp": sent.json["created_at"],
        "data": {
            "message_id": sent.json["id"],
            "status": "queued",
            "channel": "email",
            "category": "booking",
            "reference": "4711",
            "reasons": sent.json["compliance"]["reasons"],
        },
    }
    assert (sent_event["type"], sent_event["data"]["status"]) == ("message.sent", "sent")


async def test_refused_deferred_and_cancelled_messages_are_told(run, ear):
    """With the rules that said so."""
    await added(run, ear)
    await run.send(NEWS | {"to": PT})
    later = (await run.send(BOOKING | {"to": PT, "deliver_at": "2099-01-01T00:00:00Z"})).json["id"]
    await run.call("POST", f"/communications/messages/{later}/cancel")
    heard = {one.event["type"]: one.event["data"] for one in await ear.until(3)}
    assert set(heard) == {"message.blocked", "message.deferred", "message.cancelled"}
    assert heard["message.blocked"]["reasons"]
    assert heard["message.deferred"]["message_id"] == later


async def test_metadata_is_told_only_to_whom_it_was_promised(run, ear):
    """`include_metadata` adds it; without it there is none."""
    await added(run, ear, include_metadata=True)
    await run.send(BOOKING | {"to": PT, "metadata": {"room": "12"}})
    assert (await ear.until(1))[0].event["data"]["metadata"] == {"room": "12"}


async def test_only_what_was_asked_for_is_told(run, ear):
    """A webhook with a list of events hears of these and no others."""
    await added(run, ear, events=["message.sent", "guest.opted_out"])
    await run.send(BOOKING | {"to": PT})
    await ear.until(1)
    await run.call("POST", "/communications/compliance/unsubscribe", {"guest": PT["email"]})
    await ear.until(2)
    assert ear.types == ["message.sent", "guest.opted_out"]


async def test_what_guests_say_is_told(run, ear):
    """Yes, no and stop: by the guest's id, never by address."""
    hook = await added(run, ear, events=["consent.changed", "guest.opted_out"])
    sent = (await run.send(BOOKING | {"to": PT})).json["id"]
    guest = (await run.message(sent))["guest_id"]
    yes = await run.call("POST", "/communications/compliance/consent", {"guest": PT["email"]} | YES)
    await ear.until(1)
    stop = await run.call("POST", "/communications/compliance/unsubscribe", {"guest": PT["email"], "scope": "global"})
    await settled(run, hook, 2)
    agreed, stopped = [one.event for one in ear.heard]
    assert agreed["data"] == {
        "consent_id": yes.json["id"], "guest_id": guest, "action": "grant", "kind": "express", "channels": ["email"],
        "categories": ["*"],
    }  # fmt: skip
    assert stopped["data"] == {
        "suppression_id": stop.json["id"], "guest_ids": [guest], "scope": "global", "categories": [],
        "channels": ["email", "sms", "whatsapp", "voice"], "classes": ["marketing"], "source": "api",
    }  # fmt: skip


async def test_a_batch_is_told_once_when_the_last_of_it_is_over(run, ear):
    """With how many came into which state, not before, and not again for a webhook that was added later."""
    await added(run, ear, events=["batch.finished"])
    order = BOOKING | {"recipients": [{"to": {"email": f"g{n}@example.org", "country": "PT"}} for n in range(30)]}
    key = {"Idempotency-Key": "batch-1"}
    batch = (await run.call("POST", "/communications/messages/bulk", order, headers=key)).json["id"]
    (one,) = await ear.until(1)
    assert one.event["data"] == {
        "batch_id": batch, "status": "finished", "channel": "email", "category": "booking", "counts": {"sent": 30},
    }  # fmt: skip
    late = await added(run, ear, events=["batch.finished"])
    key = {"Idempotency-Key": "batch-2"}
    other = (await run.call("POST", "/communications/messages/bulk", order, headers=key)).json["id"]
    await ear.until(3)
    assert [one.event["data"]["batch_id"] for one in ear.heard] == [batch, other, other]
    assert len(await log(run, late)) == 1


MARKS = ["canaryaddress", "canaryname", "canarysubject", "canarytext", "canaryhtml", "canarymeta", "canaryvar",
         "351912345678", "canaryproof"]  # fmt: skip


async def test_nothing_about_a_guest_is_told(run, ear):
    """No address, name, subject, text, variable or metadata is in any body or header; the ids are."""
    hook = await added(run, ear)
    guest = {"email": "canaryaddress@example.org", "phone": "+351912345678", "name": "canaryname", "country": "PT"}
    order = BOOKING | {"subject": "canarysubject", "text": "canarytext {{ stay }}", "html": "<p>canaryhtml</p>"}
    meta = {"metadata": {"note": "canarymeta"}}
    first = (await run.send(order | meta | {"to": guest})).json["id"]
    many = order | {"recipients": [{"to": guest, "variables": {"stay": "canaryvar"}} | meta]}
    await run.call("POST", "/communications/messages/bulk", many, headers={"Idempotency-Key": "canary"})
    proof = {"guest": guest["email"]} | YES | {"proof_ref": "canaryproof"}
    await run.call("POST", "/communications/compliance/consent", proof)
    await run.call("POST", "/communications/compliance/unsubscribe", {"guest": guest["email"]})
    await ear.until(7)
    await settled(run, hook, 7)
    said = repr([(one.headers, one.body) for one in ear.heard])
    assert [mark for mark in MARKS if mark in said] == []
    assert first in said
    assert {"message.queued", "message.sent", "batch.finished", "consent.changed", "guest.opted_out"} == set(ear.types)


async def test_without_a_webhook_nothing_is_written(run):
    """Messages cost not a row more."""
    sent = await run.send(BOOKING | {"to": PT})
    await run.until(sent.json["id"], "sent")
    await asyncio.sleep(0.6)
    assert run.gateway.db.reader.execute("SELECT count(*) FROM webhook_deliveries").fetchone() == (0,)


# -- until it is heard ------------------------------------------------------------------------------------------------


async def test_an_event_is_tried_by_the_schedule_under_one_id(run, ear, clock):
    """Five seconds, five minutes, and on over three days: never before its time, each within a tenth after it; then
    it is given up, and a replay brings it after all."""
    ear.answers = [500]
    hook = await added(run, ear, events=["message.blocked"])
    await run.send(NEWS | {"to": PT})
    for attempt, wait in enumerate(SCHEDULE, 1):
        one = await tried(run, hook, attempt)
        assert (one["status"], one["code"]) == ("waiting", "500")
        clock.forward(wait - 1)
        await asyncio.sleep(0.4)
        assert len(ear.heard) == attempt
        clock.forward(wait * 0.1 + 2)
    one = await tried(run, hook, len(SCHEDULE) + 1)
    assert (one["status"], one["next_try_at"]) == ("failed", None)
    assert 3 * DAY < sum(SCHEDULE) < 4 * DAY
    assert len({heard.id for heard in ear.heard}) == 1
    assert len({heard.headers["webhook-timestamp"] for heard in ear.heard}) == len(SCHEDULE) + 1
    ear.answers = [204]
    clock.forward(60)
    again = await run.call("POST", f"{WEBHOOKS}/{hook['id']}/deliveries/{one['id']}/replay")
    assert (again.status, again.json["status"]) == (202, "waiting")
    await ear.until(len(SCHEDULE) + 2)
    assert (await settled(run, hook, 1))[0]["status"] == "delivered"
    assert ear.heard[-1].body == ear.heard[0].body and ear.heard[-1].id == one["id"]


async def test_a_webhook_that_is_down_is_asked_now_and_then(run, ear, clock):
    """One request a pause, of a minute at most, however often it has failed; once it is back all is told at once."""
    ear.answers = [503]
    hook = await added(run, ear, events=["message.blocked"])
    for _ in range(12):
        await run.send(NEWS | {"to": PT})
    await ear.until(1)
    for _ in range(10):
        clock.forward(60)
        await asyncio.sleep(0.4)
    down = len(ear.heard)
    assert 10 <= down <= 8 + 10
    ear.answers = [204]
    clock.forward(60)
    await ear.until(down + 1)
    clock.forward(DAY)
    await settled(run, hook, 12)


async def test_a_webhook_is_not_asked_before_it_wants_to_be(run, ear, clock):
    """Retry-After is a floor, as seconds and as a date, for this event and for all others."""
    answer = _saying(503, {"Retry-After": "900"})
    ear.answers = [answer, _saying(429, {"Retry-After": "Tue, 24 Nov 2026 11:00:00 GMT"}), 204]
    hook = await added(run, ear, events=["message.blocked"])
    await run.send(NEWS | {"to": PT})
    await tried(run, hook, 1)
    await run.send(NEWS | {"to": {"email": "bela@example.org", "country": "PT"}})
    clock.forward(890)
    await asyncio.sleep(0.6)
    assert len(ear.heard) == 1
    clock.forward(11)
    await ear.until(2)
    await asyncio.sleep(0.3)
    clock.forward(3600 - 901 - 5)
    await asyncio.sleep(0.6)
    assert len(ear.heard) == 2
    clock.forward(10)
    await ear.until(3)


async def test_a_webhook_that_is_gone_is_switched_off(run, ear, clock):
    """410: nothing more is sent and nothing waits; switched on again it hears of what happens from then on."""
    ear.answers = [410]
    hook = await added(run, ear, events=["message.blocked"])
    await run.send(NEWS | {"to": PT})
    (one,) = await settled(run, hook, 1)
    assert (one["status"], one["code"], one["attempts"]) == ("failed", "410", 1)
    path = f"{WEBHOOKS}/{hook['id']}"
    seen = (await run.call("GET", path)).json
    assert (seen["enabled"], seen["disabled_at"], seen["version"]) == (False, "2026-11-24T10:00:00Z", 2)
    assert (await run.call("POST", f"{path}/deliveries/{one['id']}/replay")).status == 409
    await run.send(NEWS | {"to": PT})
    await asyncio.sleep(0.6)
    ear.answers = [204]
    assert (await run.call("PATCH", path, {"enabled": True})).json["enabled"] is True
    clock.forward(1)
    fresh = await run.send(NEWS | {"to": PT})
    await ear.until(2)
    assert ear.heard[1].event["data"]["message_id"] == fresh.json["message_id"]
    assert (await run.call("GET", "/health/ready")).status == 200
    entries = [entry for (entry,) in run.gateway.db.reader.execute("SELECT entry FROM audit")]
    assert any(b"webhook.disabled" in entry and b'"actor":"gateway"' in entry for entry in entries)


async def test_what_is_about_one_message_comes_one_after_the_other(run, ear, clock):
    """While the first of it is not heard the next waits, and other messages go on."""
    refused = asyncio.Event()

    async def not_the_first(request):
        event = ear.heard[-1].event
        if event["data"]["message_id"] == first and not refused.is_set():
            refused.set()
            return 500
        return 204

    ear.answers = [not_the_first]
    hook = await added(run, ear)
    first = (await run.send(BOOKING | {"to": PT, "deliver_at": "2099-01-01T00:00:00Z"})).json["id"]
    await asyncio.wait_for(refused.wait(), 5)
    await run.call("POST", f"/communications/messages/{first}/cancel")
    await run.send(NEWS | {"to": PT})
    await asyncio.sleep(0.5)
    clock.forward(2)
    await ear.until(2)
    assert ear.types == ["message.deferred", "message.blocked"]
    clock.forward(5)
    await settled(run, hook, 3)
    assert ear.types == ["message.deferred", "message.blocked", "message.deferred", "message.cancelled"]
    assert ear.heard[0].id == ear.heard[2].id


async def test_a_slow_webhook_holds_up_no_other(tmp_path, clock, ear):
    """One that says nothing has its eight requests open; the next hears of everything meanwhile."""
    silent = asyncio.Event()

    async def slow(request):
        await silent.wait()
        return 204

    async with (
        listening(Ear([slow]), tmp_path) as other,
        running(tmp_path, allowing(ear.port, other.port), clock) as run,
    ):
        await added(run, other, events=["message.blocked"])
        await added(run, ear, events=["message.blocked"])
        for number in range(30):
            await run.send(NEWS | {"to": {"email": f"g{number}@example.org", "country": "PT"}})
        await ear.until(30)
        assert len(other.heard) == 8
        silent.set()
        await other.until(30)


async def test_a_restart_in_the_middle_loses_nothing(tmp_path, clock, ear):
    """What was not heard is told by the next process under the same id; what it had not even noted, too."""
    ear.answers = [500]
    async with running(tmp_path, allowing(ear.port), clock) as run:
        hook = await added(run, ear, events=["message.blocked"])
        first = (await run.send(NEWS | {"to": PT})).json["message_id"]
        await tried(run, hook, 1)
    async with running(tmp_path, allowing(ear.port), clock, deliver=False) as run:
        second = (await run.send(NEWS | {"to": {"email": "bela@example.org", "country": "PT"}})).json["message_id"]
    ear.answers = [204]
    clock.forward(10)
    async with running(tmp_path, allowing(ear.port), clock) as run:
        await settled(run, hook, 2)
        told = [one.event["data"]["message_id"] for one in ear.heard]
        assert sorted(told) == sorted([first, first, second])
        assert len({one.id for one in ear.heard}) == 2


async def test_what_is_under_way_is_finished_before_the_end(tmp_path, clock, ear):
    """A drain waits for the answer, so that nobody hears of it twice."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(request):
        asked.set()
        await answer.wait()
        return 204

    ear.answers = [slow]
    async with running(tmp_path, allowing(ear.port), clock) as run:
        hook = await added(run, ear, events=["message.blocked"])
        await run.send(NEWS | {"to": PT})
        await asyncio.wait_for(asked.wait(), 5)
        asyncio.get_running_loop().call_later(0.5, answer.set)
    async with running(tmp_path, allowing(ear.port), clock) as run:
        assert [one["status"] for one in await log(run, hook)] == ["delivered"]
        await asyncio.sleep(0.5)
    assert len(ear.heard) == 1


async def test_what_takes_too_long_is_told_again_after_the_start(tmp_path, clock, ear, monkeypatch):
    """A drain has its time; what was not answered in it comes again, under the same id."""
    monkeypatch.setattr("gateway.life.DRAIN_SECONDS", 2.5)
    ear.answers = [_never, 204]
    async with running(tmp_path, allowing(ear.port), clock) as run:
        hook = await added(run, ear, events=["message.blocked"])
        await run.send(NEWS | {"to": PT})
        await ear.until(1)
    async with running(tmp_path, allowing(ear.port), clock) as run:
        assert [one["status"] for one in await settled(run, hook, 1)] == ["delivered"]
    assert len(ear.heard) == 2 and ear.heard[0].id == ear.heard[1].id


async def test_a_full_disk_makes_events_late_and_no_more(run, ear):
    """While the store refuses, what was sent is not sent again and again; afterwards all is noted and told."""
    hook = await added(run, ear, events=["message.blocked"])
    db = run.gateway.db
    write, refusing = db.write, True

    async def refuse(work, item=None, **more):
        if refusing and work is tried_work:
            raise StorageFull()
        return await write(work, item, **more)

    db.write = refuse
    await run.send(NEWS | {"to": PT})
    await ear.until(1)
    await asyncio.sleep(1.5)
    assert len(ear.heard) == 1
    refusing = False
    assert [one["status"] for one in await settled(run, hook, 1)] == ["delivered"]
    assert len(ear.heard) == 1


async def test_what_is_gone_is_told_no_more(run, ear, clock):
    """A row that was taken away meanwhile ends its delivery; there is nothing left to say."""
    ear.answers = [500]
    hook = await added(run, ear, events=["message.blocked", "consent.changed", "guest.opted_out", "batch.finished"])
    await run.yes(PT)
    await run.call("POST", "/communications/compliance/unsubscribe", {"guest": PT["email"]})
    await run.send(NEWS | {"to": PT})
    key = {"Idempotency-Key": "gone"}
    await run.call("POST", "/communications/messages/bulk", BOOKING | {"recipients": [{"to": PT}]}, headers=key)
    for _ in range(20):
        clock.forward(2)
        await asyncio.sleep(0.3)
        if len(await log(run, hook)) == 4 and not any(one["attempts"] == 0 for one in await log(run, hook)):
            break
    tables = ("messages", "events", "outbox", "consents", "suppressions", "batches")
    await run.gateway.db.do(lambda tx: [tx.execute(f"DELETE FROM {table}") for table in tables])
    for one in await log(run, hook):
        await run.call("POST", f"{WEBHOOKS}/{hook['id']}/deliveries/{one['id']}/replay")
    clock.forward(60)
    for _ in range(20):
        clock.forward(2)
        await asyncio.sleep(0.1)
    assert [(one["status"], one["code"]) for one in await log(run, hook)] == [("failed", "nothing-left")] * 4


async def test_metadata_goes_with_its_guest(run, ear):
    """Once the key of a guest is destroyed, what was attached to his messages is told to nobody."""
    hook = await added(run, ear, include_metadata=True)
    await run.send(BOOKING | {"to": PT, "metadata": {"room": "12"}})
    (first, *_) = await settled(run, hook, 2)
    (key,) = run.gateway.db.reader.execute("SELECT key_id FROM guests").fetchone()
    assert ear.heard[0].event["data"]["metadata"] == {"room": "12"}
    await asyncio.to_thread(run.gateway.vault.keys.destroy, key)
    await run.call("POST", f"{WEBHOOKS}/{hook['id']}/deliveries/{first['id']}/replay")
    await ear.until(3)
    assert ear.heard[2].event["data"] == ear.heard[0].event["data"] | {"metadata": {}}


async def test_only_so_much_waits_for_a_webhook(run, ear, clock, monkeypatch):
    """Beyond that events stay where they are, and all of them are told in the end."""
    monkeypatch.setattr("gateway.webhooks.postmen.BACKLOG", 3)
    monkeypatch.setattr("gateway.webhooks.postmen.SLICE", 2)
    ear.answers = [500]
    hook = await added(run, ear, events=["message.blocked"])
    for _ in range(10):
        await run.send(NEWS | {"to": PT})
    await asyncio.sleep(1.5)
    assert len(await log(run, hook)) == 4
    ear.answers = [204]
    clock.forward(60)
    await settled(run, hook, 10)
    assert len({one.event["data"]["message_id"] for one in ear.heard}) == 10


async def test_a_defect_holds_up_one_webhook_and_is_seen(run, ear, monkeypatch):
    """What cannot be made into a request ends that postman's work for a while, with a line in the log; a restart or
    the pause begins it anew, and others go on."""
    broken = await added(run, ear, events=["message.blocked"])
    webhook = run.gateway.parts.webhooks.collection.find(broken["id"])
    await run.gateway.db.do(lambda tx: webhooks.change(tx, webhook._replace(target_sealed=b"rubbish")))
    await added(run, ear, events=["message.blocked"])
    await run.send(NEWS | {"to": PT})
    await ear.until(1)
    await asyncio.sleep(0.3)
    assert '"event":"a webhook waits"' in run.log_text.getvalue()
    await run.send(NEWS | {"to": PT})
    await ear.until(2)


async def test_a_reload_goes_on_where_it_was(run, ear, tmp_path):
    """The new configuration's postmen tell what the old ones have not."""
    hook = await added(run, ear, events=["message.blocked"])
    await run.send(NEWS | {"to": PT})
    await settled(run, hook, 1)
    assert await run.gateway.reload(load(tmp_path / "config.toml", {})) == []
    await run.send(NEWS | {"to": PT})
    await settled(run, hook, 2)
    assert len({one.id for one in ear.heard}) == len(ear.heard) == 2


async def test_one_connection_serves_many_events(run, ear):
    """They come over a connection that is kept."""
    await added(run, ear, events=["message.blocked"])
    for _ in range(3):
        await run.send(NEWS | {"to": PT})
        await asyncio.sleep(0.3)
    await ear.until(3)
    assert len({one.connection for one in ear.heard}) == 1


# -- secrets ----------------------------------------------------------------------------------------------------------


async def test_two_secrets_sign_while_one_takes_over(run, ear, clock):
    """After a rotation both verify; after the overlap, or a second rotation, the older does no more."""
    hook = await added(run, ear)
    path = f"{WEBHOOKS}/{hook['id']}"
    rotated = (await run.call("POST", f"{path}/rotate", {"overlap": DAY})).json
    assert rotated["secret"] != hook["secret"] and rotated["old_secret_until"] == "2026-11-25T10:00:00Z"

    async def good():
        await run.call("POST", f"{path}/test")
        one, now = ear.heard[-1], clock.now() / 1000
        return [verified(one.headers, one.body, secret, now) for secret in (hook["secret"], rotated["secret"])]

    assert await good() == [True, True]
    clock.forward(DAY)
    assert await good() == [False, True]
    assert (await run.call("GET", path)).json["old_secret_until"] is None
    await run.call("POST", f"{path}/rotate", {})
    third = (await run.call("POST", f"{path}/rotate", {"overlap": 0})).json
    assert await good() == [False, False]
    assert verified(ear.heard[-1].headers, ear.heard[-1].body, third["secret"], clock.now() / 1000)


async def test_a_webhook_can_be_tried_out(run, ear):
    """One event, now, and how it was taken; it is in the log and is not repeated by itself."""
    hook = await added(run, ear, events=["message.sent"])
    good = await run.call("POST", f"{WEBHOOKS}/{hook['id']}/test")
    ear.answers = [418]
    bad = await run.call("POST", f"{WEBHOOKS}/{hook['id']}/test")
    assert [(one.json["type"], one.json["status"], one.json["code"]) for one in (good, bad)] == [
        ("webhook.test", "delivered", "204"), ("webhook.test", "failed", "418"),
    ]  # fmt: skip
    assert [one["id"] for one in await log(run, hook)] == [bad.json["id"], good.json["id"]]
    page = await log(run, hook, "?limit=1")
    assert [one["id"] for one in page] == [bad.json["id"]]
    assert (await run.call("POST", f"{WEBHOOKS}/{hook['id']}/deliveries/evt_0/replay")).status == 404


async def test_the_log_forgets_after_a_month(run, ear, clock):
    """What was heard or given up goes; what is younger stays."""
    hook = await added(run, ear)
    await run.call("POST", f"{WEBHOOKS}/{hook['id']}/test")
    clock.forward(31 * DAY)
    young = await run.call("POST", f"{WEBHOOKS}/{hook['id']}/test")
    await run.gateway.parts.webhooks.postmen.forget_old()
    assert [one["id"] for one in await log(run, hook)] == [young.json["id"]]


async def test_what_goes_on_is_counted(run, ear):
    """Attempts by how they ended, and how many events wait."""
    ear.answers = [500]
    hook = await added(run, ear, events=["message.blocked"])
    await run.send(NEWS | {"to": PT})
    await tried(run, hook, 1)
    told = (await run.local("GET", "/metrics")).raw.decode()
    assert re.search(r'gateway_webhook_attempts_total\{outcome="retry"\} [1-9]', told)
    assert "gateway_webhook_deliveries 1.0" in told


async def _never(request):
    await asyncio.sleep(60)
    return 204


def _saying(status, headers):
    async def say(request):
        return web.Response(status=status, headers=headers)

    return say
