"""A whole gateway for a test: real store, real keys, real doors, a clock the test moves."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import RawTestServer

from gateway.cli.serve import listening, prepare
from gateway.config import load
from gateway.data_folder import DataFolder
from gateway.life import Gateway
from gateway.logs import Log
from gateway.web import app
from gateway.web.listen import bind
from tests.stories import wrong_turns

CONFIG = """
config_version = 1
[venue]
name = "Quinta das Flores"
country = "PT"
timezone = "Europe/Lisbon"
language = "en"
[sender]
name = "Quinta das Flores"
email = "hello@quinta.example"
postal_address = "Rua das Flores 1, 2710 Sintra, Portugal"
contact = "+351 219 000 000"
[providers.mail]
plugin = "outbox"
channel = "email"
[providers.texts]
plugin = "outbox"
channel = "sms"
[store]
reserve = "8MB"
"""
YES = {"action": "grant", "source": "web_form", "wording_version": "2026-01", "proof_ref": "form 17"}
BOOKING = {"channel": "email", "class": "transactional", "category": "booking", "subject": "Your stay",
           "text": "See you on Friday.", "declares": {"contains_promotion": False}}  # fmt: skip
NEWS = {"channel": "email", "class": "marketing", "category": "news", "subject": "Spring",
        "text": "The garden opens.", "declares": {"contains_promotion": True}}  # fmt: skip


class Reply:
    """What came back: status, headers, and the document."""

    def __init__(self, status: int, headers: Any, raw: bytes, json: Any):
        self.status, self.headers, self.raw, self.json = status, headers, raw, json


class Running:
    """An open gateway and a client that has its key."""

    def __init__(self, gateway: Gateway, folder: Path, log: io.StringIO):
        self.gateway, self.folder, self.log_text = gateway, folder, log
        self.key = ""

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """One request, with the key unless told otherwise."""
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        if body is not None and not isinstance(body, bytes):
            more["json"] = body
        elif body is not None:
            more["data"] = body
            headers.setdefault("Content-Type", "application/json")
        headers = {name: value for name, value in headers.items() if value is not None}
        url = f"{self.base}{path}"
        async with self.http.request(method, url, headers=headers, **more) as answer:
            raw = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return Reply(answer.status, answer.headers, raw, await answer.json(content_type=None) if is_json else None)

    async def send(self, order: dict[str, Any], **more: Any) -> Reply:
        return await self.call("POST", "/communications/messages/send", order, **more)

    async def message(self, public: str, query: str = "") -> dict[str, Any]:
        return (await self.call("GET", f"/communications/messages/{public}{query}")).json

    async def until(self, public: str, *states: str, seconds: float = 10.0) -> dict[str, Any]:
        """The message once it is in one of the states; fails when it does not come there."""
        for _ in range(int(seconds * 50)):
            message = await self.message(public)
            if message["status"] in states:
                return message
            await asyncio.sleep(0.02)
        raise AssertionError(f"the message is {message['status']}, not {' or '.join(states)}")

    async def yes(self, guest: Any, **facts: Any) -> Reply:
        """Record a consent of a guest, making him known first."""
        channel = "email" if "email" in guest else "sms"
        await self.send(BOOKING | {"channel": channel, "to": guest, "deliver_at": "2099-01-01T00:00:00Z"})
        return await self.call("POST", "/communications/compliance/consent", {"guest": guest} | YES | facts)

    async def draw(self, *scopes: str, **more: Any) -> str:
        """A key with these scopes."""
        body = {"name": "test", "scopes": list(scopes)} | more
        return (await self.local("POST", "/communications/api-keys", body)).json["key"]

    async def local(self, method: str, path: str, body: Any = None) -> Reply:
        """A request at the socket of the machine."""
        before, self.base = self.base, self.local_base
        try:
            return await self.call(method, path, body)
        finally:
            self.base = before

    def mails(self) -> list[bytes]:
        """What the outbox channel has written."""
        return [path.read_bytes() for path in sorted(self.folder.glob("data/channels/*/*.*"))]


@contextlib.asynccontextmanager
async def running(
    folder: Path, config: str = CONFIG, clock: Any = None, deliver: bool = True
) -> AsyncIterator[Running]:
    """Open it in a folder; with `deliver` messages go out as they do in life. At the end every story in it must be one
    that the table of transitions allows."""
    data = DataFolder(folder / "data")
    prepare(data)
    file = folder / "config.toml"
    file.write_text(config)
    log = io.StringIO()
    gateway = await Gateway(load(file, {}), data, clock, Log(log, "info", "json")).open()
    run = Running(gateway, folder, log)
    door = bind("127.0.0.1", 0)
    run.base = f"http://127.0.0.1:{door.getsockname()[1]}"
    local = RawTestServer(app.Application(gateway, app.LOCAL, gateway.callers.local(0)))
    try:
        async with listening(gateway, door, app.MAIN), aiohttp.ClientSession() as run.http:
            await local.start_server(access_log=None)
            run.local_base = f"http://127.0.0.1:{local.port}"
            run.key = await run.draw("all")
            if deliver:
                await gateway.start()
            yield run
            if deliver:
                await gateway.drain()
            assert wrong_turns(gateway.db.reader) == []
    finally:
        await local.close()
        await gateway.close()
        gateway.log.close()
