"""`gateway webhooks listen`: events on a developer's terminal, just as a webhook gets them."""

import asyncio
import sys

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from msgspec import json
from standardwebhooks import Webhook

from gateway.cli.client import at_socket
from tests.running import NEWS, running

PT = {"email": "ana@example.org", "country": "PT"}


async def listening(folder, *options):
    """The command as a process, once it listens; and the secret it was told."""
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "webhooks", "listen"]
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, "--data", folder, *options, **pipes)
    return process, (await process.stderr.readline()).decode().strip().rpartition(" ")[2]


@pytest.fixture
async def run(tmp_path):
    """A gateway with its socket."""
    async with running(tmp_path) as run, at_socket(run.gateway):
        yield run


async def test_events_are_shown_and_handed_on_as_a_webhook_gets_them(run, tmp_path):
    """The program they are forwarded to can verify them with the secret that is shown; nothing of it is kept."""
    got = []

    async def take(request):
        got.append((await request.read(), request.headers))
        return web.Response(status=202)

    server = RawTestServer(take)
    await server.start_server(access_log=None)
    options = ["--forward", f"http://127.0.0.1:{server.port}/", "--count", "2", "--json"]
    process, secret = await listening(tmp_path / "data", *options)
    blocked = [(await run.send(NEWS | {"to": PT})).json["message_id"] for _ in range(2)]
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    await server.close()
    said = [json.decode(line) for line in out.splitlines()]
    assert process.returncode == 0
    assert [one["body"]["data"]["message_id"] for one in said] == blocked
    assert [(one["verified"], one["forwarded"]) for one in said] == [(True, "202")] * 2
    assert [Webhook(secret).verify(body, headers)["type"] for body, headers in got] == ["message.blocked"] * 2
    assert (await run.call("GET", "/communications/webhooks")).json["items"] == []


async def test_events_are_shown_in_words(run, tmp_path):
    """Time, type and id on a line, the whole of it below; what cannot be handed on says so."""
    options = ["--forward", "http://127.0.0.1:9/", "--count", "1", "--metadata"]
    process, _ = await listening(tmp_path / "data", *options)
    await run.send(NEWS | {"to": PT, "metadata": {"room": "12"}})
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    first, *rest = out.decode().splitlines()
    assert "message.blocked evt_" in first and first.endswith("→ ClientConnectorError")
    assert json.decode("\n".join(rest))["data"]["metadata"] == {}


async def test_it_ends_with_the_gateway(run, tmp_path):
    """A gateway that drains lets the listener go, who says so."""
    process, _ = await listening(tmp_path / "data")
    run.gateway.health.draining = True
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 69 and b"The gateway has stopped" in err
    run.gateway.health.draining = False


async def test_without_a_gateway_there_is_nothing_to_hear(tmp_path):
    """It says so and exits as for a service that is not there."""
    process, _ = await listening(tmp_path)
    await process.communicate()
    assert process.returncode == 69
