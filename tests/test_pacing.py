"""How fast messages leave: the pace of a provider, a sender and a domain, how it gives way to complaints, who waits."""

import asyncio
import itertools
import time

import pytest
from prometheus_client import generate_latest

from gateway.delivery.lanes import DOMAINS_AT_HAND, Lane, Lanes
from gateway.metrics import REGISTRY
from gateway.pacing import Pacing
from gateway.store.outbox import Due
from tests.running import BOOKING, CONFIG, running
from tests.smtp_peer import Peer, receiving

OUTBOX = '[providers.mail]\nplugin = "outbox"\nchannel = "email"\n'
SMTP = '[providers.mail]\nplugin = "smtp"\nchannel = "email"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n{more}\n'
TEXT = {"channel": "sms", "to": "+351912345678", "class": "transactional", "category": "booking", "text": "At four.",
        "declares": {"contains_promotion": False}}  # fmt: skip
LATE = 0.25
"""Seconds by which a busy machine may notice a mail too late."""


def sending(peer, more=""):
    """A configuration whose e-mail goes to the peer."""
    return CONFIG.replace(OUTBOX, SMTP.format(port=peer.port, more=more))


async def accept(run, *names, **change):
    replies = [await run.send(BOOKING | {"to": f"{name}@example.org"} | change) for name in names]
    assert [reply.status for reply in replies] == [202] * len(names)
    return [reply.json["id"] for reply in replies]


async def arrivals(peer, count, seconds=10.0):
    """When each mail came to the peer."""
    came, until = [], time.monotonic() + seconds
    while len(came) < count and time.monotonic() < until:
        came += [time.monotonic()] * (len(peer.mails) - len(came))
        await asyncio.sleep(0.01)
    assert len(came) == count
    return came


async def test_in_no_stretch_of_time_more_leave_than_the_pace_allows(clock):
    """However many wait: rate x time and one. Without a pace nobody waits."""
    pacing, left, loop = Pacing("mail", clock, 100.0), [], asyncio.get_running_loop()

    async def leave():
        for _ in range(10):
            await pacing.turn()
            left.append(loop.time())

    await asyncio.gather(*[leave() for _ in range(5)])
    assert len(left) == 50
    for first, begin in enumerate(left):
        for last, end in enumerate(left[first:], 1):
            assert last <= 100.0 * (end - begin) + 2
    assert 0 < pacing.wait() <= 0.01
    free = Pacing("mail", clock)
    await free.turn()
    assert free.wait() == 0


def test_a_complaint_halves_the_pace_and_success_brings_it_back(clock):
    """Down to the half each time; up by tenths, never above what is configured."""
    pacing = Pacing("mail", clock, 10.0)
    pacing.complained()
    pacing.complained()
    assert pacing.rate == 2.5
    paces = []
    for _ in range(40):
        clock.forward(2)
        pacing.took()
        paces.append(pacing.rate)
    assert paces[:2] == [3.0, 3.5]
    assert paces == sorted(paces)
    assert paces[-1] == 10.0


def test_a_complaint_makes_a_pace_where_there_was_none_and_time_lifts_it(clock):
    """Half of the speed before, in the end as fast as one can."""
    pacing = Pacing("mail", clock)
    for _ in range(50):
        clock.forward(0.05)
        pacing.leaves(clock.monotonic())
    pacing.complained()
    assert pacing.rate == pytest.approx(10.0)
    for _ in range(20):
        clock.forward(2)
        pacing.took()
    assert pacing.rate is None


async def test_mails_arrive_at_the_pace_of_their_provider(tmp_path):
    """Eight lines, five a second: the mails come evenly, and texts of another provider at once; no more is leased than
    leaves soon."""
    peer = Peer()
    async with receiving(peer), running(tmp_path, sending(peer, 'rate = "5/s"'), deliver=False) as run:
        await accept(run, *[f"guest{number}" for number in range(40)])
        (text,) = await accept(run, "text", **TEXT)
        await run.gateway.start()
        await run.until(text, "sent", seconds=2)
        came = await arrivals(peer, 11)
        (leased,) = run.gateway.db.reader.execute("SELECT count(*) FROM outbox WHERE lease = 1").fetchone()
        began = time.monotonic()
        await run.gateway.drain()
    assert came[10] - came[0] >= 2.0 - LATE
    assert 0 < leased <= 12
    assert len(peer.mails) <= 13
    assert time.monotonic() - began < 3


