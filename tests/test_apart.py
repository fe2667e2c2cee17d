"""A stranger's channel on a loop of its own: whatever it does there, the gateway and all other messages go on."""

import asyncio
import contextlib
import sqlite3
import threading
import time

import pytest

from gateway import Failure, Sender, Stopped
from gateway.channel import Message
from gateway.config import load
from gateway.delivery import apart, room
from gateway.delivery.apart import Gate, plain
from gateway.delivery.defects import Suspects
from tests.faults.loop import looping
from tests.running import BOOKING, CONFIG, NEWS, running

PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
TEXT = {"channel": "sms", "to": "+351912345678", "class": "transactional", "text": "At four.",
        "declares": {"contains_promotion": False}}  # fmt: skip
POISON = TEXT | {"text": "poison"}
SLOW = 'timeout = "1s"'
PIGEON = """
import asyncio, sys, threading, time
from gateway import Channel, Failure, Sent, email_bytes, hookimpl

class Pigeon(Channel):
    name = "pigeon"
    channels = frozenset({{"sms", "email"}})
    carries_headers = True
    built, flown, seen, notes = [], [], [], []
    arrived, go = threading.Event(), threading.Event()
    broken = True

    def __init__(self, settings, tools):
        super().__init__(settings, tools)
        self.built.append(threading.current_thread())
        {init}

    async def open(self):
        {open}

    def compose(self, message):
        {compose}
        mail = message.channel == "email"
        return email_bytes(message, self.tools.clock.now()) if mail else message.text.encode()

    async def send(self, message):
        self.seen.append((message.id, threading.current_thread(), asyncio.get_running_loop()))
        {send}

    async def hand(self, message):
        message.handing_over()
        self.flown.append(message.id)
        return Sent(provider_id="coo")

    async def close(self):
        {close}

@hookimpl
def register_channels():
    return [Pigeon]
"""
WELL = "return await self.hand(message)"
ONCE = "if self.broken: type(self).broken = False; "
WAITS = "self.arrived.set(); self.go.wait(60)"


@contextlib.asynccontextmanager
async def pigeons(tmp_path, send=WELL, more=SLOW, channel="sms", connections=1, **parts):
    """A gateway whose texts (or mails) go by pigeon, and the pigeons' class, to see what became of them."""
    code = {"init": "pass", "open": "pass", "compose": "pass", "close": "pass"} | parts | {"send": send}
    folder = tmp_path / "strangers"
    folder.mkdir()
    (folder / "pigeon.py").write_text(PIGEON.format(**code))
    kept = "texts" if channel == "sms" else "mail"
    table = f'[providers.{kept}]\nplugin = "outbox"\nchannel = "{channel}"\n'
    bird = f'[providers.{kept}]\nplugin = "pigeon"\nchannel = "{channel}"\nconnections = {connections}\n{more}\n'
    config = CONFIG.replace(table, bird) + f'[plugins]\npaths = ["{folder}"]\n'
    async with running(tmp_path, config) as run:
        bird = run.gateway.plugins.channels["pigeon"]
        try:
            yield run, bird
        finally:
            bird.go.set()


async def sent(run, order=TEXT, *states, seconds=10.0):
    """The order's message once it is in one of the states."""
    reply = await run.send(order)
    assert reply.status == 202, reply.json
    return await run.until(reply.json["id"], *(states or ("sent",)), seconds=seconds)


async def standing(run, *words, seconds=5.0):
    """What health says of the pigeons, once it is one of these; the gateway is ready all the while."""
    for _ in range(int(seconds * 50)):
        health = (await run.call("GET", "/communications/health")).json
        assert health["status"] == "ready"
        if (found := health["providers"].get("texts")) in words:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"the provider is {found}")


async def said(run, words, seconds=5.0):
    """Until the log says so."""
    for _ in range(int(seconds * 50)):
        if words in run.log_text.getvalue():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the log does not say {words}")


async def try_now(run):
    """Let the pause of the pigeons' provider be over."""
    await asyncio.sleep(0.05)
    run.gateway.parts.routes.providers["texts"].paused_until = 0.0
    run.gateway.parts.delivery.wake("sms", 0)
    await asyncio.sleep(0.05)


