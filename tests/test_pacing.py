"""How fast messages leave: the pace of a provider, how it gives way to complaints, and who waits for it."""

import asyncio
import time

import pytest

from gateway.pacing import Pacing
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


async def sent_of(peer, run, public, count):
    """How many mails the peer has once so many of these are sent, and nothing more leaves."""
    async with asyncio.timeout(10):
        while [(await run.message(one))["status"] for one in public].count("sent") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    return len(peer.mails)
