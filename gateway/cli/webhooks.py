"""`gateway webhooks`: for whoever writes the program that listens to the gateway."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import click
from msgspec import json

from gateway.cli.place import data_folder, data_option, json_option
from gateway.errors import Unavailable
from gateway.webhooks.target import verified

LISTEN = "http://gateway/local/webhooks/listen"


@click.group()
def webhooks() -> None:
    """Events for other programs."""


@webhooks.command()
@click.option("--forward", metavar="URL", help="Send each event on to a program of yours, such as one on localhost.")
@click.option("--metadata", is_flag=True, help="With the metadata of messages.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many events.")
@data_option
@json_option
def listen(forward, metadata, count, data_path, as_json) -> None:
    """Show the running gateway's events as they happen, just as a webhook would get them."""
    asyncio.run(_listen(data_folder(data_path).socket, forward, metadata, count, as_json))


async def _listen(path: Path, forward: str | None, metadata: bool, count: int | None, as_json: bool) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as at_socket:
        lines = _lines(at_socket, LISTEN + ("?metadata" if metadata else ""))
        secret = (await anext(lines))["secret"]
        click.echo(f"Listening. The secret is {secret}", err=True)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as outside:
            async for event in lines:
                _say(event, await _forwarded(outside, forward, event) if forward else None, secret, as_json)
                count = count and count - 1
                if count == 0:
                    return
    raise Unavailable("The gateway has stopped.")


async def _lines(session: aiohttp.ClientSession, url: str) -> AsyncIterator[dict[str, Any]]:
    """The documents that the gateway writes. Raises Unavailable when none runs."""
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            async for line in answer.content:
                if line.strip():
                    yield json.decode(line)
    except aiohttp.ClientConnectorError:
        raise Unavailable("No gateway runs on this data folder.") from None
    except aiohttp.ClientError:  # it was cut short
        return


async def _forwarded(session: aiohttp.ClientSession, url: str, event: dict[str, Any]) -> str:
    """How a program of the developer's took an event."""
    try:
        async with session.post(url, data=event["body"].encode(), headers=event["headers"]) as answer:
            return str(answer.status)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return type(error).__name__


def _say(event: dict[str, Any], code: str | None, secret: str, as_json: bool) -> None:
    body, headers = json.decode(event["body"]), event["headers"]
    good = verified(headers, event["body"].encode(), secret, time.time())
    if as_json:
        click.echo(json.encode({"headers": headers, "body": body, "verified": good, "forwarded": code}))
        return
    words = [
        body["timestamp"],
        body["type"],
        headers["webhook-id"],
        "" if good else "NOT VERIFIED",
        code and f"→ {code}",
    ]
    click.echo(" ".join(word for word in words if word))
    click.echo(json.format(event["body"], indent=2))
