"""`gateway guests` and `gateway suppressions`: whole lists in and out, as CSV."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import click
from msgspec import json

from gateway.cli.client import answered, at_gateway
from gateway.cli.files import fetch, progress
from gateway.cli.place import everywhere, show
from gateway.errors import BadInput, Invalid

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
@everywhere
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
@everywhere
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
@everywhere
def import_suppressions(file, charset, config_path, data_path, as_json) -> None:
    """Stop everyone a CSV FILE names. Every line that can be read counts."""
    report = _send("/local/suppressions/import", file.read(), charset, config_path, data_path)
    show(report, as_json, _told)
    if report["faulty"]:
        raise BadInput("Some lines could not be read; the others count.")


@suppressions.command("export")
@to_argument
@everywhere
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
    with progress(len(raw)) as advance:
        for at in range(0, len(raw), PIECE):
            yield raw[at : at + PIECE]
            advance(PIECE)


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
