"""`gateway key`: the keys that seal everything."""

import contextlib
import sys
from pathlib import Path

import click

from gateway.cli.client import ask
from gateway.cli.place import data_folder, data_option, everywhere, json_option, show
from gateway.store import erasures
from gateway.store.db import connect
from gateway.store.guests import keys_in_use
from gateway.vault import Vault, init, master


@click.group()
def key() -> None:
    """The keys that seal everything."""


@key.command("init")
@data_option
@json_option
def init_(data_path, as_json) -> None:
    """Make the master key and the key store; never beside data that is there already."""
    data = data_folder(data_path)
    vault = init(data.keys, data.key_file, data.database.exists())
    vault.close()
    show(
        {"key_file": str(data.key_file)},
        as_json,
        lambda made: f"Keep a copy of {made['key_file']} apart from the data.",
    )


@key.command()
@everywhere
def status(config_path, data_path, as_json) -> None:
    """Which master keys there are, how much each one opens, and how many guests' keys were destroyed."""
    found = ask("GET", "/local/key", config_path=config_path, data_path=data_path)
    show(found, as_json, _standing)


def _standing(told: dict) -> str:
    lines = [f"{name}: wraps {count} keys" for name, count in told["masters"].items()]
    return "\n".join([*lines, f"destroyed for good: {told['destroyed']} keys of guests"])


@key.command()
@click.argument("purpose", type=click.Choice(["jwt"]))
@everywhere
def rotate(purpose, config_path, data_path, as_json) -> None:
    """Draw a new key for a purpose: jwt, which signs access tokens. The key before it is believed until the next."""
    found = ask("POST", f"/local/key/{purpose}", config_path=config_path, data_path=data_path)
    show(found, as_json, lambda told: "\n".join(key["kid"] for key in told["keys"]))


@key.command()
@data_option
@json_option
def verify(data_path, as_json) -> None:
    """See that the master key fits and that every guest's key is there; and that of whoever was erased none is. Exit 77
    when a key is missing, 1 when the next start has an erasure to finish."""
    data = data_folder(data_path)
    vault = Vault.open(data.keys, data.key_file)
    try:
        needed, erased = _guests(data.database)
        vault.keys.check(needed)
        unfinished = len(vault.keys.remaining(erased)) + len(vault.keys.buried().intersection(needed))
    finally:
        vault.close()
    result = {
        "guests": len(needed),
        "erased": len(erased),
        "unfinished_erasures": unfinished,
        "readable_by_others": master.too_open(data.key_file),
    }
    show(result, as_json, _verified)
    if unfinished:
        sys.exit(1)


def _guests(database: Path) -> tuple[list[int], list[int]]:
    """The keys of guests who are there, and of those who were erased."""
    if not database.exists():
        return [], []
    with contextlib.closing(connect(database, reading=True)) as reader:
        return keys_in_use(reader), erasures.keys(reader)


def _verified(told: dict) -> str:
    if told["unfinished_erasures"]:
        return f"{told['unfinished_erasures']} erasures are not finished: start the gateway, which does that first"
    return f"ok: the keys of {told['guests']} guests are there, none of {told['erased']} who were erased"
