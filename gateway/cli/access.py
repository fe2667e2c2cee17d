"""`gateway access`: from where and with which keys the API may be used."""

from typing import Any

import click

from gateway.callers import KEY
from gateway.cli.client import ask, ask_all
from gateway.cli.place import config_option, data_option, everywhere, json_option, show, table
from gateway.clock import SystemClock, rfc3339
from gateway.config.values import DURATION

RULES = "/communications/access-rules"
HEAD = ("ID", "VERDICT", "ABOUT", "BY", "UNTIL")


class Duration(click.ParamType):
    """Such as 30m, 24h or 7d, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        try:
            return DURATION.read(value)
        except ValueError:
            self.fail(f"must be {DURATION.words}", param, ctx)


@click.group()
def access() -> None:
    """From where and with which keys the API may be used."""


@access.command("list")
@click.option("--reasons", is_flag=True, help="With the reasons, which is noted in the record.")
@everywhere
def list_(reasons, config_path, data_path, as_json) -> None:
    """Every rule that was made here or over the API; those of config.toml stand there."""
    found = ask_all(RULES, config_path=config_path, data_path=data_path, include="content" if reasons else None)
    head = (*HEAD, "REASON") if reasons else HEAD
    show({"items": found}, as_json, lambda _: table([_row(rule) for rule in found], head))


def _making(command: Any) -> Any:
    """What it takes to make a rule."""
    options = (
        click.argument("about", metavar="NETWORK|KEY"), click.option("--reason", required=True, help="Why."),
        click.option("--for", "seconds", type=Duration(), help="How long, such as 24h; for good if left out."),
        config_option, data_option, json_option,
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@access.command()
@_making
def deny(about, reason, seconds, config_path, data_path, as_json) -> None:
    """Turn away whoever comes from a network, or with an API key (by its id, key_…)."""
    _make("deny", about, reason, seconds, config_path, data_path, as_json)


@access.command()
@_making
def allow(about, reason, seconds, config_path, data_path, as_json) -> None:
    """Let a network come and be asked for a key, or an API key come from any address that is not denied."""
    _make("allow", about, reason, seconds, config_path, data_path, as_json)


def _make(verdict, about, reason, seconds, config_path, data_path, as_json) -> None:
    body = {"verdict": verdict, "reason": reason, "api_key" if about.startswith(KEY) else "network": about}
    if seconds is not None:
        body["expires_at"] = rfc3339(SystemClock().now() + round(seconds * 1000))
    made = ask("POST", RULES, body, config_path=config_path, data_path=data_path)
    show(made, as_json, lambda rule: table([_row(rule)], HEAD))


@access.command()
@click.argument("id_", metavar="ID")
@everywhere
def remove(id_, config_path, data_path, as_json) -> None:
    """Take a rule away."""
    ask("DELETE", f"{RULES}/{id_}", config_path=config_path, data_path=data_path)
    show({"id": id_, "status": "removed"}, as_json, lambda rule: f"{rule['id']} is removed.")


def _row(rule: dict[str, Any]) -> tuple[str, ...]:
    reason = [rule["content"]["reason"]] if rule["content"] else []
    about = rule["network"] or rule["api_key"]
    return rule["id"], rule["verdict"], about, rule["author"], rule["expires_at"] or "for good", *reason
