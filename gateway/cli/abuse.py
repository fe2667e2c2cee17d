"""`gateway abuse`: who is held up, why and until when, and letting somebody go."""

from typing import Any

import click

from gateway.cli.client import ask, ask_all
from gateway.cli.place import everywhere, show, table


@click.group()
def abuse() -> None:
    """Who behaves like an abuser, and what is done about it."""


@abuse.command("list")
@click.option("--all", "ended_too", is_flag=True, help="Those that are over too, as far back as 30 days.")
@click.option("--address", is_flag=True, help="With the sources' addresses; it is noted that you saw them.")
@everywhere
def list_(ended_too, address, config_path, data_path, as_json) -> None:
    """The steps in force, newest first, each with what led to it."""
    state, include = None if ended_too else "in_force", "address" if address else None
    found = ask_all("/communications/abuse", config_path=config_path, data_path=data_path, state=state, include=include)
    show(found, as_json, _told)


@abuse.command()
@click.argument("step", metavar="ID")
@everywhere
def lift(step, config_path, data_path, as_json) -> None:
    """Take the step with this ID back before its time."""
    done = ask("POST", f"/communications/abuse/{step}/lift", config_path=config_path, data_path=data_path)
    show(done, as_json, lambda one: f"{one['id']} is lifted")


def _told(found: list[dict[str, Any]]) -> str:
    if not found:
        return "nobody is held up"
    rows = [
        (one["id"], one["step"] + (" (trial)" if one["dry_run"] else ""), one["caller"] or one["address"] or
         f"{one['kind']} {one['digest'][:12]}", one["ended_at"] or one["until"], _why(one["signals"]))
        for one in found
    ]  # fmt: skip
    return table(rows, ("ID", "STEP", "WHO", "UNTIL", "BECAUSE OF"))


def _why(signals: list[dict[str, Any]]) -> str:
    return "; ".join(f"{one['count']:,} {one['says']}" for one in signals)
