"""A program that listens to webhooks, for tests: HTTPS on loopback under a certificate of its own, misbehaving where it
is told to; and names that lead where a test wants them to."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import RawTestServer
from msgspec import json

from tests.smtp_peer import certificate, server_context

WEBHOOKS = "/communications/webhooks"
NAME = "hooks.example"


@dataclass
class Heard:
    """One request the peer got."""

    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def event(self) -> dict[str, Any]:
        return json.decode(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Ear:
    """What the peer does and what it has heard. `answers`: what it says, one time after the other, the last one for
    ever: a status, a response, or something to await that gives one."""

    answers: list[Any] = field(default_factory=lambda: [204])
    heard: list[Heard] = field(default_factory=list)
    port: int = 0

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.heard]

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        self.heard.append(Heard({k.lower(): v for k, v in request.headers.items()}, await request.read(),
                                id(request.transport)))  # fmt: skip
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = await answer(request)
        return answer if isinstance(answer, web.StreamResponse) else web.Response(status=answer)

    async def until(self, count: int, seconds: float = 10.0) -> list[Heard]:
        """What was heard, once it is so much; fails when it does not come to that."""
        for _ in range(int(seconds * 50)):
            if len(self.heard) >= count:
                return self.heard
            await asyncio.sleep(0.02)
        raise AssertionError(f"heard {self.types}, not {count}")


_believed = [os.environ.get("SSL_CERT_FILE")]
"""The machine's own, then those of the peers that listen: they need not stop in the reverse order of their start."""


@asynccontextmanager
async def listening(ear: Ear, folder: Path, names: tuple[str, ...] = (NAME,)) -> AsyncIterator[Ear]:
    """The peer while it listens. Its certificate is believed by whoever asks OpenSSL for the usual ones;
    all peers of a folder have the same."""
    path = folder / "peer.pem"
    if not path.exists():
        certificate(folder, names)
    _believed.append(str(path))
    os.environ["SSL_CERT_FILE"] = str(path)
    server = RawTestServer(ear.take, port=ear.port)
    await server.start_server(ssl=server_context(path), access_log=None)
    ear.port = server.port
    try:
        yield ear
    finally:
        await server.close()
        _believed.remove(str(path))
        if _believed[-1] is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = _believed[-1]


def leading(monkeypatch, where: dict[str, str | list[str] | Callable[[], str]]) -> list[str]:
    """Names that lead to these addresses, or to what a function says at each look-up; the list of those looked up."""
    real, asked = socket.getaddrinfo, []

    def look_up(host, port, family=0, type=0, *more):  # noqa: A002 as the real one has it
        if host not in where:
            return real(host, port, family, type, *more)
        asked.append(host)
        found = where[host]
        found = found() if callable(found) else found
        found = [found] if isinstance(found, str) else found
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [entry for address in found for entry in real(address, port, family, socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked
