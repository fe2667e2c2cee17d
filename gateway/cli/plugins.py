"""`gateway plugins`: what is loaded."""

import click

from gateway.cli.client import ask
from gateway.cli.place import everywhere, show


@click.group()
def plugins() -> None:
    """Channels, limiters and laws that are loaded."""


@plugins.command("list")
@everywhere
def list_(config_path, data_path, as_json) -> None:
    """Everything that was found, and what was set aside."""
    found = ask("GET", "/local/plugins", config_path=config_path, data_path=data_path)
    show(found, as_json, _words)


def _words(found: dict) -> str:
    lines = [f"{kind}: {', '.join(found[kind]) or 'none'}" for kind in ("channels", "limiters", "packs")]
    return "\n".join(lines + [f"set aside: {one['name']} ({one['reason']})" for one in found["quarantined"]])
