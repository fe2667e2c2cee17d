"""`gateway apikey`: keys for programs that call the API."""

import click

from gateway.cli.client import ask
from gateway.cli.place import config_option, data_option, json_option, show, table


@click.group()
def apikey() -> None:
    """Keys for programs that call the API."""


@apikey.command()
@click.option("--name", default="key", help="What it is for.")
@click.option(
    "--scopes", required=True, help="Scopes, separated by commas; `all` is all but send.emergency, send.legal."
)
@click.option("--expires-at", help="When it ends, as RFC 3339.")
@click.option("--network", "networks", multiple=True, help="A network it may be used from; any when left out.")
@config_option
@data_option
@json_option
def create(name, scopes, expires_at, networks, config_path, data_path, as_json) -> None:
    """Make a key. It is shown this once."""
    body = {"name": name, "scopes": scopes.split(","), "expires_at": expires_at, "networks": list(networks)}
    made = ask("POST", "/local/apikeys", body, config_path=config_path, data_path=data_path)
    show(made, as_json, lambda key: f"{key['id']}\n{key['key']}\nThis is the only time the key is shown.")


@apikey.command("list")
@config_option
@data_option
@json_option
def list_(config_path, data_path, as_json) -> None:
    """Every key, without its secret."""
    found = ask("GET", "/local/apikeys", config_path=config_path, data_path=data_path)
    show(found, as_json, lambda keys: table([_row(key) for key in keys["items"]], ("ID", "NAME", "SCOPES", "STATE")))


@apikey.command()
@click.argument("id_", metavar="ID")
@config_option
@data_option
@json_option
def revoke(id_, config_path, data_path, as_json) -> None:
    """End a key now."""
    done = ask("POST", f"/local/apikeys/{id_}/revoke", config_path=config_path, data_path=data_path)
    show(done, as_json, lambda key: f"{key['id']} is revoked.")


def _row(key: dict) -> tuple[str, ...]:
    state = "revoked" if key["revoked_at"] else f"until {key['expires_at']}" if key["expires_at"] else "good"
    return key["id"], key["name"], ",".join(key["scopes"]), state
