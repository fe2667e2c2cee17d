"""The process ends at a bad moment: nothing acknowledged is lost, every copy is explained."""

import asyncio
import contextlib
import shutil
import subprocess

import pytest

from gateway.vault import Vault
from tests.faults.loop import MOMENTS, PROGRAM, looping
from tests.guest_pages import Page
from tests.running import BOOKING, running
from tests.webhook_peer import Ear, listening


async def test_ends_at_bad_moments_lose_nothing(tmp_path):
    """Once at each of the worst moments, with messages on their way: the reckoning finds nothing wrong."""
    async with looping(tmp_path) as loop:
        for moment in MOMENTS:
            await loop.round(moment, 40, 0.1)
        assert await loop.faults() == []
        assert len(loop.acknowledged) == 40 * len(MOMENTS)
        assert set(loop.acknowledged.values()) == set(loop.sink.seen)
        assert [kill.exit_code for kill in loop.kills] == [-9, -9, -9, -9, 0, 0, -9]


async def test_the_reckoning_sees_a_loss_and_a_copy(tmp_path):
    """The positive control: a message that never came and one that came twice for no reason are both named."""
    async with looping(tmp_path) as loop:
        await loop.round("TERM", 3, 0.5)
        assert await loop.faults() == []
        first, second, _ = loop.acknowledged.values()
        del loop.sink.seen[first]
        loop.sink.seen[second] += 1
        wrong = await loop.faults()
    assert f"acknowledged and lost: {first}" in wrong
    assert f"arrived 2 times without being uncertain: {second}" in wrong


async def test_a_second_process_is_turned_away(tmp_path):
    """Whoever comes second ends with 75 and a sentence; the first does not notice."""
    async with looping(tmp_path) as loop:
        command = [*PROGRAM, "serve", *loop.arguments]
        second = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=20)
        assert (second.returncode, second.stderr.startswith("gateway: error[busy]: ")) == (75, True)
        await loop.send(0)
        assert len(loop.acknowledged) == 1


async def test_a_log_that_is_taken_away_ends_the_process(tmp_path):
    """SQLite would write on into a deleted file: the gateway ends with 70 instead."""
    async with looping(tmp_path) as loop:
        await loop.send(0)
        assert loop.process.poll() is None
        (tmp_path / "data" / "gateway.db-wal").unlink()
        assert loop.process.wait(5) == 70


async def test_what_was_under_way_goes_again_as_the_same_message(tmp_path):
    """Killed while the receiver had the text: the message is uncertain, comes once more, under the same name."""
    async with looping(tmp_path) as loop:
        await killed_under_way(loop)
        await loop.settle()
        (public,) = loop.sink.seen
        assert loop.sink.seen[public] == 2
        assert await loop.faults() == []
        _, message = await loop.ask("GET", f"messages/{public}")
        assert [event["type"] for event in message["events"]].count("uncertain") == 1
        assert message["status"] == "sent"


async def test_webhooks_hear_of_everything_whatever_ends_the_process(tmp_path):
    """Killed while events are on their way: each is told, what is about one message in order, and a copy of one has
    the id of the first."""
    async with listening(Ear(), tmp_path, ("127.0.0.1",)) as ear:
        allow = f'[egress]\nallow = ["127.0.0.1:{ear.port}"]\n'
        async with looping(tmp_path, allow) as loop:
            order = {"url": f"https://127.0.0.1:{ear.port}/", "events": ["message.queued", "message.sent"]}
            assert (await loop.ask("POST", "webhooks", order))[0] == 201
            for moment in ("random", "acknowledged", "after the answer", "TERM", "random"):
                await loop.round(moment, 40, 0.2)
            expected = {(public, state) for public in loop.acknowledged.values() for state in ("queued", "sent")}
            for _ in range(400):
                if told(ear).keys() >= expected:
                    break
                await asyncio.sleep(0.05)
            assert told(ear).keys() == expected
            assert all(told(ear)[public, "queued"] < told(ear)[public, "sent"] for public in loop.acknowledged.values())
            assert len({one.id for one in ear.heard}) == len(expected)