def tries(message):
    return [(one["outcome"], one["attempt"]) for one in message["attempts"]]


# -- where it runs ----------------------------------------------------------------------------------------------------


async def test_a_stranger_works_on_a_thread_and_loop_of_its_own(tmp_path):
    """All of it, from the first line of its object to the last; what is built in stays on the gateway's loop."""
    async with pigeons(tmp_path, close="self.notes.append(threading.current_thread())") as (run, bird):
        assert tries(await sent(run)) == [("sent", 1)]
        (_, thread, loop), (built,) = bird.seen[0], bird.built
        assert thread is built is not threading.current_thread()
        assert loop is not asyncio.get_running_loop()
        mail = run.gateway.parts.routes.providers["mail"].plugin
        assert mail._sweeping.get_loop() is asyncio.get_running_loop()
    assert bird.notes == [thread]
    thread.join(2)
    assert not thread.is_alive()


async def test_a_stranger_may_hand_over_from_a_worker_thread(tmp_path):
    """As whoever uses a synchronous client does: `asyncio.to_thread`, and `handing_over` in there. What such a call
    raises comes back."""
    send = """await asyncio.to_thread(message.handing_over)
        try: await asyncio.to_thread(int, 'coo')
        except ValueError: return await asyncio.to_thread(Sent, 'coo')"""
    async with pigeons(tmp_path, send) as (run, _):
        assert tries(await sent(run)) == [("sent", 1)]


async def test_worker_threads_that_do_not_come_back_are_bounded(tmp_path, monkeypatch):
    """One call too many raises; when the others have come back there is room again."""
    monkeypatch.setattr(room, "CALLS_AT_MOST", 1)
    async with pigeons(tmp_path, "await asyncio.to_thread(self.go.wait, 60)\n        " + WELL) as (run, bird):
        text = (await run.send(TEXT)).json["id"]
        assert await standing(run, "paused: hung")
        assert await standing(run, "paused: raised")
        bird.go.set()
        await try_now(run)
        assert [outcome for outcome, _ in tries(await run.until(text, "sent"))] == ["hung", "raised", "sent"]


async def test_a_stop_between_lease_and_hand_over_reaches_the_strangers_frame(tmp_path):
    """It is at work in its thread when the guest says stop; its handing_over raises Stopped, and again when it asks
    again. The next one leaves."""
    send = f"""{WAITS}
        for _ in range(2):
            try: {WELL}
            except BaseException as error: self.notes.append(error)
        raise self.notes[-1]"""
    async with pigeons(tmp_path, send, 'timeout = "20s"', "email") as (run, bird):
        await run.yes(PT)
        public = (await run.send(NEWS | {"to": PT})).json["id"]
        assert await asyncio.to_thread(bird.arrived.wait, 5)
        assert (await run.call("POST", "/communications/compliance/unsubscribe", {"guest": PT})).status == 200
        bird.go.set()
        message = await run.until(public, "blocked", "sent")
        assert (message["status"], message["compliance"]["reasons"]) == ("blocked", ["CORE-SUP-2"])
        assert [type(note) for note in bird.notes] == [Stopped, Stopped]
        assert bird.flown == []
        booking = await sent(run, BOOKING | {"to": PT})
        assert bird.flown == [booking["id"]]


async def test_a_stranger_that_drops_the_foot_is_denied(tmp_path):
    """The bytes that came back from its thread are searched like anybody's; whole ones leave."""
    compose = "if self.broken: return b'Subject: Spring'"
    async with pigeons(tmp_path, channel="email", compose=compose) as (run, bird):
        await run.yes(PT)
        assert (await sent(run, NEWS | {"to": PT}, "sent", "blocked"))["status"] == "blocked"
        bird.broken = False
        assert (await sent(run, NEWS | {"to": PT}, "sent", "blocked"))["status"] == "sent"


