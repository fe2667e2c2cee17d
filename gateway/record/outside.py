"""Checkpoints brought to where the gateway cannot reach them again: a file, another program, somebody's mailbox.

Each place gets the newest one there is: it vouches for all that the older ones vouched for. What a place has is noted
on disk, so a checkpoint that could not be brought is brought once it can.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import json

from gateway import metrics
from gateway.callers import Caller
from gateway.clock import Clock, parse_rfc3339
from gateway.config import Audit, read_secret
from gateway.egress import Anywhere, Egress
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.ledger import Checkpoint
from gateway.ledger.checkpoint import parse
from gateway.logs import Log
from gateway.orders import SendOrder
from gateway.store import audit
from gateway.store.db import Database
from gateway.webhooks.target import signed

LOOK_EVERY = 10.0
LONGEST_PAUSE = 900.0
LAST_WORD = 2.0
"""Seconds that the end of the gateway waits for the last checkpoint to arrive."""
GATEWAY = Caller("gateway", b"gateway", frozenset({"send.legal"}))


class NotTaken(Exception):
    """The place did not take it; the text is a word of a closed set."""


class Place(Protocol):
    """Somewhere outside. `name` is one of a closed set, `every`: seconds between two checkpoints at least."""

    name: str
    every: float

    async def take(self, found: Checkpoint) -> None:
        """Keep a checkpoint; when this returns, it is kept. Raises NotTaken, or a GatewayError."""
        ...


class LineFile:
    """A file that only grows: a checkpoint a line, as JSON, on disk before it counts."""

    name, every = "file", 0.0

    def __init__(self, path: Path):
        self._path = path

    async def take(self, found: Checkpoint) -> None:
        try:
            await asyncio.to_thread(self._append, json.encode(found.view) + b"\n")
        except OSError as error:
            raise NotTaken(os.strerror(error.errno or 0)) from None

    def _append(self, line: bytes) -> None:
        """Write a line, on a line of its own even where an earlier one was cut short."""
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644), "r+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


class Hook:
    """Another program: a POST signed as Standard Webhooks has it, under the same id however often it is tried."""

    name, every = "webhook", 0.0

    def __init__(self, url: str, secret: str, egress: Egress, clock: Clock):
        self._url, self._secret, self._egress, self._clock = url, secret, egress, clock

    async def take(self, found: Checkpoint) -> None:
        told = {"type": "audit.checkpoint", "timestamp": found.time, "data": found.view}
        body = json.encode(told)
        headers = signed(f"checkpoint_{found.size}", self._clock.now() // 1000, body, [self._secret])
        reply = await self._egress.post(self._url, body, headers)
        if not reply.taken:
            raise NotTaken(reply.code)


class Mailbox:
    """Somebody's mailbox. The mail is a message like any other: judged, queued, tried again until it has left."""

    name = "email"

    def __init__(self, address: str, every: float, intake: Callable[[], Intake]):
        self._address, self.every, self._intake = address, every, intake

    async def take(self, found: Checkpoint) -> None:
        subject = f"Checkpoint of the record: {found.size} entries"
        text = (
            "Keep this mail. With it anybody can find out later whether the record was changed:\n"
            "save the lines below as a file and run `gateway audit verify --checkpoint FILE`.\n\n"
            f"{found.note.decode()}"
        )
        order = SendOrder(channel="email", to=self._address, subject=subject, text=text, class_="legal",
                          category="audit")  # fmt: skip
        await self._intake().accept(order, GATEWAY, None)


class Outside:
    """All places, and how far each of them is."""

    def __init__(self, table: Audit, db: Database, clock: Clock, log: Log, intake: Callable[[], Intake]):
        self._db, self._clock, self._log = db, clock, log
        self._egress = Anywhere((), clock)
        self._pauses: dict[str, tuple[float, float]] = {}
        self._turn = asyncio.Lock()
        self._places: list[Place] = []
        if table.file is not None:
            self._places.append(LineFile(table.file))
        if table.webhook:
            self._places.append(Hook(table.webhook, read_secret(table.webhook_secret_file), self._egress, clock))
        if table.email:
            self._places.append(Mailbox(table.email, table.email_every, intake))

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.bring()
            except Exception as error:  # noqa: BLE001 a defect of ours: told, and the next look may be better
                self._log.error("checkpoints wait", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY)

    async def bring(self) -> None:
        """Bring the newest checkpoint to every place that has an older one, and whose time has come."""
        async with self._turn:
            now = self._clock.monotonic()
            ready = [place for place in self._places if now >= self._pauses.get(place.name, (0.0, 0.0))[0]]
            await asyncio.gather(*map(self._bring, ready))

    async def last_word(self) -> None:
        """The same at the end of the gateway, for as long as that may take."""
        try:
            async with asyncio.timeout(LAST_WORD):
                await self.bring()
        except TimeoutError:
            self._log.warning("the last checkpoint is not outside yet")
        await self._egress.close()

    async def _bring(self, place: Place) -> None:
        newest = audit.newest_checkpoint(self._db.reader)
        size, at = audit.outside(self._db.reader, place.name)
        found = parse(newest[1]) if newest else None
        if found is None or found.size <= size or self._clock.now() < at + place.every * 1000:
            return
        try:
            await place.take(found)
            await self._db.do(lambda tx: audit.is_outside(tx, place.name, found.size))
            self._pauses.pop(place.name, None)
        except (NotTaken, GatewayError) as error:
            word = error.code if isinstance(error, GatewayError) else str(error)
            self._log.warning("a checkpoint is not outside", path=place.name, error=word)
            self._pause(place)

    def _pause(self, place: Place) -> None:
        """Leave it alone for a while, longer each time."""
        _, last = self._pauses.get(place.name, (0.0, LOOK_EVERY / 2))
        pause = min(last * 2, LONGEST_PAUSE)
        self._pauses[place.name] = self._clock.monotonic() + pause, pause

    def measure(self) -> None:
        """For how long each place has been owed a checkpoint."""
        for place in self._places:
            metrics.AUDIT_BEHIND.labels(place.name).set(self._behind(place))

    def _behind(self, place: Place) -> float:
        size, at = audit.outside(self._db.reader, place.name)
        note = audit.first_checkpoint_after(self._db.reader, size)
        found = parse(note) if note else None
        if found is None:
            return 0.0
        since = max(parse_rfc3339(found.time) or 0, at + int(place.every * 1000))
        return max(0.0, (self._clock.now() - since) / 1000)
