"""`gateway config`: is config.toml right, what does it say, what may it say?"""

from pathlib import Path

import click
from msgspec import json

from gateway import plugins, providers
from gateway.cli.place import configuration, data_folder, everywhere, show, table
from gateway.config import Config, ConfigFaults, explain, schema
from gateway.config import show as every_key
from gateway.data_folder import DataFolder
from gateway.rules import Rulebook


@click.group()
def config() -> None:
    """What config.toml says, and whether it is right."""


@config.command()
@everywhere
def check(config_path, data_path, as_json) -> None:
    """Name everything that is wrong with config.toml, its plugins' tables and secret files included."""
    found = usable(config_path, data_folder(data_path))
    show({"ok": True, "warnings": found.warnings()}, as_json, lambda told: "\n".join(["ok", *told["warnings"]]))


def usable(path: Path | None, data: DataFolder) -> Config:
    """The configuration, looked at as closely as a start does. Raises ConfigFaults with all that is in its way,
    and NotUsable for packs or rules that do not fit together."""
    found = configuration(path, data)
    installed = plugins.find(found.plugins.paths)
    if faults := providers.faults(found, installed):
        raise ConfigFaults(faults)
    Rulebook(installed.packs, found.compliance.policy, found.compliance.rules)
    return found


@config.command("show")
@everywhere
def show_(config_path, data_path, as_json) -> None:
    """Every value in force, and where it comes from."""
    values = every_key(configuration(config_path, data_folder(data_path)))
    rows = [(one.key, one.value or "", one.origin) for one in values]
    document = [{"key": one.key, "value": one.value, "origin": one.origin} for one in values]
    show(document, as_json, lambda _: table(rows, ("KEY", "VALUE", "FROM")))


@config.command("schema")
def schema_() -> None:
    """A JSON Schema of config.toml, for editors."""
    click.echo(json.format(json.encode(schema()), indent=2).decode())


@config.command("explain")
@click.argument("key")
def explain_(key) -> None:
    """What a key is for, what it takes, what holds without it."""
    click.echo(explain(key))