# -- it blocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["send", "compose", "open", "init"])
async def test_a_thread_that_is_blocked_before_the_hand_over_is_left_behind(tmp_path, where):
    """Meanwhile the gateway answers and mails leave; the message loses no attempt and goes with a fresh channel; what
    the old thread does when it comes to changes nothing."""
    parts = {"send": WELL} | {where: ONCE + WAITS + ("\n        " + WELL if where == "send" else "")}
    async with pigeons(tmp_path, **parts) as (run, bird):
        text = (await run.send(TEXT)).json["id"]
        assert await asyncio.to_thread(bird.arrived.wait, 5)
        await sent(run, BOOKING | {"to": PT}, seconds=0.5)
        assert await standing(run, "paused: hung") == "paused: hung"
        message = await run.until(text, "sent")
        assert tries(message) == [("hung", 1), ("sent", 1)]
        assert len(bird.built) == 2 and bird.built[0].is_alive()
        bird.go.set()
        await asyncio.to_thread(bird.built[0].join, 5)
        assert not bird.built[0].is_alive()
        assert bird.flown == [text]
        assert await run.message(text) == message
        assert await standing(run, "ok")


async def test_an_open_that_does_not_come_back_is_ended_and_tried_again(tmp_path):
    """It waits for ever without blocking: its thread ends at once, and the message leaves with a fresh channel."""
    async with pigeons(tmp_path, open=ONCE + "await asyncio.Event().wait()") as (run, bird):
        assert tries(await sent(run)) == [("hung", 1), ("sent", 1)]
        assert len(bird.built) == 2
        assert not bird.built[0].is_alive()


@pytest.mark.parametrize(("more", "end"), [("", "held"), ('uncertain = "resend"', "sent")])
async def test_a_thread_that_is_blocked_after_the_hand_over_leaves_an_uncertain_message(tmp_path, more, end):
    """Nobody knows whether it arrived, so it is held or sent again as config.toml says; the late answer counts for
    nothing, and others leave meanwhile."""
    send = f"message.handing_over(); self.notes.append(1)\n        {ONCE}{WAITS}\n        return Sent()"
    async with pigeons(tmp_path, send, f'{SLOW}\n{more}\n[delivery]\nretry = ["1s"]\n') as (run, bird):
        message = await sent(run, TEXT, end)
        assert [one["outcome"] for one in message["attempts"]] == ["uncertain", "sent"][: 1 + (end == "sent")]
        assert message["events"][1]["type"] == ("held" if end == "held" else "uncertain")
        assert message.get("hold_reason") == ("uncertain" if end == "held" else None)
        await said(run, "blocks its thread")
        bird.go.set()
        await asyncio.to_thread(bird.built[0].join, 5)
        assert not bird.built[0].is_alive()
        assert await run.message(message["id"]) == message
        assert (await sent(run))["status"] == "sent"


async def test_all_that_is_under_way_in_a_blocked_thread_comes_back_at_once(tmp_path):
    """One message waits in its thread when a later one blocks it: both are given back together, and leave."""
    send = f"""self.arrived.set()
        if message.text == 'poison' and self.broken: type(self).broken = False; self.go.wait(60)
        if len(self.seen) == 1: await asyncio.sleep(60)
        {WELL}"""
    async with pigeons(tmp_path, send, 'timeout = "2s"', connections=2) as (run, bird):
        first = (await run.send(TEXT)).json["id"]
        assert await asyncio.to_thread(bird.arrived.wait, 5)
        await asyncio.sleep(1)
        second = (await run.send(POISON)).json["id"]
        for public in (first, second):
            assert tries(await run.until(public, "sent")) == [("hung", 1), ("sent", 1)]
        assert sorted(bird.flown) == sorted([first, second])
        assert len(bird.built) == 2


async def test_a_provider_whose_threads_block_again_and_again_stays_down(tmp_path, monkeypatch):
    """One blocked thread too many and health says so for good; messages wait, mails leave; a reload tries it anew."""
    monkeypatch.setattr(apart, "LEFT_AT_MOST", 0)
    async with pigeons(tmp_path, f"{WAITS}\n        {WELL}") as (run, bird):
        text = (await run.send(TEXT)).json["id"]
        assert await standing(run, "down: hung") == "down: hung"
        await run.until(text, "queued")
        assert len(bird.built) == 1
        await sent(run, BOOKING | {"to": PT}, seconds=1)
        bird.go.set()
        assert await run.gateway.reload(load(tmp_path / "config.toml", {})) == []
        assert tries(await run.until(text, "sent"))[-1] == ("sent", 1)


