"""A gateway that is sent to, killed and started again, and the reckoning afterwards: lost, doubled, explained."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
from aiosmtpd.controller import Controller
from msgspec import Struct

from gateway.ledger import verify
from tests.running import BOOKING

PROGRAM = [sys.executable, "-c", "from gateway.cli import main; main()"]
CONNECTIONS = 8
CONFIG = """
config_version = 1
[server]
port = {port}
ops_port = {ops}
[sender]
name = "Quinta"
email = "hello@quinta.example"
[providers.mail]
plugin = "smtp"
channel = "email"
host = "127.0.0.1"
port = {smtp}
tls = "none"
connections = {connections}
[delivery]
retry = ["1s"]
[limits.send]
endpoints = ["messages.send"]
quota = 1000000
window = "1m"
[limits.bulk]
endpoints = ["messages.bulk"]
quota = 1000000
window = "1m"
[logs]
level = "error"
"""
MOMENTS = ("random", "acknowledged", "before the dot's answer", "after the answer", "TERM", "TERM before the answer",
           "bulk")  # fmt: skip
"""When the process is ended: at any time, right after a 202, while the receiver has the text and has not answered,
right after it has; politely, at any time and while the receiver has not answered; and while a batch is accepted."""
MANY = 600


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sink:
    """A mail server in this process: it counts every Message-ID it took, and says when a text has come in."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.text_came, self.answered = asyncio.Event(), asyncio.Event()
        self.slow = 0.0
        self._loop = asyncio.get_running_loop()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self._controller.start()
        self.port = self._controller.port

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 aiosmtpd's name
        """Take a mail: it counts from here on, whether or not the answer is heard."""
        name = re.search(rb"^Message-ID: <(msg_\w+)@", envelope.original_content, re.MULTILINE | re.IGNORECASE)[
            1
        ].decode()
        self.seen[name] += 1
        self._loop.call_soon_threadsafe(self.text_came.set)
        await asyncio.sleep(self.slow)
        self._loop.call_soon_threadsafe(self.answered.set)
        return "250 2.0.0 taken"

    def close(self) -> None:
        self._controller.stop()


class Kill(Struct):
    """One end of the process: when, how it went, and how long the next start took."""

    moment: str
    exit_code: int
    stop_seconds: float
    ready_seconds: float
    copies: int = 0


