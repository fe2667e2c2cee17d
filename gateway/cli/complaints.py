"""`gateway complaints`: what people complain of about their data, from the command line."""

from typing import Any

import click

from gateway.cli.client import ask, ask_all
from gateway.cli.place import everywhere, show, table

COMPLAINTS = "/communications/compliance/complaints"
complaint_argument = click.argument("complaint", metavar="COMPLAINT")


@click.group()
def complaints() -> None:
    """What people complain of about their data."""


@complaints.command("list")
@click.option("--status", type=click.Choice(["open", "acknowledged", "closed"]))
@click.option("--due-before", help="Only what is to be confirmed before this time, such as 2026-12-24T00:00:00Z.")
@everywhere
def list_(status, due_before, config_path, data_path, as_json) -> None:
    """Complaints, newest first."""
    found = ask_all(COMPLAINTS, config_path=config_path, data_path=data_path, status=status, due_before=due_before)
    rows = [(one["id"], one["received_at"], one["jurisdiction"], one["status"], _clock(one)) for one in found]
    show({"items": found}, as_json, lambda _: table(rows, ("ID", "RECEIVED", "LAW", "STATUS", "DUE")))


@complaints.command("show")
@complaint_argument
@click.option("--text", is_flag=True, help="With its words. The audit log remembers that they were read.")
@everywhere
def show_(complaint, text, config_path, data_path, as_json) -> None:
    """One complaint."""
    path = f"{COMPLAINTS}/{complaint}{'?include=content' if text else ''}"
    show(ask("GET", path, config_path=config_path, data_path=data_path), as_json, _line)


@complaints.command()
@click.argument("words", type=click.File("r", encoding="utf-8"), default="-")
@click.option("--guest", help="Who complains: an address or an id.")
@click.option("--via", default="phone", help="How it came in: phone, letter, email, in_person, …")
@click.option("--received-at", help="When it came in, if not now.")
@click.option("--jurisdiction", help="Whose law, if not the guest's or else the venue's.")
@everywhere
def add(words, guest, via, received_at, jurisdiction, config_path, data_path, as_json) -> None:
    """Take one down: a file with the WORDS that were used, or stdin."""
    whom = {"guest_id": guest} if guest and guest.startswith("gst_") else guest
    known = {"guest": whom, "received_at": received_at, "jurisdiction": jurisdiction}
    body = {"words": words.read().rstrip("\n"), "received_via": via}
    body |= {name: value for name, value in known.items() if value is not None}
    show(ask("POST", COMPLAINTS, body, config_path=config_path, data_path=data_path), as_json, _line)


@complaints.command()
@complaint_argument
@click.option("--at", help="When, if not now.")
@everywhere
def acknowledge(complaint, at, config_path, data_path, as_json) -> None:
    """Its receipt was confirmed: note it. Nothing is sent."""
    path = f"{COMPLAINTS}/{complaint}/acknowledge"
    show(ask("POST", path, {"at": at} if at else {}, config_path=config_path, data_path=data_path), as_json, _line)


@complaints.command()
@complaint_argument
@click.argument("answer", type=click.File("r", encoding="utf-8"), default="-")
@everywhere
def close(complaint, answer, config_path, data_path, as_json) -> None:
    """It was answered: a file with the ANSWER, or stdin. Nothing is sent."""
    path, body = f"{COMPLAINTS}/{complaint}/close", {"answer": answer.read().rstrip("\n")}
    show(ask("POST", path, body, config_path=config_path, data_path=data_path), as_json, _line)


def _line(one: dict[str, Any]) -> str:
    lines = [f"{one['id']} {one['status']}, {_clock(one)}; received {one['received_at']} by {one['received_via']}"]
    content = one.get("content") or {}
    lines += [f"  {name}: “{content[name]}”" for name in ("words", "answer") if content.get(name)]
    return "\n".join(lines)


def _clock(one: dict[str, Any]) -> str:
    """By when its receipt is to be confirmed, as long as that is open."""
    if one["acknowledged_at"]:
        return f"confirmed {one['acknowledged_at']}{', late' if one['overdue'] else ''}"
    if one["due_date"] is None:
        return "no deadline"
    return f"{'OVERDUE, ' if one['overdue'] else ''}due {one['due_date']}"
