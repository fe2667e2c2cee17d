"""Programs that people begin with: each runs as it stands, against a real gateway, and says what its page says."""

import asyncio
import csv
import os
import re
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from tests.running import running
from tests.test_client_events import BODY, NOW, SECRET, signed

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PEOPLE = 5_000


@pytest.fixture
async def run(tmp_path):
    async with running(tmp_path) as run:
        yield run


def environment(**more):
    """What a shell has in which the client is installed and the gateway too."""
    path = os.pathsep.join([str(ROOT / "clients/python"), str(ROOT)])
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PYTHONPATH": path, "PATH": scripts} | more


async def started(program, *arguments, **more):
    return await asyncio.create_subprocess_exec(
        sys.executable, *program.split(), *map(str, arguments), env=environment(**more), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def said(run, program, *arguments):
    """What an example prints; it must end well."""
    process = await started(f"{EXAMPLES}/{program}.py", *arguments, GATEWAY_URL=run.base, GATEWAY_KEY=run.key)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_a_booking_is_confirmed_once(run):
    """The message leaves, is found by its booking's number, and a second start of the program sends no second one."""
    for _ in range(2):
        out = await said(run, "booking_confirmation", "ana@example.org", "4711")
    assert re.fullmatch(r"msg_\w+ is sent\nbooking 4711: booking by email, sent\n", out)
    assert len(run.mails()) == 1


async def test_five_thousand_guests_are_invited_after_a_rehearsal(run, tmp_path):
    """The rehearsal writes to nobody and names what is wrong; then everybody else gets one mail."""
    with (tmp_path / "guests.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["email", "name", "country", "timezone"])
        lines.writerows([f"guest{n}@example.org", f"Guest {n}", "PT", ""] for n in range(PEOPLE))
        lines.writerow(["not an address", "", "", ""])
    rehearsal = await said(run, "invitation", file.name)
    assert rehearsal == f"{PEOPLE} may go, 0 of them later; 0 may not\n  line {PEOPLE + 2} cannot be used: bad-email\n"
    assert run.mails() == []
    out = await said(run, "invitation", file.name, "--send")
    assert out.endswith(f"finished: {PEOPLE} sent\n")
    await said(run, "invitation", file.name, "--send")
    mails = run.mails()
    assert len(mails) == PEOPLE
    assert any(b"Dear Guest 4711," in mail for mail in mails)


async def test_refusals_and_limits_are_met(run):
    """Each kind of no is shown with what to do about it."""
    out = (await said(run, "refusals_and_limits")).splitlines()
    assert re.match(r"no consent: refused by .*EU-.*consent.* \(kept as msg_\w+\)$", out[0])
    assert re.match(r"no address: wrong: /to ", out[1])
    assert re.match(r"limit: asked \d{3,} times, then told to wait \d+ s$", out[2])
    assert out[3] == "after a wait that was the client's own: deny"


async def test_a_webhook_is_believed_once_and_only_when_it_is_signed():
    """A signed event is taken, the same once more is answered and not taken, a forged one is turned away."""
    process = await started(f"{EXAMPLES}/receiving_webhooks.py", 0, WEBHOOK_SECRET=SECRET)
    try:
        port = int((await process.stdout.readline()).split()[-1])
        now = int(time.time())
        answers = []
        async with aiohttp.ClientSession() as http:
            for headers in (signed(sent=now), signed(sent=now), signed(sent=NOW - 10**6), {}):
                async with http.post(f"http://127.0.0.1:{port}/", data=BODY, headers=headers) as answer:
                    answers.append(answer.status)
        assert answers == [204, 204, 401, 401]
        assert await process.stdout.readline() == b"message.delivered: msg_01m86xwyt2e00bxznkf9ypswzs\n"
    finally:
        process.terminate()
        assert (await process.communicate())[0] == b""


async def test_a_booking_system_is_tested_with_the_demo():
    """The test of the example is a test that passes."""
    process = await started("-m pytest -q -p no:cacheprovider", EXAMPLES / "testing_with_the_demo.py")
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert b"2 passed" in out


def test_every_example_is_run():
    """No example is only read."""
    tested = Path(__file__).read_text()
    assert [path.name for path in EXAMPLES.glob("*.py") if f"{path.stem}" not in tested] == []