async def test_a_complaint_slows_only_the_provider_that_made_it(tmp_path, clock):
    """421 4.7.0: that provider rests as long as it wants and goes on slowly, and nobody fails; texts leave at once."""
    peer = Peer(faults={"OPEN": ["421 4.7.0 You are too fast", None]})
    async with receiving(peer), running(tmp_path, sending(peer), clock) as run:
        mail, texts = run.gateway.parts.routes.providers.values()
        (first,) = await accept(run, "ana")
        async with asyncio.timeout(5):
            while mail.healthy:  # noqa: ASYNC110 nothing tells of it
                await asyncio.sleep(0.01)
        await run.until((await accept(run, "text", **TEXT))[0], "sent")
        assert (mail.pacing.rate, texts.pacing.rate) == (0.5, None)
        clock.forward(299)
        second, third = await accept(run, "bela", "carl")
        assert (await run.message(first))["status"] == "queued"
        clock.forward(2)
        await accept(run, "dora")
        await run.until(first, "sent")
        await run.until(second, "queued", "sending")
        for _ in range(12):
            clock.forward(0.5)
            await asyncio.sleep(0.3)
        await run.until(third, "sent")
        assert mail.standing == "ok"


async def test_a_message_alone_does_not_wait_behind_a_batch(tmp_path):
    """A batch of forty to a paced provider gives way: what comes after it leaves within seconds."""
    peer = Peer()
    bulk = BOOKING | {"recipients": [{"to": f"guest{number}@example.org"} for number in range(40)]}
    async with receiving(peer), running(tmp_path, sending(peer, 'rate = "3/s"')) as run:
        reply = await run.call("POST", "/communications/messages/bulk", bulk, headers={"Idempotency-Key": "b"})
        assert reply.status == 202, reply.json
        await arrivals(peer, 1)
        (single,) = await accept(run, "ana")
        await run.until(single, "sent", seconds=8)
        assert len(peer.mails) <= 25


async def test_a_new_sender_sends_no_more_a_day_than_its_schedule(tmp_path, clock):
    """Two on the first day, three on the second, however often the gateway starts anew; the others wait for tomorrow,
    and say so; then any number. An emergency and another sender do not wait."""
    peer, config = Peer(), '[senders.spa]\nname = "Spa"\nemail = "spa@quinta.example"\nwarm_up = ["2/day", "3/day"]\n'

    async def day(run, *fresh):
        """What is sent and what waits, once all that may leave has left."""
        states = {public: await run.until(public, "sent", "deferred") for public in [*waiting, *fresh]}
        waiting[:] = [public for public, message in states.items() if message["status"] == "deferred"]
        assert {states[public]["wait_reason"] for public in waiting} <= {"limit"}
        return len(peer.mails)

    async with receiving(peer):
        waiting, config = [], sending(peer) + config
        async with running(tmp_path, config, clock) as run:
            assert await day(run, *await accept(run, "ana", "bela", "carl", "dora", sender="spa")) == 2
            assert {(await run.message(one))["due_at"] for one in waiting} == {"2026-11-25T00:00:00Z"}
            await run.until((await accept(run, "house"))[0], "sent")
        async with running(tmp_path, config, clock) as run:
            assert await day(run, *await accept(run, "emil", "fred", "gina", sender="spa")) == 3
            key = {"headers": {"Authorization": f"Bearer {await run.draw('send', 'send.emergency')}"}}
            alarm = BOOKING | {"to": "ana@example.org", "class": "emergency", "category": "safety", "sender": "spa"}
            await run.until((await run.send(alarm, **key)).json["id"], "sent")
        clock.forward(86_400)
        async with running(tmp_path, config, clock) as run:
            assert await sent_of(peer, run, waiting, 3) == 7
            waiting[:] = [one for one in waiting if (await run.message(one))["status"] != "sent"]
            assert len(waiting) == 2
        clock.forward(86_400)
        async with running(tmp_path, config, clock) as run:
            for one in waiting:
                await run.until(one, "sent")
            await run.until((await accept(run, "hugo", sender="spa"))[0], "sent")
    assert len(peer.mails) == 10


def left(lane, clock, seconds, step=0.05):
    """How many leave of as many as like to, within so much time."""
    count = 0
    for _ in range(round(seconds / step)):
        while lane.place(clock.monotonic()) <= clock.monotonic():
            lane.take(clock.monotonic())
            lane.leaves(clock.monotonic())
            count += 1
        clock.forward(step)
    return count


def test_a_lane_lets_no_more_through_than_its_rate(clock):
    """One behind the other, with a place for each who waits; a complaint halves it, success brings it back."""
    lane = Lane(clock, 4.0)
    assert left(lane, clock, 10) <= 41
    places = [lane.far(clock.monotonic()) for _ in range(3)]
    assert [after - before for before, after in itertools.pairwise(places)] == pytest.approx([0.25, 0.25])
    lane.complained()
    assert lane.rate == 2.0


def due_to(number, sender=None):
    """A leased mail."""
    return Due(number, 1, 0, b"", "email", "transactional", "booking", sender, 0, None, "", b"", 1, b"", 1, "active",
               None, None, None, None, b"", b"", b"", None, None, 0)  # fmt: skip


