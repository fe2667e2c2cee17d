"""What a page about the API shows in a shell is typed as it stands, in its order, and answered as it shows."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from gateway.cli.receiver import free_port
from tests.running import CONFIG, running

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs/api"
BLOCK = re.compile(r"^```sh\n(.+?)^```$(?:\n\n```(json|http)\n(.+?)^```$)?", re.MULTILINE | re.DOTALL)
OWN = ("id", "next_cursor", "access_token", "refresh_token")
"""Members whose value is another each time, and stands for it in what comes after."""
WHATEVER = (*OWN, "instance", "message_id", "rules_version")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
CURL = 'curl() { command curl %s -w "\\n" "$@"; }\nset -eo pipefail\n'
pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="there is no bash or curl")


def alike(shown, real, name=""):
    """Whether an answer is the one that is shown, but for what is another each time."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return shown.keys() == real.keys() and all(alike(shown[one], real[one], one) for one in shown)
    if isinstance(shown, list) and isinstance(real, list):
        return len(shown) == len(real) and all(map(alike, shown, real))
    if isinstance(shown, str) and isinstance(real, str):
        own = name in WHATEVER or bool(TIME.fullmatch(shown) and TIME.fullmatch(real))
        return own or shown == real or ("…" in shown and real.startswith(shown.partition("…")[0]))
    return shown == real


def values(shown, real):
    """What stands in an answer for the values of a page, by these."""
    known = {}
    if isinstance(shown, dict):
        known = {shown[name]: real[name] for name in OWN if isinstance(shown.get(name), str)}
        shown, real = shown.values(), [real[name] for name in shown]
    if not isinstance(shown, str | int | float | None):
        for pair in zip(shown, real, strict=True):
            known |= values(*pair)
    return known


class Shell:
    """Types what a page shows. `replaced`: other words for some of its words, such as an address."""

    def __init__(self, folder, replaced, **environment):
        scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.folder, self.replaced, self.groups = folder, replaced, []
        self.environment = os.environ | {"PATH": scripts, "PYTHONPATH": str(ROOT)} | environment

    async def type(self, script, fails):
        """The exit code and what was printed; what was exported is known to the next."""
        for shown, real in self.replaced.items():
            script = script.replace(shown, real)
        state = self.folder / "exported"
        curl = CURL % ("" if fails else "--fail-with-body")
        text = f"test -f {state} && . {state}\n{curl}{script}\nexport -p > {state}\n"
        with (self.folder / "stderr").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                "bash", "-c", text, cwd=self.folder, stdout=asyncio.subprocess.PIPE, stderr=errors,
                env=self.environment, start_new_session=True,
            )  # fmt: skip
        self.groups.append(process.pid)
        out = (await process.communicate())[0].decode()
        return process.returncode, out

    async def follow(self, script, kind, shown):
        """Type a block and hold what it prints against what is shown; what is only read is read until it is that."""
        until = time.monotonic() + (0 if re.search(r" -d | -X | --data|serve", script) else 20)
        while True:
            fails = bool(kind) and bool(re.search(r'"status": [45]\d\d|^HTTP/1.1 [45]', shown))
            code, out = await self.type(script, fails)
            good = code == 0 and (not kind or self.shows(kind, shown, out))
            if good or time.monotonic() > until:
                assert good, f"{script}\n{code}: {out}\n{(self.folder / 'stderr').read_text()[-2000:]}"
                return
            await asyncio.sleep(0.1)

    def shows(self, kind, shown, out):
        if kind == "http":
            first, *headers = shown.strip().splitlines()
            names = {line.partition(":")[0].lower() for line in out.split("\r\n\r\n")[0].splitlines()[1:]}
            return out.startswith(first) and {line.partition(":")[0].lower() for line in headers} <= names
        wanted, real = json.loads(shown), json.loads(out.strip().splitlines()[-1])
        if not alike(wanted, real):
            return False
        self.replaced |= values(wanted, real)
        return True

    def leave(self):
        """End what it has started."""
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                continue


def blocks(page):
    return BLOCK.findall((PAGES / page).read_text())


async def follow(page, shell):
    found = blocks(page)
    assert found
    try:
        for block in found:
            await shell.follow(*block)
    finally:
        shell.leave()


async def test_the_first_message_is_sent_as_the_page_says(tmp_path):
    """From an empty folder to a consent, typed as it stands, on a port that is free."""
    port = str(free_port())
    shell = Shell(tmp_path, {"127.0.0.1:8080": f"127.0.0.1:{port}"}, GATEWAY__SERVER__PORT=port,
                  GATEWAY__SERVER__OPS_PORT=str(free_port()))  # fmt: skip
    await follow("getting-started.md", shell)


@pytest.mark.parametrize("page", ["requests.md", "bulk.md", "authentication.md", "webhooks.md"])
async def test_what_a_page_shows_is_what_happens(tmp_path, page):
    """Every command works, and every answer is the one that stands under it."""
    config = CONFIG + '[egress]\nallow = ["127.0.0.1:8443"]\n'
    async with running(tmp_path, config) as run:
        receiver = {"https://crm.quinta.example/": "https://127.0.0.1:8443/"}
        data = tmp_path / "data"
        for _ in range(500):  # the setup code is written by the first round of housekeeping, soon after the start
            if (data / "setup-code").exists():
                break
            await asyncio.sleep(0.02)
        shell = Shell(tmp_path, receiver, GATEWAY=f"{run.base}/communications", KEY=run.key, GATEWAY_DATA=str(data))
        await follow(page, shell)


def test_every_page_that_shows_commands_is_followed():
    """None is only read; and one that shows nothing would be seen."""
    tested = Path(__file__).read_text()
    assert [page.name for page in PAGES.glob("*.md") if blocks(page) and page.name not in tested] == []
    assert not blocks("endpoints.md") and blocks("bulk.md")


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ({"id": "msg_1", "a": [1]}, {"id": "msg_2", "a": [1]}, True),
        ({"at": "2026-11-24T14:03:34.081Z"}, {"at": "2027-01-01T00:00:00Z"}, True),
        ({"detail": "one of a, b, …"}, {"detail": "one of a, b, c"}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": [{}]}, {"a": []}, False),
        ({"status": "sent"}, {"status": "queued"}, False),
        ({"detail": "one of a, c, …"}, {"detail": "one of a, b, c"}, False),
    ],
)
def test_an_answer_that_is_not_the_one_that_is_shown_is_seen(shown, real, same):
    """The positive control: only what is another each time may differ."""
    assert alike(shown, real) is same
