"""The process ends at a bad moment: nothing acknowledged is lost, every copy is explained."""

import asyncio
import contextlib
import shutil
import subprocess

import pytest

from tests.faults.loop import MOMENTS, PROGRAM, looping
from tests.running import BOOKING


async def test_ends_at_bad_moments_lose_nothing(tmp_path):
    """Once at each of the worst moments, with messages on their way: the reckoning finds nothing wrong."""
    async with looping(tmp_path) as loop:
        for moment in MOMENTS:
            await loop.round(moment, 40, 0.1)
        assert await loop.faults() == []
        assert len(loop.acknowledged) == 40 * len(MOMENTS)
        assert set(loop.acknowledged.values()) == set(loop.sink.seen)
        assert [kill.exit_code for kill in loop.kills] == [-9, -9, -9, -9, 0]


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


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_on_a_full_disk_a_guest_can_still_say_stop(small_disk):
    """Sends are refused with 503 and nothing is lost, reading goes on, a stop is taken from the reserve; with room
    again all is well, without a restart."""
    async with looping(small_disk, '[store]\nreserve = "8MB"\n') as loop:
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
        assert (await loop.ask("POST", "compliance/unsubscribe", {"guest": "guest0@example.org"}))[0] == 200
        assert (await loop.ask("GET", "messages"))[0] == 200
        await asyncio.sleep(1.1)  # for that long the last answer holds
        assert (await loop.ask("GET", "health"))[0] == 503
        ballast.unlink()
        assert (await loop.ask("POST", "messages/send", BOOKING | {"to": "later@example.org"}))[0] == 202
        await asyncio.sleep(1.1)
        assert (await loop.ask("GET", "health"))[0] == 200
        assert loop.process.poll() is None


def fill(path):
    """Write until there is no room."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65536)