async def test_many_domains_take_bounded_memory(clock):
    """Each domain that has no table gets a lane of the same rate; those used last are kept, and the named one."""
    lanes = Lanes(clock, {"spa": 1.0}, {"gmail.example": 20.0}, 5.0)
    for number in range(DOMAINS_AT_HAND + 50):
        (lane,) = lanes.of(due_to(number), lambda number=number: f"ana@d{number}.example")
        assert lane.rate == 5.0
    assert len(lanes._passing) == DOMAINS_AT_HAND
    sender, domain = lanes.of(due_to(1, "spa"), lambda: "ana@gmail.example")
    assert (sender.rate, domain.rate) == (1.0, 20.0)
    idle = Lanes(clock, {}, {}, None)
    assert idle.of(due_to(1), lambda: pytest.fail("nobody needs the address")) == []


async def test_a_slow_domain_does_not_hold_up_the_others(tmp_path):
    """Forty mails to a domain that takes two a second wait before five to others: these leave at once, and of the forty
    no more than two a second and one. The rest says what it waits for, and has not cost an attempt."""
    peer = Peer()
    slow = '[pacing.domains."Slow.example"]\nrate = "2/s"\n'
    async with receiving(peer), running(tmp_path, sending(peer) + slow, deliver=False) as run:
        for number in range(40):
            assert (await run.send(BOOKING | {"to": f"guest{number}@slow.example"})).status == 202
        others = await accept(run, *"abcde")
        began = time.monotonic()
        await run.gateway.start()
        for one in others:
            await run.until(one, "sent", seconds=3)
        quick = time.monotonic() - began
        await asyncio.sleep(max(0, began + 3 - time.monotonic()))
        arrived = [mail.recipient.endswith("@slow.example") for mail in peer.mails].count(True)
        assert quick < 2
        assert 4 <= arrived <= 2 * (time.monotonic() - began) + 1
        waiting = (await run.call("GET", "/communications/messages?status=deferred&limit=200")).json["items"]
        assert len(waiting) > 25
        assert {one["wait_reason"] for one in waiting} == {"limit"}
        assert len({one["due_at"] for one in waiting}) > 20
        assert (await run.message(waiting[0]["id"]))["attempts"] == []
        assert b"slow.example" not in generate_latest(REGISTRY)
        await run.gateway.drain()
        assert "slow.example" not in run.log_text.getvalue()


async def test_a_sender_keeps_its_own_pace(tmp_path):
    """Of one sender four a second leave, while the house's mails leave at once; an emergency does not wait."""
    peer = Peer()
    spa = '[senders.spa]\nname = "Spa"\nemail = "spa@quinta.example"\nrate = "4/s"\n'
    async with receiving(peer), running(tmp_path, sending(peer) + spa, deliver=False) as run:
        await accept(run, *[f"guest{number}" for number in range(20)], sender="spa")
        house = await accept(run, *"abcdefgh")
        key = {"headers": {"Authorization": f"Bearer {await run.draw('send', 'send.emergency')}"}}
        alarm = BOOKING | {"to": "ana@example.org", "class": "emergency", "category": "safety", "sender": "spa"}
        house.append((await run.send(alarm, **key)).json["id"])
        began = time.monotonic()
        await run.gateway.start()
        for one in house:
            await run.until(one, "sent", seconds=2)
        await asyncio.sleep(max(0, began + 2 - time.monotonic()))
        of_spa = [mail.sender for mail in peer.mails].count("spa@quinta.example") - 1
        assert 4 <= of_spa <= 4 * (time.monotonic() - began) + 1
        await run.gateway.drain()


async def test_a_complaint_about_where_it_goes_slows_that_domain_alone(tmp_path):
    """451 4.7.1 to RCPT: the mail comes again later, the domain has a pace from then on, the provider none, and mails
    to others leave at once. A greylist slows nobody."""
    peer = Peer(faults={"RCPT": ["451 4.7.1 Too much for us", None, "450 4.7.1 Greylisted"]})
    async with receiving(peer), running(tmp_path, sending(peer)) as run:
        mail, lanes = run.gateway.parts.routes.providers["mail"], run.gateway.parts.delivery.couriers[0].lanes
        (first,) = await accept(run, "ana")
        message = await run.until(first, "deferred")
        assert (message["wait_reason"], message["attempts"][0]["outcome"]) == ("retry", "transient")
        reply = await run.send(BOOKING | {"to": "bela@elsewhere.example"})
        await run.until(reply.json["id"], "sent", seconds=2)
        reply = await run.send(BOOKING | {"to": "carl@grey.example"})
        await run.until(reply.json["id"], "deferred", seconds=2)
        assert (mail.healthy, mail.pacing.rate) == (True, None)
        assert {domain: lane.rate for domain, lane in lanes._passing.items()} == {"example.org": 0.5}


async def sent_of(peer, run, public, count):
    """How many mails the peer has once so many of these are sent, and nothing more leaves."""
    async with asyncio.timeout(10):
        while [(await run.message(one))["status"] for one in public].count("sent") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    return len(peer.mails)
