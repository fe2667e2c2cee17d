"""`gateway limits`: what the limits do, and what others would."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from msgspec import to_builtins

from gateway import plugins
from gateway.cli.client import ask
from gateway.cli.config import usable
from gateway.cli.place import data_folder, everywhere, show, table
from gateway.limits import tables
from gateway.limits.rule import Rule
from gateway.simulation import Report, Stopped, Trace, load, picture, read, simulate
from gateway.web.app import DESCRIBED

BLOCKS = " ▁▂▃▄▅▆▇█"
MOST_ROWS = 20


@click.group()
def limits() -> None:
    """How much callers may ask for."""


@limits.command()
@click.option("--explain", metavar="CALLER", help="Why the next request of a key, user or account would pass or not.")
@everywhere
def status(explain, config_path, data_path, as_json) -> None:
    """The limits in force, what they refused within the hour, who has least left, and what today has cost."""
    if explain is not None:
        path = f"/communications/limits/{quote(explain, safe='')}"
        told = ask("GET", path, config_path=config_path, data_path=data_path)
        show(told, as_json, lambda told: "\n".join(one["why"] for one in told["items"]))
        return
    found = ask("GET", "/communications/limits", config_path=config_path, data_path=data_path)
    show(found, as_json, lambda told: "\n\n".join([*map(_standing, told["items"]), *_costs(told["costs"])]))


def _standing(limit: dict[str, Any]) -> str:
    verb = "would have refused" if limit["dry_run"] else "refused"
    head = (
        f"{limit['name']}: {limit['quota']} in {limit['window']} s by {'+'.join(limit['by'])} ({limit['algorithm']}), "
        f"{verb} {limit['refused_last_hour']:,} within the hour; {limit['accounts']:,} accounts"
    )
    rows = [(one["caller"] or one["account"], str(one["remaining"]), f"{one['reset']} s") for one in limit["tightest"]]
    return f"{head}\n{table(rows, ('CALLER', 'LEFT', 'WHOLE IN'))}" if rows else head


def _costs(costs: list[dict[str, Any]]) -> list[str]:
    """What today has cost, where anything does."""
    rows = [(one["channel"], one["spent"], one["ceiling"] or "", str(one["held"])) for one in costs]
    return [f"{costs[0]['day']}\n{table(rows, ('CHANNEL', 'SPENT', 'CEILING', 'HELD'))}"] if rows else []


@limits.command("simulate")
@click.argument("trace", type=click.File("r", encoding="utf-8", errors="replace"), required=False)
@click.option(
    "--load", "described", multiple=True, metavar="WORDS", help="Such as 'send: 5 callers x 120/min for 10m'."
)
@click.option("--against", type=click.Path(path_type=Path, exists=True), help="Another configuration to set beside.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw it into this file.")
@everywhere
def simulate_(trace, described, against, svg, config_path, data_path, as_json) -> None:
    """What the limits of a configuration would do to a TRACE: a CSV table, or a log of the gateway or of a proxy.
    Nothing is sent and no gateway needs to run. Exit 1 when somebody would be refused."""
    if bool(trace) == bool(described):
        raise click.UsageError("give a TRACE, or a --load or several")
    asked = read(trace.read(), _doors()) if trace else _loads(described)
    sets = [(_name(config_path), _rules(config_path, data_path))]
    sets += [(_name(against), _rules(against, data_path))] if against else []
    reports = [simulate(name, rules, asked.asks) for name, rules in sets]
    if svg:
        svg.write_text(picture(reports), "utf-8")
    told = {"passed_over": asked.passed_over, "reports": to_builtins(reports)}
    show(told, as_json, lambda _: "\n\n".join([*_passed_over(asked), *map(_words, reports)]))
    sys.exit(1 if reports[0].refused else 0)


def _doors() -> dict[tuple[str, str], str]:
    return {(door.method, door.path): door.endpoint for routes in DESCRIBED for door in routes.doors if not door.exempt}


def _loads(described: Sequence[str]) -> Trace:
    asks = [ask for words in described for ask in load(words).asks]
    return Trace(sorted(asks, key=lambda ask: ask.at), 0)


def _rules(config_path: Path | None, data_path: str | None) -> list[Rule]:
    config = usable(config_path, data_folder(data_path))
    return tables.rules(config, plugins.find(config.plugins.paths).limiters)


def _name(config_path: Path | None) -> str:
    return config_path.name if config_path else "in force"


# -- in words ---------------------------------------------------------------------------------------------------------


def _passed_over(trace: Trace) -> list[str]:
    return [f"{trace.passed_over:,} lines are no requests and were passed over"] if trace.passed_over else []


def _words(report: Report) -> str:
    """A report for a terminal: the course of it in blocks, then who was held up."""
    most = max(one.admitted + one.refused for one in report.slices)
    lines = [
        f"{report.rules}: {report.asked:,} asked, {report.admitted:,} admitted, {report.refused:,} refused",
        f"  admitted |{_blocks([one.admitted for one in report.slices], most)}|",
        f"  refused  |{_blocks([one.refused for one in report.slices], most)}|",
        f"  from {_shown(report.slices[0].at)}, {report.slice_seconds} s a block; a full one is {most:,}",
    ]
    rows = [_row(one) for one in report.stopped[:MOST_ROWS]]
    if rows:
        lines += ["", table(rows, ("LIMIT", "CALLER", "REFUSED", "FIRST", "LAST", "LONGEST WAIT"))]
    if len(report.stopped) > MOST_ROWS:
        lines.append(f"and {len(report.stopped) - MOST_ROWS:,} more")
    return "\n".join(lines)


def _shown(moment: str) -> str:
    """A load begins at 1970, which says nothing."""
    return moment.removeprefix("1970-01-01T")


def _row(one: Stopped) -> tuple[str, ...]:
    limit = f"{one.limit} (trial)" if one.trial else one.limit
    wait = "for good" if one.longest_wait is None else f"{one.longest_wait} s"
    return limit, one.caller, f"{one.refused:,}", _shown(one.first), _shown(one.last), wait


def _blocks(counts: Sequence[int], most: int) -> str:
    """A column for each count; whatever is not nothing can be seen."""
    return "".join(BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] for count in counts)