def told(ear):
    """What a listener heard about messages, by (message, state): when it was first."""
    first = {}
    for place, one in enumerate(ear.heard):
        first.setdefault((one.event["data"]["message_id"], one.event["data"]["status"]), place)
    return first


async def test_what_may_not_go_twice_waits_for_a_person(tmp_path, monkeypatch):
    """Where the venue does not want a second copy, the message is held until somebody releases it."""
    monkeypatch.setenv("GATEWAY__PROVIDERS__MAIL__UNCERTAIN", "hold")
    async with looping(tmp_path) as loop:
        await killed_under_way(loop)
        (public,) = loop.sink.seen
        _, message = await loop.ask("GET", f"messages/{public}")
        assert (message["status"], message["hold_reason"]) == ("held", "uncertain")
        assert loop.sink.seen[public] == 1
        command = [*PROGRAM, "queue", "release", public, *loop.arguments]
        assert (await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=20)).returncode == 0
        await loop.settle()
        assert loop.sink.seen[public] == 2


async def killed_under_way(loop):
    """Send one message, kill the process while the receiver has it and has not answered, and start again."""
    loop.sink.slow = 0.5
    await loop.send(0)
    await asyncio.wait_for(loop.sink.text_came.wait(), 10)
    loop.process.kill()
    await asyncio.to_thread(loop.process.wait)
    loop.sink.slow = 0.0
    await asyncio.to_thread(loop.start)


