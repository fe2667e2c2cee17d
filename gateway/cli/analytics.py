"""`gateway analytics`: do the counters say what happened?"""

import sys
from typing import Any

import click

from gateway.cli.client import ask
from gateway.cli.place import everywhere, show


@click.group()
def analytics() -> None:
    """What became of messages."""


@analytics.command()
@everywhere
def verify(config_path, data_path, as_json) -> None:
    """Count every event again. Exit 1 when a counter says otherwise."""
    found = ask("GET", "/local/analytics/verify", config_path=config_path, data_path=data_path)
    show(found, as_json, words)
    sys.exit(0 if found["ok"] else 1)


def words(found: dict[str, Any]) -> str:
    """The line that says it, and one for each difference that is shown."""
    if found["ok"]:
        return f"ok rows={found['rows']}"
    lines = [f"FAIL rows={found['rows']} wrong={found['wrong']}"]
    for one in found["differences"]:
        when = one.get("hour") or one.get("day")
        kind = " ".join([*one["series"].values(), one["provider"] or "-"])
        lines.append(f"  {when} {kind}: counted {one['counted']}, recounted {one['recounted']}")
    return "\n".join(lines)
