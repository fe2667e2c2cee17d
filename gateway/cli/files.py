"""Long answers, from the gateway into a file; and how one sees that something is on its way."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.cli.client import answered, at_gateway
from gateway.cli.place import show
from gateway.errors import NoWritableDisk


def fetch(path: str, to: Path | None, config_path: Path | None, data_path: str | None, as_json: bool) -> None:
    """Write what a door gives to a file that only its owner reads, whole or not at all; to stdout for None. Raises
    NoWritableDisk."""
    if to is None and as_json:
        raise click.UsageError("--json needs a file to write to: stdout is for the list itself.")
    if to is None:
        at_gateway(lambda socket: _receive(socket, path, sys.stdout.buffer), config_path, data_path)
        return
    part = to.with_name(f"{to.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            size = at_gateway(lambda socket: _receive(socket, path, out), config_path, data_path)
        part.replace(to)
    except OSError:
        raise NoWritableDisk("the file cannot be written", "choose another place for it") from None
    finally:
        part.unlink(missing_ok=True)
    show({"file": str(to), "bytes": size}, as_json, lambda told: f"{told['bytes']:,} bytes in {told['file']}")


async def _receive(socket: Path, path: str, out) -> int:
    size = 0
    with progress(None) as advance:
        async with answered(socket, "GET", path) as answer:
            async for piece in answer.content.iter_any():
                size += out.write(piece)
                advance(len(piece))
    out.flush()
    return size


@contextmanager
def progress(length: int | None) -> Iterator:
    """A bar on stderr while something of this many bytes is on its way (None: nobody knows how many), on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    if length is None:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            click.echo(f"\r{done:,} bytes", err=True, nl=False)

        yield count
        click.echo(err=True)
        return
    with click.progressbar(length=length, label="Sending", file=sys.stderr) as bar:
        yield bar.update
    click.echo("Looking at it …", err=True)
