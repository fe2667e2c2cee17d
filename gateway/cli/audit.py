"""`gateway audit`: is the record as it was written, and what does it prove?"""

import sqlite3
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
from msgspec import DecodeError, json

from gateway.cli.client import ask
from gateway.cli.files import fetch
from gateway.cli.place import data_folder, data_option, everywhere, json_option, show
from gateway.errors import BadInput, Damaged
from gateway.ledger import Report, genuine, verify_proof
from gateway.ledger import verify as check

kept_option = click.option(
    "--checkpoint", "outside", type=click.Path(exists=True, path_type=Path), help="A checkpoint kept outside."
)


@click.group()
def audit() -> None:
    """The record of who did what."""


@audit.command()
@kept_option
@click.option("--proof", type=click.Path(exists=True, path_type=Path), help="Check this proof or report instead.")
@click.option("--key", help="The public key that `gateway init` printed.")
@data_option
@json_option
def verify(outside, proof, key, data_path, as_json) -> None:
    """Check every entry, or a proof by itself. Exit 1 when something was altered."""
    if proof and outside:
        raise click.UsageError("A proof brings its checkpoint along.")
    report = verify_proof(proof.read_bytes(), key) if proof else _whole(outside, key, data_path)
    show(report, as_json, words)
    sys.exit(0 if report.ok else 1)


def _whole(outside: Path | None, key: str | None, data_path: str | None) -> Report:
    try:
        return check(data_folder(data_path).database, outside.read_bytes() if outside else None, key)
    except sqlite3.DatabaseError:
        raise Damaged("the store cannot be read", "name the data folder with --data") from None


@audit.command()
@everywhere
def checkpoint(config_path, data_path, as_json) -> None:
    """Sign how the record stands now; keep the answer outside."""
    made = ask("POST", "/local/audit/checkpoint", config_path=config_path, data_path=data_path)
    show(made, as_json, lambda answer: answer["checkpoint"] or "The record is still empty.")


@audit.command()
@click.argument("seq", type=click.IntRange(min=1), required=False)
@click.option(
    "--from", "old", type=click.Path(exists=True, path_type=Path), help="Prove that all of this checkpoint is there."
)
@kept_option
@everywhere
def prove(seq, old, outside, config_path, data_path, as_json) -> None:
    """Prove that entry SEQ is in the record, or --from a checkpoint that it only grew since. Prints JSON."""
    if (seq is None) == (old is None):
        raise click.UsageError("Either SEQ or --from.")
    order: dict[str, Any] = {"seq": seq} if seq else {"from": old.read_text()}
    if outside:
        order["checkpoint"] = outside.read_text()
    made = ask("POST", "/communications/audit/proof", order, config_path=config_path, data_path=data_path)
    show(made, as_json, lambda proof: json.format(json.encode(proof)).decode())


@audit.command()
@click.argument("to", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--period", required=True, help="2026, 2026-Q4, 2026-11 or 2026-01-01..2026-03-31.")
@click.option("--csv", "as_csv", is_flag=True, help="A table for a spreadsheet, without the proofs.")
@everywhere
def export(to, period, as_csv, config_path, data_path, as_json) -> None:
    """Write every privileged act of a period to a file, or to stdout, with a proof for each."""
    query = urlencode({"period": period, "format": "csv" if as_csv else "json"})
    fetch(f"/local/audit/report?{query}", to, config_path, data_path, as_json)


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