async def test_a_drain_ends_in_time_though_a_thread_is_blocked(tmp_path):
    """What was handed over is held as uncertain, what was not waits as before and costs no attempt."""
    send = f"if message.text != 'poison': message.handing_over()\n        {WAITS}\n        return Sent()"
    async with pigeons(tmp_path, send, 'timeout = "60s"\n') as (run, bird):
        public = (await run.send(TEXT)).json["id"]
        waiting = (await run.send(POISON)).json["id"]
        assert await asyncio.to_thread(bird.arrived.wait, 5)
        began = time.monotonic()
        await run.gateway.parts.delivery.drain(3.0)
        assert time.monotonic() - began < 3.2
        message = await run.message(public)
        assert (message["status"], message["hold_reason"]) == ("held", "uncertain")
        assert (await run.message(waiting))["status"] == "queued"
        bird.go.set()
        assert await run.gateway.reload(load(tmp_path / "config.toml", {})) == []
        await run.until(waiting, "sent")


@pytest.mark.parametrize("close", ["raise ValueError('Canary')", "await asyncio.Event().wait()", "self.go.wait(60)"])
async def test_a_close_that_fails_holds_nothing_up(tmp_path, close):
    """It raises, waits for ever or blocks: the drain ends in time and says so in the log; what had left has left."""
    async with pigeons(tmp_path, close=close) as (run, bird):
        await sent(run)
        began = time.monotonic()
        await run.gateway.parts.delivery.drain(6.0)
        assert time.monotonic() - began < 2.0
        run.gateway.log.close()  # it is written by a thread of its own
        assert "channel does not close" in run.log_text.getvalue()
        assert "Canary" not in run.log_text.getvalue()
        bird.go.set()
        assert await run.gateway.reload(load(tmp_path / "config.toml", {})) == []
        await sent(run)


async def test_a_process_ends_in_time_though_threads_are_blocked(tmp_path):
    """TERM while a stranger blocks its loop and a thread of `to_thread`: the end with 0, within eight seconds."""
    folder = tmp_path / "strangers"
    folder.mkdir()
    stuck = "asyncio.ensure_future(asyncio.to_thread(time.sleep, 600)); await asyncio.sleep(0.1); time.sleep(600)"
    code = {"init": "pass", "open": "pass", "compose": "pass", "close": "pass", "send": stuck}
    (folder / "pigeon.py").write_text(PIGEON.format(**code))
    more = f'[providers.texts]\nplugin = "pigeon"\nchannel = "sms"\n[plugins]\npaths = ["{folder}"]\n'
    async with looping(tmp_path, more) as loop:
        status, answer = await loop.ask("POST", "messages/send", TEXT)
        assert status == 202
        await loop.send(0)
        await asyncio.sleep(0.3)
        assert (await loop.ask("GET", f"messages/{answer['id']}"))[1]["status"] == "sending"
        loop.process.terminate()
        assert await asyncio.to_thread(loop.process.wait, 8) == 0
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "gateway.db")) as store:
            assert store.execute("SELECT lease, attempts, uncertain FROM outbox").fetchall() == [(0, 0, 0)]


# -- it raises --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["send", "compose", "open", "init"])
@pytest.mark.parametrize("raised", ["KeyError('+351912345678')", "SystemExit(3)", "asyncio.CancelledError()"])
async def test_a_channel_that_raises_is_paused_until_it_is_mended(tmp_path, where, raised):
    """Its message waits without losing an attempt and leaves when it is mended; mails leave meanwhile."""
    fault = f"if self.broken: raise {raised}"
    parts = {"send": WELL} | {where: f"{fault}\n        {WELL}" if where == "send" else fault}
    async with pigeons(tmp_path, **parts) as (run, bird):
        text = (await run.send(TEXT)).json["id"]
        assert await standing(run, "paused: raised") == "paused: raised"
        await sent(run, BOOKING | {"to": PT}, seconds=1)
        bird.broken = False
        await try_now(run)
        message = await run.until(text, "sent")
        assert set(tries(message)[:-1]) == {("raised", 1)}
        assert tries(message)[-1] == ("sent", 1)
        assert await standing(run, "ok")
        assert "+351912345678" not in run.log_text.getvalue()


