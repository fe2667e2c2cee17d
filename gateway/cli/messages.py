"""`gateway send`, `explain` and `queue`: messages from the command line."""

import click

from gateway.cli.client import ask
from gateway.cli.place import everywhere, show, table

VERDICTS = {
    "allow": "By the law of {places} it may go.",
    "defer": "By the law of {places} it may not go{until}.",
    "deny": "By the law of {places} it may not go at all.",
}


@click.command()
@click.option("--channel", default="email", help="email, sms, …")
@click.option("--to", required=True, help="An address, or a guest's id.")
@click.option("--subject", help="For e-mail.")
@click.option(
    "--class", "class_", default="marketing", help="marketing, transactional, informational, emergency, legal"
)
@click.option("--category", default="general", help="The venue's own word for it.")
@click.argument("text", type=click.File())
@everywhere
def send(channel, to, subject, class_, category, text, config_path, data_path, as_json) -> None:
    """Send one message; TEXT is a file, or - for what is piped in."""
    whom = {"guest_id": to} if to.startswith("gst_") else to
    body = {"channel": channel, "to": whom, "class": class_, "category": category, "text": text.read()}
    if subject is not None:
        body["subject"] = subject
    answer = ask("POST", "/communications/messages/send", body, config_path=config_path, data_path=data_path)
    show(answer, as_json, lambda told: f"{told['id']} {told['status']}")


@click.command()
@click.argument("message")
@everywhere
def explain(message, config_path, data_path, as_json) -> None:
    """Say why a message went, waits, or may not go."""
    found = ask("GET", f"/communications/messages/{message}", config_path=config_path, data_path=data_path)
    show(found, as_json, _why)


@click.group()
def queue() -> None:
    """Messages that are still to go out."""


@queue.command("list")
@click.option("--status", default="held", help="queued, deferred, held, sending, uncertain")
@everywhere
def list_(status, config_path, data_path, as_json) -> None:
    """Messages in a state, newest first."""
    path = f"/communications/messages?status={status}&limit=200"
    found = ask("GET", path, config_path=config_path, data_path=data_path)
    rows = [(one["id"], one["channel"], one["status"], one["due_at"] or "") for one in found["items"]]
    show(found, as_json, lambda _: table(rows, ("ID", "CHANNEL", "STATE", "DUE")))


@queue.command()
@click.argument("message")
@everywhere
def release(message, config_path, data_path, as_json) -> None:
    """Let a held message go."""
    path = f"/communications/messages/{message}/release"
    show(ask("POST", path, config_path=config_path, data_path=data_path), as_json, lambda told: told["status"])


@queue.command()
@click.argument("message")
@everywhere
def retry(message, config_path, data_path, as_json) -> None:
    """Send a failed message once more."""
    path = f"/communications/messages/{message}/retry"
    show(ask("POST", path, config_path=config_path, data_path=data_path), as_json, lambda told: told["id"])


def _why(message: dict) -> str:
    """A message's state and its judgement, for a coordinator."""
    law = message["compliance"]
    rules = {one["rule"]: f"{one['text']} [{one['rule']}: {one['citation']}]" for one in law["explanation"]}
    until = f" before {law['defer_until']}" if law["defer_until"] else ""
    lines = [f"{message['id']} over {message['channel']}, {message['class']}, is {message['status']}.",
             VERDICTS[law["decision"]].format(until=until, places=", ".join(law["jurisdictions"]))]  # fmt: skip
    for head, member in (("", "reasons"), ("Permitted by", "basis"), ("To be noted", "warnings")):
        told = [rules.get(one, _spelt(one)) for one in law[member]]
        lines += ([head] if head and told else []) + [f"  - {one}" for one in told]
    if law["required_elements"]:
        lines.append(f"The law asks for this in it: {', '.join(map(_spelt, law['required_elements']))}.")
    return "\n".join(lines)


def _spelt(word: str) -> str:
    return word.replace("_", " ")
