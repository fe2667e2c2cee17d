"""`gateway retention`: what has lived through its time, and letting it go."""

import click

from gateway.cli.client import ask
from gateway.cli.place import everywhere, show, table

HEAD = ("what", "category", "kept for", "over", "held")


@click.group()
def retention() -> None:
    """How long what is about guests is kept."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@everywhere
def run(dry_run, config_path, data_path, as_json) -> None:
    """Let go what has lived through its time. A running gateway does it once a day by itself."""
    path = "/communications/compliance/retention/run"
    found = ask("POST", path, {"dry_run": dry_run}, config_path=config_path, data_path=data_path)
    show(found, as_json, _standing if dry_run else _went)


@retention.command()
@everywhere
def report(config_path, data_path, as_json) -> None:
    """What would go now, what is held, and what went lately."""
    found = ask("GET", "/communications/compliance/retention", config_path=config_path, data_path=data_path)
    show(found, as_json, lambda told: f"{_standing(told)}\n\n{_runs(told)}")


def _standing(told: dict) -> str:
    """What has lived through its time, as a table."""
    rows = [
        (clock["what"], clock["category"] or "", clock["after"], f"{clock['due']:,}", f"{clock['held']:,}")
        for clock in told["clocks"]
    ]
    return f"{table(rows, HEAD)}\n{told['holds']:,} guests are under a legal hold"


def _went(told: dict) -> str:
    """What the newest run has done."""
    return _line(told["runs"][0])


def _runs(told: dict) -> str:
    return "\n".join(_line(run) for run in told["runs"]) or "nothing went yet"


def _line(run: dict) -> str:
    went = ", ".join(f"{count:,} {what}" for what, count in run["went"].items() if count)
    return f"{run['at']} by {run['by']}: {went or 'nothing'} went"
