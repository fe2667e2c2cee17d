"""`gateway data-request`: what guests ask about their data, from the command line."""

from pathlib import Path
from typing import Any

import click

from gateway.cli.client import ask, ask_all
from gateway.cli.files import fetch
from gateway.cli.place import everywhere, show, table
from gateway.errors import Fault, Invalid

REQUESTS = "/communications/compliance/data-request"
KINDS = click.Choice(["access", "portability", "rectification", "restriction", "erasure", "objection"])
request_argument = click.argument("request", metavar="REQUEST")
note_option = click.option("--note", help="For the house alone; kept sealed.")


@click.group()
def data_request() -> None:
    """What guests ask about their data."""


@data_request.command("list")
@click.option("--status", help="verifying, open, grace, done, refused, cancelled")
@click.option("--kind", type=KINDS)
@click.option("--due-before", help="Only what is due before this time, such as 2026-12-24T00:00:00Z.")
@everywhere
def list_(status, kind, due_before, config_path, data_path, as_json) -> None:
    """Requests, newest first."""
    wanted = {"status": status, "kind": kind, "due_before": due_before}
    found = ask_all(REQUESTS, config_path=config_path, data_path=data_path, **wanted)
    rows = [(one["id"], one["number"], one["kind"], one["status"], _clock(one)) for one in found]
    show({"items": found}, as_json, lambda _: table(rows, ("ID", "NUMBER", "KIND", "STATUS", "DUE")))


@data_request.command("show")
@request_argument
@click.option("--notes", is_flag=True, help="With what was noted. The audit log remembers that it was read.")
@everywhere
def show_(request, notes, config_path, data_path, as_json) -> None:
    """One request, with everything that happened to it."""
    path = f"{REQUESTS}/{request}{'?include=content' if notes else ''}"
    show(ask("GET", path, config_path=config_path, data_path=data_path), as_json, _story)


@data_request.command("open")
@click.argument("kind", type=KINDS)
@click.argument("guest")
@click.option("--via", default="phone", help="How it came in: phone, letter, email, in_person, …")
@click.option("--received-at", help="When it came in, if not now.")
@click.option("--jurisdiction", help="Whose law, if not the guest's.")
@note_option
@everywhere
def open_(kind, guest, via, received_at, jurisdiction, note, config_path, data_path, as_json) -> None:
    """Take down what a GUEST (an address or an id) asks; a code goes to the address we know."""
    said = {"received_at": received_at, "jurisdiction": jurisdiction, "note": note}
    body = {"guest": _whom(guest), "kind": kind, "received_via": via} | _said(said)
    show(ask("POST", REQUESTS, body, config_path=config_path, data_path=data_path), as_json, _line)


@data_request.command()
@request_argument
@click.option("--code", help="The code the guest was sent.")
@click.option("--note", help="How you made sure who asks, where there is no code.")
@click.option("--send", is_flag=True, help="Send the guest a new code.")
@everywhere
def verify(request, code, note, send, config_path, data_path, as_json) -> None:
    """Say that it is really the guest who asks."""
    if sum((code is not None, note is not None, send)) != 1:
        raise click.UsageError("Give --code, --note or --send.")
    body = (
        {"method": "send"} if send else {"method": "code", "code": code} if code else {"method": "staff", "note": note}
    )
    _act(request, "verify", body, config_path, data_path, as_json)


@data_request.command()
@request_argument
@click.option("--reason", type=click.Choice(["complex", "many_requests"]), required=True)
@note_option
@everywhere
def extend(request, reason, note, config_path, data_path, as_json) -> None:
    """Take longer, and tell the guest why."""
    _act(request, "extend", {"reason": reason} | _said({"note": note}), config_path, data_path, as_json)


@data_request.command()
@request_argument
@note_option
@everywhere
def complete(request, note, config_path, data_path, as_json) -> None:
    """It is done: the guest is told, and sent where a copy can be fetched."""
    _act(request, "complete", _said({"note": note}), config_path, data_path, as_json)


@data_request.command()
@request_argument
@click.argument("reason")
@note_option
@everywhere
def refuse(request, reason, note, config_path, data_path, as_json) -> None:
    """Say no, for a REASON such as excessive or identity_not_proven."""
    _act(request, "refuse", {"reason": reason} | _said({"note": note}), config_path, data_path, as_json)


@data_request.command()
@request_argument
@note_option
@everywhere
def cancel(request, note, config_path, data_path, as_json) -> None:
    """The guest takes it back."""
    _act(request, "cancel", _said({"note": note}), config_path, data_path, as_json)


@data_request.command()
@request_argument
@click.argument("to", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@everywhere
def export(request, to, config_path, data_path, as_json) -> None:
    """Write the copy of everything about the guest into a ZIP. It holds it in clear."""
    fetch(f"{REQUESTS}/{request}/export", to, config_path, data_path, as_json)


@data_request.command()
@click.argument("whom")
@click.option("--now", is_flag=True, help="At once, without days of grace. Nothing brings the guest back.")
@everywhere
def erase(whom, now, config_path, data_path, as_json) -> None:
    """Erase WHOM: a guest (an id or an address), or the guest of a request."""
    request = whom if whom.startswith("req_") else _erasure(whom, config_path, data_path)["id"]
    if now:
        _act(request, "complete", {"now": True}, config_path, data_path, as_json)
        return
    show(ask("GET", f"{REQUESTS}/{request}", config_path=config_path, data_path=data_path), as_json, _line)


def _erasure(whom: str, config_path: Path | None, data_path: str | None) -> dict[str, Any]:
    """An erasure of a guest. Raises Invalid where nobody has the address, or several have."""
    if not whom.startswith("gst_"):
        kind = "email" if "@" in whom else "phone"
        path = "/communications/guests/search"
        found = ask("POST", path, {kind: whom}, config_path=config_path, data_path=data_path)["items"]
        if len(found) != 1:
            raise Invalid(
                f"{len(found)} guests have this address: name one by id.",
                faults=[Fault("", "not-one", "the id of a guest")],
            )
        whom = found[0]["id"]
    return ask("DELETE", f"/communications/guests/{whom}", config_path=config_path, data_path=data_path)


def _act(request: str, what: str, body: dict[str, Any], config_path: Path | None, data_path: str | None,
         as_json: bool) -> None:  # fmt: skip
    show(
        ask("POST", f"{REQUESTS}/{request}/{what}", body, config_path=config_path, data_path=data_path), as_json, _line
    )


def _whom(text: str) -> str | dict[str, str]:
    return {"guest_id": text} if text.startswith("gst_") else text


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _line(one: dict[str, Any]) -> str:
    return f"{one['id']} {one['number']} {one['status']}, {_clock(one)}"


def _clock(one: dict[str, Any]) -> str:
    if one["closed_at"]:
        return f"ended {one['closed_at']}"
    if one["erase_at"]:
        return f"erased {one['erase_at']}"
    if one["paused_since"]:
        return f"paused since {one['paused_since']}"
    return f"{'OVERDUE, ' if one['overdue'] else ''}due {one['due_date']}"


def _story(one: dict[str, Any]) -> str:
    lines = [
        f"{_line(one)}; {one['kind']}, received {one['received_at']} by {one['received_via']}, {one['jurisdiction']}"
    ]
    for event in one["events"]:
        more = [event[name] for name in ("reason", "until", "message", "note") if event.get(name)]
        lines.append(f"  {event['at']} {event['type']} by {event['by']} {' '.join(more)}".rstrip())
    return "\n".join(lines)
