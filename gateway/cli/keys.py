"""`gateway key`: the keys that seal everything."""

import click

from gateway.cli.client import ask
from gateway.cli.place import config_option, data_folder, data_option, json_option, show
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
@config_option
@data_option
@json_option
def status(config_path, data_path, as_json) -> None:
    """Which master keys there are, and how much each one opens."""
    found = ask("GET", "/local/key", config_path=config_path, data_path=data_path)
    show(
        found, as_json, lambda told: "\n".join(f"{name}: wraps {count} keys" for name, count in told["masters"].items())
    )


@key.command()
@click.argument("purpose", type=click.Choice(["jwt"]))
@config_option
@data_option
@json_option
def rotate(purpose, config_path, data_path, as_json) -> None:
    """Draw a new key for a purpose: jwt, which signs access tokens. The key before it is believed until the next."""
    found = ask("POST", f"/local/key/{purpose}", config_path=config_path, data_path=data_path)
    show(found, as_json, lambda told: "\n".join(key["kid"] for key in told["keys"]))


@key.command()
@data_option
@json_option
def verify(data_path, as_json) -> None:
    """See that the master key fits and that every guest's key is there. Exit 77 when not."""
    data = data_folder(data_path)
    vault = Vault.open(data.keys, data.key_file)
    try:
        needed = keys_in_use(connect(data.database, reading=True)) if data.database.exists() else []
        vault.keys.check(needed)
    finally:
        vault.close()
    result = {"guests": len(needed), "readable_by_others": master.too_open(data.key_file)}
    show(result, as_json, lambda told: f"ok: the keys of {told['guests']} guests are there")
