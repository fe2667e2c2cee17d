"""`gateway init`, `serve`, `migrate`: from nothing to a running gateway, and how it ends."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import click
import uvloop

from gateway import __version__
from gateway.cli.client import at_socket
from gateway.cli.place import config_file, config_option, configuration, data_folder, data_option, json_option, show
from gateway.config import Config, starter
from gateway.data_folder import DataFolder
from gateway.errors import GatewayError
from gateway.ledger import public_text
from gateway.life import Gateway
from gateway.logs import Log
from gateway.store import schema
from gateway.vault import Vault
from gateway.vault import init as make_keys
from gateway.web import app
from gateway.web.listen import Listener, bind
from gateway.web.protocol import protocols
from gateway.web.turnstile import Turnstile


@click.command()
@data_option
@json_option
def init(data_path, as_json) -> None:
    """Make keys, store and config.toml in the data folder, without asking."""
    data = data_folder(data_path)
    show(prepare(data), as_json, _made)


def prepare(data: DataFolder) -> dict:
    """What `init` does. Safe to repeat; raises KeyUnusable rather than making new keys beside old data."""
    data.make()
    data.lock()
    try:
        exists = (data.keys / "keys.db").exists()
        vault = (
            Vault.open(data.keys, data.key_file)
            if exists
            else make_keys(data.keys, data.key_file, data.database.exists())
        )
        public = public_text(vault.signer)
        vault.close()
        schema.create_or_migrate(data.database)
        written = data.path / "config.toml"
        if not written.exists():
            written.write_text(starter())
    finally:
        data.unlock()
    return {"data": str(data.path), "key_file": str(data.key_file), "audit_public_key": public, "new": not exists}


def _made(made: dict) -> str:
    return (
        f"Ready in {made['data']}. Keep a copy of {made['key_file']} apart from the data.\n"
        f"Public key of the record, to check it from outside: {made['audit_public_key']}"
    )


@click.command()
@data_option
@json_option
def migrate(data_path, as_json) -> None:
    """Bring the store to this version's schema; the gateway must not be running."""
    data = data_folder(data_path)
    data.make()
    data.lock()
    try:
        steps = schema.create_or_migrate(data.database)
    finally:
        data.unlock()
    show({"steps": steps}, as_json, lambda done: f"{done['steps']} steps taken")


@click.command()
@config_option
@data_option
def serve(config_path, data_path) -> None:
    """Run the gateway until it is told to stop."""
    data = data_folder(data_path)
    config = configuration(config_path, data)
    if not data.database.exists():
        prepare(data)
        config = configuration(config_path, data)  # the one that was written just now, if there was none
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, config_path, data))


async def _serve(config: Config, config_path: Path | None, data: DataFolder) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    reloads: list[asyncio.Task] = []
    async with running(config, data) as gateway:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: reloads.append(loop.create_task(reload(gateway, config_path))))
        await stop.wait()
        gateway.log.info("stopping")


@contextlib.asynccontextmanager
async def running(config: Config, data: DataFolder, log: Log | None = None) -> AsyncIterator[Gateway]:
    """The whole gateway: parts, doors, deliveries. On the way out it drains."""
    gateway = Gateway(config, data, log=log)
    await gateway.open()
    try:
        async with at_socket(gateway), doors(gateway) as ports:  # who sees the door open finds the socket too
            await gateway.start()
            settle_memory()
            gateway.log.info("ready", host=config.server.host, port=ports[0], version=__version__)
            _tell_systemd()
            try:
                yield gateway
            finally:
                await gateway.drain()
    finally:
        await gateway.close()
        gateway.log.close()


def settle_memory() -> None:
    """What was made for the start stays: the collector need not look at it again, nor at every few hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@contextlib.asynccontextmanager
async def doors(gateway: Gateway) -> AsyncIterator[list[int]]:
    """The main door and the ops port; their numbers, for whoever asked for any free one."""
    server = gateway.config.server
    async with contextlib.AsyncExitStack() as stack:
        ports = []
        for host, port, routes in ((server.host, server.port, app.MAIN), (server.ops_host, server.ops_port, app.OPS)):
            door = bind(host, port)
            stack.callback(door.close)
            ports.append(door.getsockname()[1])
            await stack.enter_async_context(listening(gateway, door, routes))
        gateway.ports = ports
        yield ports


@contextlib.asynccontextmanager
async def listening(gateway: Gateway, door: socket.socket, routes) -> AsyncIterator[None]:
    """One application at one socket."""
    runner = app.runner(app.Application(gateway, routes))
    await runner.setup()
    assert runner.server is not None  # noqa: S101 there is one from setup on
    protocol = protocols(runner.server, gateway, Turnstile(gateway, routes), **app.OPTIONS)
    listener = Listener(door, runner.server, protocol, lambda: gateway.log.warning("too many connections"))
    try:
        yield
    finally:
        listener.close()
        await runner.cleanup()


async def reload(gateway: Gateway, config_path: Path | None) -> None:
    """Take config.toml again: all of it or nothing."""
    try:
        config = configuration(config_file(config_path, gateway.data), gateway.data)
        refused = await gateway.reload(config)
    except GatewayError as error:
        gateway.log.error("configuration not taken", error=str(error))
        return
    if refused:
        gateway.log.error("configuration not taken: these keys need a restart", key=", ".join(refused))
    else:
        gateway.log.info("configuration taken")


def _tell_systemd() -> None:
    """READY=1, where a service manager asked to be told (sd_notify)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect(address.replace("@", "\0", 1))
            notify.send(b"READY=1")
