"""More to do than can be done: what is refused first, what never is, and that it ends by itself."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from gateway.errors import Unavailable
from gateway.overload import Importance, importance
from tests.running import BOOKING, CONFIG, NEWS, running

EMERGENCY = BOOKING | {"class": "emergency", "category": "safety", "text": "Leave the house by the garden."}
BULK = NEWS | {"recipients": [{"to": "ana@example.org"}]}
STOP = {"guest": "ana@example.org", "source": "front_desk"}
MARKS = '\n[overload]\noldest_write = "10s"\nloop_lag = "1000s"\n'


@asynccontextmanager
async def stuck(run):
    """Meanwhile the store's writer does not get on."""
    free, held = threading.Event(), threading.Event()

    def work(tx, items):
        held.set()
        free.wait(30)
        return [None] * len(items)

    task = asyncio.create_task(run.gateway.db.write(work))
    await asyncio.to_thread(held.wait, 5)
    try:
        yield
    finally:
        free.set()
        await task


async def refusing(run, level):
    """Wait until so much is refused."""
    async with asyncio.timeout(10):
        while run.gateway.overload.refusing != level:  # noqa: ASYNC110 nothing tells of it
            await asyncio.sleep(0.01)


async def outcome(call):
    """The reply, or None while the store keeps it waiting, and then a task that goes on waiting."""
    task = asyncio.ensure_future(call)
    await asyncio.wait([task], timeout=0.25)
    return (task.result(), task) if task.done() else (None, task)


ALONE = {"Connection": "close"}
"""On a connection of its own, so that it is not kept waiting by another's impatience."""


def bulk(run):
    return run.call("POST", "/communications/messages/bulk", BULK, headers={"Idempotency-Key": "b"} | ALONE)


def test_importance_goes_by_class_and_number():
    """Bulk before offers, offers before the rest; an emergency passes even to many."""
    assert importance("marketing", many=True) == importance("transactional", many=True) == Importance.BULK
    assert Importance.BULK < importance("marketing") < importance("transactional") < importance("emergency")
    assert importance("emergency", many=True) == Importance.FIRST


async def test_the_least_important_is_refused_first_and_a_stop_never(tmp_path, clock):
    """The longer a write waits, the more is refused with 503 and Retry-After; a stop and an emergency are taken at the
    worst of times and kept; the gateway stays ready, says so, and is itself again when the store is."""
    async with running(tmp_path, CONFIG + MARKS, clock) as run:
        for guest in ("ana", "bela"):
            await run.yes({"email": f"{guest}@example.org", "country": "PT"})
        mine = {"headers": {"Authorization": f"Bearer {await run.draw('send', 'send.emergency')}"}}
        waiting = []

        async def refused(call):
            reply, task = await outcome(call)
            if reply is None:
                waiting.append(task)
                return False
            assert (reply.status, reply.json["type"].rpartition(":")[2]) == (503, "overloaded"), reply.json
            assert 2 <= int(reply.headers["Retry-After"]) <= 7
            return True

        async def all_refused():
            to = {"to": "bela@example.org"}
            orders = [bulk(run), run.send(NEWS | to, headers=ALONE), run.send(BOOKING | to, headers=ALONE)]
            return await asyncio.gather(*[refused(order) for order in orders])

        async with stuck(run):
            assert await all_refused() == [False, False, False]
            for seconds, level in ((11, 1), (10, 2), (20, 3)):
                clock.forward(seconds)
                await refusing(run, level)
                assert await all_refused() == [level >= one for one in (1, 2, 3)]
            assert (await run.call("GET", "/communications/messages")).status == 503
            health = (await run.call("GET", "/communications/health")).json
            assert health["load"] == "refusing usual"
            urgent = asyncio.ensure_future(run.send(EMERGENCY | {"to": "bela@example.org"}, **mine))
            stop = asyncio.ensure_future(run.call("POST", "/communications/compliance/unsubscribe", STOP))
            await asyncio.sleep(0.3)
            assert not urgent.done()
            assert not stop.done()
        assert [(await task).status for task in (urgent, stop)] == [202, 200]
        assert {(await task).status for task in waiting} == {202}
        await refusing(run, 0)
        assert (await run.send(BOOKING | {"to": "bela@example.org"})).status == 202
        assert (await run.send(NEWS | {"to": "ana@example.org"})).json["compliance"]["reasons"] == ["CORE-SUP-2"]
        health = await run.call("GET", "/communications/health")
        assert (health.status, health.json["load"]) == (200, "calm")


async def test_a_key_without_emergencies_is_refused_before_its_body_is_decoded(tmp_path, clock):
    """What calls itself an emergency is looked at. Of whoever may send none even what is no JSON gets the 503; who may
    is heard, and gets the 400."""
    async with running(tmp_path, CONFIG + MARKS, clock, deliver=False) as run:
        keys = [await run.draw("send.bulk"), await run.draw("send.bulk", "send.emergency"), "wrong"]
        run.gateway.overload._turn_to(Importance.BULK)
        path, heads = "/communications/messages/bulk", [{"Authorization": f"Bearer {key}"} for key in keys]
        assert [(await run.call("POST", path, b"emergency", headers=one)).status for one in heads] == [503, 400, 401]


async def test_the_store_never_runs_dry(tmp_path):
    """Even when all that can be asked again is refused, some of the last of it is let in while few writes wait; what
    matters less is not."""
    async with running(tmp_path, deliver=False) as run:
        run.gateway.overload._turn_to(Importance.USUAL)
        assert (await run.send(BOOKING | {"to": "ana@example.org"})).status == 202
        assert (await run.send(NEWS | {"to": "ana@example.org"})).status == 503
        run.gateway.db.waiting += 128
        assert (await run.send(BOOKING | {"to": "ana@example.org"})).status == 503


@pytest.mark.parametrize(("pressures", "levels"), [
    ([5.0, 0.1, 5.0, 0.1, 5.0, 0.1], [0] * 6),
    ([1.1] * 6, [0, 0, 1, 1, 1, 1]),
    ([9.0] * 9, [0, 0, 1, 1, 1, 2, 2, 2, 3]),
])  # fmt: skip
async def test_one_slow_turn_is_no_overload(tmp_path, pressures, levels):
    """A level is reached when its mark was passed three times in a row, one after the other."""
    async with running(tmp_path, deliver=False) as run:
        overload, seen = run.gateway.overload, []
        for pressure in pressures:
            overload._judge(pressure)
            seen.append(overload.refusing)
        assert seen == levels


async def test_it_does_not_flap(tmp_path):
    """A level is left after a second below half of its mark, not as soon as the mark is."""
    async with running(tmp_path, deliver=False) as run:
        overload = run.gateway.overload
        for _ in range(3):
            overload._judge(1.5)
        for _ in range(100):
            overload._judge(0.6)
        assert overload.refusing == 1
        for _ in range(20):
            overload._judge(0.4)
        assert overload.refusing == 0


async def test_it_lasts_while_somebody_finds_no_room(tmp_path):
    """However calm it looks inside, the last level is not left while more come than are let in; it is when they stop."""
    async with running(tmp_path, deliver=False) as run:
        overload = run.gateway.overload
        overload._turn_to(Importance.USUAL)
        run.gateway.db.waiting += 128
        for _ in range(60):
            with pytest.raises(Unavailable):
                overload.admit(Importance.USUAL)
            overload._judge(0.1)
        assert overload.refusing == Importance.USUAL
        run.gateway.db.waiting -= 128
        for _ in range(20):
            overload.admit(Importance.USUAL)
            overload._judge(0.1)
        assert overload.refusing == Importance.OFFER
