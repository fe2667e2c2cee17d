"""`gateway replies`: what guests answered, from the command line."""

from typing import Any

import click

from gateway.cli.client import ask, ask_all
from gateway.cli.place import everywhere, show, table

REPLIES = "/communications/replies"
CHANNELS = click.Choice(["sms", "whatsapp", "email", "voice"])


@click.group()
def replies() -> None:
    """What guests answered, and what came of it."""


@replies.command()
@click.argument("channel", type=CHANNELS)
@click.argument("guest")
@click.argument("text", type=click.File("r", encoding="utf-8"), default="-")
@click.option("--received-at", help="When it came in, if not now.")
@click.option("--open-booking", is_flag=True, help="The guest has a booking that is not over.")
@everywhere
def take(channel, guest, text, received_at, open_booking, config_path, data_path, as_json) -> None:
    """Take in what a GUEST (an address or an id) answered: a file with the TEXT, or stdin. A stop counts at once."""
    whom = {"guest_id": guest} if guest.startswith("gst_") else guest
    body: dict[str, Any] = {"channel": channel, "from": whom, "text": text.read().rstrip("\n")}
    body |= {"received_at": received_at} if received_at else {}
    body |= {"open_booking": True} if open_booking else {}
    show(ask("POST", REPLIES, body, config_path=config_path, data_path=data_path), as_json, _line)


@replies.command("list")
@click.option("--action", type=click.Choice(["opt_out", "opt_in", "help", "hold_review", "none"]))
@click.option("--review", is_flag=True, help="Only those that wait for a person.")
@everywhere
def list_(action, review, config_path, data_path, as_json) -> None:
    """Answers, newest first."""
    wanted = {"action": action, "status": "review" if review else None}
    found = ask_all(REPLIES, config_path=config_path, data_path=data_path, **wanted)
    rows = [(one["id"], one["received_at"], one["channel"], one["action"], one["status"]) for one in found]
    show({"items": found}, as_json, lambda _: table(rows, ("ID", "RECEIVED", "CHANNEL", "ACTION", "STATUS")))


@replies.command("show")
@click.argument("reply")
@click.option("--text", is_flag=True, help="With its words. The audit log remembers that they were read.")
@everywhere
def show_(reply, text, config_path, data_path, as_json) -> None:
    """One answer."""
    path = f"{REPLIES}/{reply}{'?include=content' if text else ''}"
    show(ask("GET", path, config_path=config_path, data_path=data_path), as_json, _line)


@replies.command()
@click.argument("reply")
@click.argument("action", type=click.Choice(["opt_out", "none"]))
@everywhere
def decide(reply, action, config_path, data_path, as_json) -> None:
    """Say what a REPLY means: a stop (opt_out), or none."""
    path = f"{REPLIES}/{reply}/decide"
    show(ask("POST", path, {"action": action}, config_path=config_path, data_path=data_path), as_json, _line)


def _line(one: dict[str, Any]) -> str:
    said = f"{one['id']} {one['action']}, {one['status']}"
    more = [f"{name} {one[name]}" for name in ("suppression_id", "consent_id", "confirmation", "help") if one[name]]
    more += [f"not answered: {one['not_sent']}"] if one["not_sent"] else []
    more += [f"“{one['content']['text']}”"] if one.get("content") and one["content"]["text"] else []
    return "; ".join([said, *more])