async def test_a_poisoned_message_is_held_while_the_others_leave(tmp_path):
    """It makes the channel raise each time; after three times it is held, and it alone. Released after the repair, it
    leaves."""
    fault = "if self.broken and message.text == 'poison': raise ValueError"
    async with pigeons(tmp_path, f"{fault}\n        {WELL}") as (run, bird):
        poison = (await run.send(POISON)).json["id"]
        others = [(await run.send(TEXT)).json["id"] for _ in range(3)]
        for public in others:
            await run.until(public, "sent")
        message = await run.until(poison, "held")
        assert message["hold_reason"] == "quarantined"
        assert tries(message) == [("raised", 1)] * 3
        assert (await sent(run))["status"] == "sent"
        bird.broken = False
        assert (await run.call("POST", f"/communications/messages/{poison}/release")).status == 200
        await run.until(poison, "sent")


async def test_a_message_that_blocks_its_thread_each_time_is_held(tmp_path):
    """Three threads are left behind for its sake; then it is held, and the others leave in a fourth."""
    async with pigeons(tmp_path, f"if message.text == 'poison': {WAITS}\n        {WELL}") as (run, bird):
        poison = (await run.send(POISON)).json["id"]
        for threads in (1, 2, 3):
            await said(run, f'"count":{threads}')
            await try_now(run)
        message = await run.until(poison, "held")
        assert (message["hold_reason"], tries(message)) == ("quarantined", [("hung", 1)] * 3)
        await sent(run)
        assert len(bird.built) == 4


async def test_a_broken_channel_costs_no_message_its_place(tmp_path):
    """Every message makes it raise: then none of them is to blame, and all leave once it is mended."""
    async with pigeons(tmp_path, f"if self.broken: raise ValueError\n        {WELL}") as (run, bird):
        texts = [(await run.send(TEXT)).json["id"] for _ in range(3)]
        while len(bird.seen) < 9:
            await try_now(run)
        assert {(await run.message(public))["status"] for public in texts} <= {"queued", "sending"}
        bird.broken = False
        await try_now(run)
        for public in texts:
            await run.until(public, "sent")


async def test_a_channel_that_cannot_be_opened_blames_no_message(tmp_path):
    """The only message there is meets a closed channel again and again and is not held for it."""
    async with pigeons(tmp_path, open="self.notes.append(1)\n        if self.broken: raise ValueError") as (run, bird):
        text = (await run.send(TEXT)).json["id"]
        while len(bird.notes) < 5:
            await try_now(run)
        assert (await run.message(text))["status"] in ("queued", "sending")
        bird.broken = False
        await try_now(run)
        await run.until(text, "sent")


@pytest.mark.parametrize(
    ("poisoned", "steps"),
    [
        ("alone, three times in a row", [(1, 0, False), (1, 0, False), (1, 0, True), (1, 0, False)]),
        ("with others leaving in between", [(1, 0, False), (1, 1, False), (1, 2, True)]),
        ("one of two, with others leaving", [(1, 0, False), (2, 1, False), (1, 2, False), (2, 3, False), (1, 4, True)]),
        ("nobody: each in turn, and none leaves", [(n % 2, 0, False) for n in range(20)]),
    ],
)
def test_whose_fault_a_defect_is(poisoned, steps):
    """Each step: message, how often the provider has come back, and whether the message is held for it."""
    suspects = Suspects()
    assert [suspects.poisoned(message, back) for message, back, _ in steps] == [held for *_, held in steps], poisoned


# -- what it says -----------------------------------------------------------------------------------------------------


async def test_an_answer_that_is_none_is_not_followed_by_a_second_copy(tmp_path):
    """It handed over and returned nothing: held as uncertain, even where copies do no harm; a real answer is sent."""
    send = f"if self.broken: message.handing_over(); return None\n        {WELL}"
    async with pigeons(tmp_path, send, SLOW + '\nuncertain = "resend"') as (run, bird):
        message = await sent(run, TEXT, "held")
        assert (message["hold_reason"], message["attempts"][0]["code"]) == ("uncertain", "answer")
        bird.broken = False
        assert (await sent(run))["status"] == "sent"


