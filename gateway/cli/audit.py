"""`gateway audit`: is the record as it was written?"""

import sqlite3
import sys
from pathlib import Path

import click
from msgspec import DecodeError, json

from gateway.cli.client import ask
from gateway.cli.place import config_option, data_folder, data_option, json_option, show
from gateway.errors import BadInput, Damaged
from gateway.ledger import Report, genuine
from gateway.ledger import verify as check


@click.group()
def audit() -> None:
    """The record of who did what."""


@audit.command()
@click.option(
    "--checkpoint", "outside", type=click.Path(exists=True, path_type=Path), help="A checkpoint kept outside."
)
@click.option("--key", help="The public key that `gateway init` printed.")
@data_option
@json_option
def verify(outside, key, data_path, as_json) -> None:
    """Check every entry. Exit 1 when one was altered."""
    database = data_folder(data_path).database
    try:
        report = check(database, outside.read_bytes() if outside else None, key)
    except sqlite3.DatabaseError:
        raise Damaged("the store cannot be read", "name the data folder with --data") from None
    show(report, as_json, words)
    sys.exit(0 if report.ok else 1)


@audit.command()
@config_option
@data_option
@json_option
def checkpoint(config_path, data_path, as_json) -> None:
    """Sign how the record stands now; keep the answer outside."""
    made = ask("POST", "/local/audit/checkpoint", config_path=config_path, data_path=data_path)
    show(made, as_json, lambda answer: answer["checkpoint"] or "The record is still empty.")


@audit.command()
@click.argument("file", type=click.File("rb"))
@click.option("--key", help="The public key that `gateway init` printed (default: that of the keys folder).")
@data_option
@json_option
def receipt(file, key, data_path, as_json) -> None:
    """Is this consent receipt genuine? Needs no gateway. Exit 1 when it is not."""
    try:
        known = json.decode(file.read())
    except DecodeError:
        raise BadInput("The file is not JSON.") from None
    kept = data_folder(data_path).keys / "audit.pub"
    if key is None and kept.exists():
        key = kept.read_text().strip()
    ok = genuine(known, key)
    found = {"ok": ok, "id": known["id"] if ok else None, "unpinned": key is None}
    show(found, as_json, told_of_receipt)
    sys.exit(0 if ok else 1)


def told_of_receipt(found: dict) -> str:
    """The one line that says it."""
    if not found["ok"]:
        return "FAIL not signed by this key, or changed since"
    return f"ok {found['id']}{' unpinned' if found['unpinned'] else ''}"


def words(report: Report) -> str:
    """The one line that says it."""
    if not report.ok:
        return f"FAIL seq={report.seq} reason={report.reason}"
    unpinned = " unpinned" if report.unpinned else ""
    return f"ok size={report.size} root={report.root} signed={report.signed}{unpinned}"
