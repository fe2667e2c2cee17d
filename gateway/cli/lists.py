"""`gateway guests` and `gateway suppressions`: whole lists in and out, as CSV."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import click
from msgspec import json

from gateway.cli.client import answered, at_gateway
from gateway.cli.place import config_option, data_option, json_option, show
from gateway.errors import BadInput, Invalid, NoWritableDisk

PIECE = 1 << 16
file_argument = click.argument("file", type=click.File("rb"))
to_argument = click.argument("to", type=click.Path(path_type=Path, dir_okay=False), required=False)


@click.group()
def guests() -> None:
    """Lists of guests."""


@guests.command("import")
@file_argument
@click.option("--partial", is_flag=True, help="Store the good lines even where others cannot be used.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--charset", help="What the file is written in, where the guess would be wrong.")
@click.option("--column", "columns", multiple=True, metavar="OURS=YOURS", help="What one of our columns is called.")
@config_option
@data_option
@json_option
def import_guests(file, partial, dry_run, charset, columns, config_path, data_path, as_json) -> None:
    """Take in a list of guests from a CSV FILE, or - for what is piped in."""
    named = dict(column.partition("=")[::2] for column in columns)
    query = urlencode(named | {"mode": "partial" if partial else "all", "dry_run": str(dry_run).lower()})
    try:
        report = _send(f"/communications/guests/import?{query}", file.read(), charset, config_path, data_path)
    except Invalid as error:
        if "report" not in error.details:
            raise
        show(error.details["report"], as_json, _told)
        raise
    show(report, as_json, _told)
    if report["faulty"] and dry_run:
        sys.exit(1)


@guests.command("export")
@to_argument
@click.option("--tag", help="Only guests with this tag.")
@config_option
@data_option
@json_option
def export_guests(to, tag, config_path, data_path, as_json) -> None:
    """Write all guests to a CSV file, or to stdout. It holds names and addresses in clear."""
    query = urlencode({"include": "content"} | ({"tag": tag} if tag else {}))
    fetch(f"/communications/guests/export?{query}", to, config_path, data_path, as_json)


@click.group()
def suppressions() -> None:
    """Lists of addresses that must not be written to."""


@suppressions.command("import")
@file_argument
@click.option("--charset", help="What the file is written in, where the guess would be wrong.")
@config_option
@data_option
@json_option
def import_suppressions(file, charset, config_path, data_path, as_json) -> None:
    """Stop everyone a CSV FILE names. Every line that can be read counts."""
    report = _send("/local/suppressions/import", file.read(), charset, config_path, data_path)
    show(report, as_json, _told)
    if report["faulty"]:
        raise BadInput("Some lines could not be read; the others count.")


@suppressions.command("export")
@to_argument
@config_option
@data_option
@json_option
def export_suppressions(to, config_path, data_path, as_json) -> None:
    """Write all stops in force to a CSV file, or to stdout. It holds addresses in clear."""
    fetch("/local/suppressions/export", to, config_path, data_path, as_json)


def _send(path: str, raw: bytes, charset: str | None, config_path: Path | None, data_path: str | None) -> dict:
    headers = {"Content-Type": f"text/csv; charset={charset}" if charset else "text/csv",
               "Content-Length": str(len(raw))}  # fmt: skip

    async def send(socket: Path) -> dict:
        async with answered(socket, "POST", path, _pieces(raw), headers) as answer:
            return json.decode(await answer.read())

    return at_gateway(send, config_path, data_path)


async def _pieces(raw: bytes) -> AsyncIterator[bytes]:
    """The file piece by piece; on a terminal one can see how much of it has left."""
    with _progress(len(raw)) as advance:
        for at in range(0, len(raw), PIECE):
            yield raw[at : at + PIECE]
            advance(PIECE)


def fetch(path: str, to: Path | None, config_path: Path | None, data_path: str | None, as_json: bool) -> None:
    """Write what a door gives to a file that only its owner may read, whole or not at all; or to stdout."""
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
    with _progress(None) as advance:
        async with answered(socket, "GET", path) as answer:
            async for piece in answer.content.iter_any():
                size += out.write(piece)
                advance(len(piece))
    out.flush()
    return size


@contextmanager
def _progress(length: int | None) -> Iterator:
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


def _told(report: dict) -> str:
    """What came of a list, in words."""
    read = f"{report['rows']:,} lines in {report['encoding']}{' (a guess)' if report['guessed'] else ''}"
    if "stopped" in report:
        counts = f"{report['stopped']:,} stopped"
    else:
        counts = ", ".join(f"{report[name]:,} {name}" for name in ("created", "filled", "unchanged", "duplicates"))
        counts += "; stored" if report["stored"] else "; nothing was stored"
    lines = [f"{read}: {counts}; {report['faulty']:,} cannot be used"]
    lines += [f"  line {one['line']}: {one['code']}{_in(one['column'])}" for one in report["lines"]]
    if report["lines_left_out"]:
        lines.append(f"  and {report['lines_left_out']:,} more")
    return "\n".join(lines)


def _in(column: str | None) -> str:
    return f" in {column}" if column else ""