async def test_a_strangers_failure_is_what_it_says(tmp_path):
    """A Failure comes through as one, with its kind and code; bytes that are none are a defect."""
    failing = "raise Failure('bad_address', code='550', words='Ana Canary is gone')"
    async with pigeons(tmp_path, failing, compose="if message.text == 'poison': return 'no bytes'") as (run, _):
        message = await sent(run, TEXT, "failed")
        assert [(one["outcome"], one["code"]) for one in message["attempts"]] == [("bad_address", "550")]
        assert (await sent(run, POISON, "held"))["attempts"][0]["code"] == "TypeError"
        assert "Canary" not in run.log_text.getvalue()


async def test_stopped_without_a_stop_is_a_defect(tmp_path):
    """A channel that raises it of its own accord is paused like any other that raises."""
    send = f"from gateway import Stopped\n        if self.broken: raise Stopped()\n        {WELL}"
    async with pigeons(tmp_path, send) as (run, bird):
        text = (await run.send(TEXT)).json["id"]
        assert await standing(run, "paused: raised")
        bird.broken = False
        await run.until(text, "sent")


async def test_a_refused_connection_is_the_providers_own_failure(tmp_path):
    """Python's own exception for it pauses the provider as `down` and never holds the message."""
    fault = "import errno\n        if self.broken: raise OSError(errno.ECONNREFUSED, 'no')"
    async with pigeons(tmp_path, f"{fault}\n        {WELL}") as (run, bird):
        text = (await run.send(TEXT)).json["id"]
        assert await standing(run, "paused: down")
        bird.broken = False
        assert tries(await run.until(text, "sent"))[0] == ("down", 1)


async def test_what_a_task_of_its_own_raises_stays_unsaid(tmp_path, capfd):
    """Neither the log nor stderr has its words; that there was something is logged. Its messages leave."""
    open_ = "async def fails(): raise ValueError('Canary')\n        asyncio.ensure_future(fails())"
    async with pigeons(tmp_path, open=open_) as (run, _):
        await sent(run)
        await said(run, "own task raised")
        assert "Canary" not in run.log_text.getvalue()
    assert "Canary" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (Failure("throttled", retry_after=7, code="4.7.1", words="slow"), (7.0, "4.7.1", "slow")),
        (Failure("throttled", retry_after="7"), (7.0, None, "")),
        (Failure("throttled", retry_after="Wed, 21 Oct 2026 07:28:00 GMT", code="Ana is gone"), (None, None, "")),
        (Failure("throttled", retry_after=float("inf"), code=451, words=None), (86_400.0, "451", "")),
        (Failure("throttled", retry_after=float("nan"), code=""), (None, None, "")),
    ],
)
def test_a_strangers_failure_is_taken_down_to_the_contract(said, kept):
    """A pause is a number up to a day, a code is a short word; whatever else it may be does no harm."""
    failure = plain(said)
    assert (failure.retry_after, failure.status_code, failure.words) == kept


def letter(before):
    return Message("msg_1", "sms", "+351", "", "x", "", Sender("Quinta"), 0, before_handover=before)


async def test_a_gate_waits_for_a_busy_gateway_but_not_for_ever(monkeypatch):
    """While the gateway's loop stands still the message is not let go, nor when the loop turns again; asked in time it
    is, and what the look raises is raised there."""
    monkeypatch.setattr(apart, "GATE_SECONDS", 0.05)
    message = letter(None)
    gate = Gate(message)
    late = asyncio.create_task(asyncio.to_thread(gate, message))
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251 the gateway's loop is busy
    with pytest.raises(Stopped):
        await late
    assert not message.handed
    monkeypatch.setattr(apart, "GATE_SECONDS", 5.0)
    await asyncio.to_thread(gate, message)
    assert message.handed
    gate.shut()
    with pytest.raises(Stopped):
        await asyncio.to_thread(gate, message)