class Loop:
    """Sends, ends the process, starts it again."""

    def __init__(self, folder: Path, sink: Sink, more: str):
        self.folder, self.sink = folder, sink
        self.port, self.ops = free_port(), free_port()
        self.acknowledged: dict[int, str] = {}
        self.batches: dict[int, str] = {}
        self.split: list[int] = []
        self.torn: list[str] = []
        self.kills: list[Kill] = []
        self._next = 0
        text = CONFIG.format(port=self.port, ops=self.ops, smtp=sink.port, connections=CONNECTIONS)
        (folder / "config.toml").write_text(text + more)
        self.arguments = ["--config", str(folder / "config.toml"), "--data", str(folder / "data")]

    def start(self) -> float:
        """Start the gateway; seconds until it was ready."""
        began = time.monotonic()
        self.process = subprocess.Popen([*PROGRAM, "serve", *self.arguments], stdin=subprocess.DEVNULL)
        while time.monotonic() - began < 20:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=1).read()
                return time.monotonic() - began
            time.sleep(0.005)
        raise AssertionError("the gateway did not come up")

    def key(self) -> str:
        command = [*PROGRAM, "apikey", "create", "--scopes", "all", "--json", *self.arguments]
        made = subprocess.run(command, capture_output=True, check=True)
        return json.loads(made.stdout)["key"]

    async def send(self, number: int) -> None:
        """One message under its own key. Whatever is not answered is asked again later under the same key."""
        order = BOOKING | {"to": f"guest{number % 40}@example.org"}
        headers = {"Idempotency-Key": f"key-{number}"}
        url = f"http://127.0.0.1:{self.port}/communications/messages/send"
        try:
            async with self.http.post(url, json=order, headers=headers) as answer:
                if answer.status == 202:
                    public = (await answer.json())["id"]
                    if self.acknowledged.setdefault(number, public) != public:
                        self.split.append(number)
        except (aiohttp.ClientError, OSError):
            return

    async def send_many(self, number: int) -> None:
        """A batch to next century under its own key; asked again, it is the same one."""
        people = [{"to": f"many{number}-{place}@example.org"} for place in range(MANY)]
        order = BOOKING | {"recipients": people, "deliver_at": "2099-01-01T00:00:00Z"}
        url = f"http://127.0.0.1:{self.port}/communications/messages/bulk"
        try:
            async with self.http.post(url, json=order, headers={"Idempotency-Key": f"many-{number}"}) as answer:
                if answer.status == 202:
                    public = (await answer.json())["id"]
                    if self.batches.setdefault(number, public) != public:
                        self.split.append(number)
        except (aiohttp.ClientError, OSError):
            return

    def _see_whole_batches(self) -> None:
        """After a start: every message of a batch belongs to one that counts, and none of these lacks any."""
        with closing(sqlite3.connect(f"file:{self.folder}/data/gateway.db?mode=ro", uri=True)) as store:
            counts = store.execute(
                "SELECT batch_id, count(*) FROM messages WHERE batch_id IS NOT NULL GROUP BY 1"
            ).fetchall()
            whole = {row for (row,) in store.execute("SELECT id FROM batches WHERE counts = 1")}
        self.torn += [
            f"{count} messages of batch {batch}" for batch, count in counts if batch not in whole or count != MANY
        ]

    async def round(self, moment: str, messages: int, wait: float) -> None:
        """Send, end the process at that moment, start it again, and ask again for what was not answered."""
        before = Counter(self.sink.seen)
        self.sink.text_came.clear()
        self.sink.answered.clear()
        self.sink.slow = 0.05 if "before" in moment else 0.0
        numbers = range(self._next, self._next + messages)
        self._next += messages
        sending = [asyncio.create_task(self.send(number)) for number in numbers]
        if moment == "bulk":
            sending.append(asyncio.create_task(self.send_many(numbers[0])))
        await self._until(moment, sending, wait)
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM if moment.startswith("TERM") else signal.SIGKILL)
        code = await asyncio.to_thread(self.process.wait)
        stopped = time.monotonic() - began
        await asyncio.gather(*sending)
        self.sink.slow = 0.0
        ready = await asyncio.to_thread(self.start)
        self._see_whole_batches()
        await asyncio.gather(*[self.send(number) for number in numbers])
        if moment == "bulk":
            await self.send_many(numbers[0])
        await self.settle()
        copies = sum(max(0, count - max(1, before[name])) for name, count in self.sink.seen.items())
        self.kills.append(Kill(moment, code, stopped, ready, copies))

    async def _until(self, moment: str, sending: list[asyncio.Task], wait: float) -> None:
        if moment == "acknowledged":
            await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        elif "before" in moment:
            await asyncio.wait_for(self.sink.text_came.wait(), 10)
        elif moment.startswith("after"):
            await asyncio.wait_for(self.sink.answered.wait(), 10)
        else:
            await asyncio.sleep(wait)

    async def settle(self) -> None:
        """Until everything acknowledged has arrived, or nothing more does."""
        for _ in range(300):
            if set(self.acknowledged.values()) <= self.sink.seen.keys() and not await self.waiting():
                return
            await asyncio.sleep(0.05)

    async def waiting(self) -> bool:
        """Whether anything is still to go out."""
        for state in ("queued", "sending", "uncertain"):
            if (await self.ask("GET", f"messages?status={state}&limit=1"))[1]["items"]:
                return True
        return False

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request; its status and its document."""
        url = f"http://127.0.0.1:{self.port}/communications/{path}"
        async with self.http.request(method, url, json=body) as answer:
            return answer.status, await answer.json(content_type=None)

    async def faults(self) -> list[str]:
        """Everything that is not as promised."""
        seen = self.sink.seen
        wrong = [f"acknowledged and lost: {public}" for public in self.acknowledged.values() if not seen[public]]
        wrong += [f"one key, two messages: {number}" for number in self.split]
        wrong += [f"a batch in pieces: {found}" for found in self.torn]
        for public in self.batches.values():
            counts = (await self.ask("GET", f"batches/{public}"))[1].get("counts")
            wrong += [] if counts == {"deferred": MANY} else [f"a batch acknowledged and not whole: {counts}"]
        for name, count in self.sink.seen.items():
            if count > 1 and "uncertain" not in await self._story(name):
                wrong.append(f"arrived {count} times without being uncertain: {name}")
        for kill in self.kills:
            polite = kill.moment.startswith("TERM")
            if kill.copies > (0 if polite else CONNECTIONS):
                wrong.append(f"{kill.copies} copies after one end ({kill.moment})")
            if polite and (kill.exit_code != 0 or kill.stop_seconds > 8):
                wrong.append(f"TERM ended with {kill.exit_code} after {kill.stop_seconds:.1f} s")
        recount = [*PROGRAM, "analytics", "verify", *self.arguments]
        counted = await asyncio.to_thread(subprocess.run, recount, capture_output=True, text=True, timeout=60)
        if counted.returncode != 0:
            wrong.append(f"counters and events disagree: {counted.stdout or counted.stderr}")
        report = verify(self.folder / "data" / "gateway.db")
        return wrong if report.ok else [*wrong, f"the record is altered at {report.seq}: {report.reason}"]

    async def _story(self, public: str) -> list[str]:
        _, message = await self.ask("GET", f"messages/{public}")
        return [event["type"] for event in message["events"]]


@contextlib.asynccontextmanager
async def looping(folder: Path, more: str = "") -> AsyncIterator[Loop]:
    """A gateway under fire, and its receiver; both ended afterwards."""
    sink = Sink()
    loop = Loop(folder, sink, more)
    try:
        await asyncio.to_thread(loop.start)
        headers = {"Authorization": f"Bearer {await asyncio.to_thread(loop.key)}"}
        async with aiohttp.ClientSession(headers=headers) as loop.http:
            yield loop
    finally:
        loop.process.kill()
        loop.process.wait()
        sink.close()
