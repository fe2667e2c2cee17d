"""The last moment before a message leaves: what changed in between still counts, whatever the channel does."""

import asyncio

from gateway.errors import Failure
from tests.faults.stops import stop_during_a_batch
from tests.running import BOOKING, CONFIG, NEWS, running

ONE_A_WEEK = """
[[compliance.rules]]
id = "HOUSE-ONE-A-WEEK"
text = "The guest gets one newsletter a week."
reason = "More would be too many."
cap = { max = 1, days = 7 }
"""
PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}


def channel_of(run):
    """The channel object that delivers e-mail."""
    return run.gateway.parts.routes.providers["mail"].plugin


async def test_a_stop_in_the_gap_is_heard(tmp_path):
    """The message is prepared and the channel is at work when the guest says stop: handing_over does not let it go."""
    async with running(tmp_path) as run:
        await run.yes(PT)
        channel = channel_of(run)
        send, stopped = channel.send, []

        async def stop_first(message):
            if not stopped:
                stopped.append(await run.call("POST", "/communications/compliance/unsubscribe", {"guest": PT}))
            return await send(message)

        channel.send = stop_first
        offer = await run.until((await run.send(NEWS | {"to": PT})).json["id"], "blocked", "sent")
        assert (offer["status"], stopped[0].status) == ("blocked", 200)
        assert run.mails() == []
        booking = await run.until((await run.send(BOOKING | {"to": PT})).json["id"], "blocked", "sent")
        assert booking["status"] == "sent"


async def test_messages_to_one_guest_count_each_other(tmp_path, clock):
    """Three wait when delivery begins, and one a week may leave: one does, though all are under way at once and wait
    for the store in between. The others wait until the eighth day begins."""
    config = CONFIG.replace("[sender]", '[sender]\nwarm_up = ["50/day"]') + ONE_A_WEEK
    async with running(tmp_path, config, clock, deliver=False) as run:
        await run.yes(PT)
        public = [(await run.send(NEWS | {"to": PT})).json["id"] for _ in range(3)]
        await run.gateway.start()
        states = [await run.until(one, "sent", "deferred") for one in public]
        assert sorted(one["status"] for one in states) == ["deferred", "deferred", "sent"]
        waiting = [(one["wait_reason"], one["due_at"]) for one in states if one["status"] == "deferred"]
        assert waiting == [("law", "2026-12-01T00:00:00Z")] * 2
        assert len(run.mails()) == 1
        await run.gateway.drain()


async def test_a_message_does_not_count_itself(tmp_path, clock):
    """Judged again right before it leaves, because the channel took its time, it is not in its own way."""
    async with running(tmp_path, CONFIG + ONE_A_WEEK, clock) as run:
        await run.yes(PT)
        channel = channel_of(run)
        send = channel.send

        async def slowly(message):
            clock.forward(2)
            return await send(message)

        channel.send = slowly
        await run.until((await run.send(NEWS | {"to": PT})).json["id"], "sent")
        assert (await run.send(NEWS | {"to": PT})).json["status"] == "deferred"


async def test_a_channel_that_drops_the_foot_is_denied(tmp_path):
    """What the law asks for is looked for in the finished bytes, not in the plan; the same channel intact delivers."""
    async with running(tmp_path) as run:
        await run.yes(PT)
        channel = channel_of(run)
        compose = channel.compose
        channel.compose = lambda message: b"Subject: Spring\r\n\r\nThe garden opens.\r\n"
        message = await run.until((await run.send(NEWS | {"to": PT})).json["id"], "blocked", "sent")
        assert message["status"] == "blocked"
        assert message["events"][-1]["reason"].startswith("missing ")
        assert run.mails() == []
        channel.compose = compose
        assert (await run.until((await run.send(NEWS | {"to": PT})).json["id"], "blocked", "sent"))["status"] == "sent"


async def test_a_poisoned_message_is_held_and_the_next_one_goes(tmp_path):
    """A compose that raises holds its message for a person; released after the repair it leaves."""
    async with running(tmp_path) as run:
        channel = channel_of(run)
        compose = channel.compose

        def poisoned(message):
            if "poison" in message.text:
                raise ValueError(message.text)
            return compose(message)

        channel.compose = poisoned
        public = (await run.send(BOOKING | {"to": PT, "text": "poison"})).json["id"]
        assert (await run.until(public, "held", "sent"))["hold_reason"] == "quarantined"
        await run.until((await run.send(BOOKING | {"to": PT})).json["id"], "sent")
        assert "poison" not in run.log_text.getvalue()
        channel.compose = compose
        assert (await run.call("POST", f"/communications/messages/{public}/release")).status == 200
        await run.until(public, "sent")


async def test_a_wrong_password_pauses_the_provider_and_costs_no_attempt(tmp_path):
    """The message waits for the provider to be put right, and then leaves on its first attempt."""
    async with running(tmp_path) as run:
        channel = channel_of(run)
        send, refused = channel.send, asyncio.Event()

        async def refuse_once(message):
            if refused.is_set():
                return await send(message)
            refused.set()
            raise Failure("auth")

        channel.send = refuse_once
        public = (await run.send(BOOKING | {"to": PT})).json["id"]
        await refused.wait()
        message = await run.until(public, "sent")
    assert [(one["outcome"], one["attempt"]) for one in message["attempts"]] == [("auth", 1), ("sent", 1)]


async def test_a_stop_in_the_middle_of_a_batch_is_heard(tmp_path):
    """Guests say stop while hundreds of mails go out, by the API and by their links: nothing leaves to them later than
    a second after the answer, most of them get nothing at all, and everybody else gets his mail. `make faults` does it
    with ten thousand."""
    told = await stop_during_a_batch(tmp_path, messages=200, stops=10)
    assert (told["late"], told["missing"], told["copies"]) == ([], [], 0)
    assert told["stopped_in_time"] > told["stopped"] / 2 >= 1