@pytest.mark.skipif(not shutil.which("strace"), reason="only strace can make fsync fail")
async def test_a_failed_fsync_ends_the_process_before_anything_is_acknowledged(tmp_path):
    """The disk says it could not keep what was written: no 202, and the end with 70."""
    async with looping(tmp_path) as loop:
        await loop.send(0)
        assert len(loop.acknowledged) == 1
        fault = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"]
        command = ["strace", "-f", "-p", str(loop.process.pid), *fault]
        tracer = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        try:
            if b"attached" not in (told := await tracer.stderr.readline()):
                pytest.skip(told.decode())
            await loop.send(1)
            assert await asyncio.to_thread(loop.process.wait, 10) == 70
            assert list(loop.acknowledged) == [0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                tracer.kill()
            await tracer.communicate()
        await asyncio.to_thread(loop.start)
        await loop.send(1)
        await loop.settle()
        assert await loop.faults() == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # a gateway of this process may still have it open


async def test_on_a_full_disk_a_guest_can_still_say_stop(small_disk, tmp_path):
    """Sends are refused with 503 and nothing is lost, reading goes on, a stop is taken from the reserve, by the API, by
    a guest's link and on the preferences page; with room again all is well, without a restart."""
    async with looping(small_disk, '[store]\nreserve = "8MB"\n') as loop:
        await loop.ask("POST", "messages/send", BOOKING | {"to": "guest1@example.org"})
        stop, choose = links(small_disk / "data" / "keys", tmp_path, "guest1@example.org")
        ballast = small_disk / "ballast"
        fill(ballast)
        number = 0
        for size in (100_000, 1000, 1):  # until not even the smallest fits
            status = 202
            while status == 202:
                number += 1
                order = BOOKING | {"text": "y" * size, "to": f"f{number}@example.org"}
                status, answer = await loop.ask("POST", "messages/send", order)
        assert (status, answer["type"]) == (503, "urn:guest-gateway:problem:storage-full")
        url = f"http://127.0.0.1:{loop.port}"
        async with loop.http.post(f"{url}/communications/messages/send", json=order) as refused:
            assert (refused.status, int(refused.headers["Retry-After"]) > 0) == (503, True)
        assert (await loop.ask("POST", "compliance/unsubscribe", {"guest": "guest0@example.org"}))[0] == 200
        async with loop.http.get(f"{url}/p/{choose}") as page:
            shown = Page(await page.read())
        assert shown.ticked == {"booking:email"}
        async with loop.http.post(f"{url}/p/{choose}", data=[*shown.hidden, ("language", "en")]) as saved:
            assert (saved.status, Page(await saved.read()).ticked) == (200, set())
        async with loop.http.post(f"{url}/u/{stop}", data={"stop": "all"}) as stopped:
            assert (stopped.status, "All messages have stopped" in await stopped.text()) == (200, True)
        assert (await loop.ask("GET", "messages"))[0] == 200
        await asyncio.sleep(1.1)  # for that long the last answer holds
        assert (await loop.ask("GET", "health"))[0] == 503
        async with loop.http.get(f"{url}/health/ready") as probed:
            assert probed.status == 503
        ballast.unlink()
        assert (await loop.ask("POST", "messages/send", BOOKING | {"to": "later@example.org"}))[0] == 202
        status, refused = await loop.ask("POST", "messages/send", BOOKING | {"to": "guest1@example.org"})
        assert (status, refused["compliance"]["reasons"]) == (422, ["CORE-SUP-1", "CORE-SUP-3"])
        await asyncio.sleep(1.1)
        assert (await loop.ask("GET", "health"))[0] == 200
        assert loop.process.poll() is None


async def test_on_a_full_disk_a_stop_in_a_reply_counts(small_disk):
    """A stop, a hold and the decision that it was a stop are taken from the reserve, with a key and without; what stops
    nothing is refused with 503, and taken once there is room. The stops hold, and nobody was sent a confirmation."""
    guest, others = "+351912345678", ("+351911111111", "+351922222222")
    order, said = BOOKING | {"channel": "sms", "subject": None}, "/communications/replies"
    async with running(small_disk, deliver=False) as run:

        async def reply(text, number=guest, **more):
            return await run.call("POST", said, {"channel": "sms", "from": number, "text": text}, **more)

        async def decide(one, action):
            return (await run.call("POST", f"{said}/{one}/decide", {"action": action})).status

        await run.yes({"phone": guest, "country": "PT"}, channels=["sms"])
        assert (await run.send(order | {"to": guest})).status == 202
        stops, stays = [(await reply("can't stop smiling", number)).json["id"] for number in others]
        ballast = small_disk / "ballast"
        fill(ballast)
        while (refused := await reply("See you on Friday")).status == 201:
            pass  # what SQLite has of its own goes first
        assert (refused.status, refused.json["type"].rsplit(":", 1)[1]) == (503, "storage-full")
        once = {"Idempotency-Key": "text-4711"}
        stop = await reply("STOP", headers=once)
        assert (stop.status, stop.json["action"], stop.json["not_sent"]) == (201, "opt_out", "not-stored")
        assert (await reply("STOP", headers=once)).json == stop.json
        assert (await reply("can't stop smiling", "+351933333333")).json["action"] == "hold_review"
        assert [await decide(stops, "opt_out"), await decide(stays, "none")] == [200, 503]
        ballast.unlink()
        assert (await reply("See you on Friday", "+351944444444")).status == 201
        assert await decide(stays, "none") == 200
        for number, status in ((guest, 422), (others[0], 422), (others[1], 202)):
            assert (await run.send(order | {"to": number})).status == status


def links(keys, folder, address):
    """The tokens of a guest's two links, made with a copy of the keys."""
    copy = shutil.copytree(keys, folder / "keys")
    vault = Vault.open(copy, copy / "master.key")
    blind = vault.index.blind("email", address)
    made = [vault.links.make(purpose, blind, "email", b"m" * 16, 20_000) for purpose in ("unsubscribe", "preferences")]
    vault.close()
    return made


def fill(path):
    """Write until there is no room."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65536)
