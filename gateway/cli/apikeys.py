"""`gateway apikey`: keys for programs that call the API."""

import click

from gateway.cli.client import ask, ask_all
from gateway.cli.place import everywhere, show, table

HEAD = ("ID", "NAME", "SCOPES", "STATE", "LAST USED")


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
@everywhere
def create(name, scopes, expires_at, networks, config_path, data_path, as_json) -> None:
    """Make a key. It is shown this once."""
    body = {"name": name, "scopes": scopes.split(","), "expires_at": expires_at, "networks": list(networks)}
    made = ask("POST", "/communications/api-keys", body, config_path=config_path, data_path=data_path)
    show({"id": made["id"], "key": made["key"]}, as_json, _shown)


@apikey.command("list")
@everywhere
def list_(config_path, data_path, as_json) -> None:
    """Every key, without its secret."""
    found = ask_all("/communications/api-keys", config_path=config_path, data_path=data_path)
    show({"items": found}, as_json, lambda _: table([_row(key) for key in found], HEAD))


@apikey.command()
@click.argument("id_", metavar="ID")
@everywhere
def revoke(id_, config_path, data_path, as_json) -> None:
    """End a key now."""
    ask("DELETE", f"/communications/api-keys/{id_}", config_path=config_path, data_path=data_path)
    show({"id": id_, "status": "revoked"}, as_json, lambda key: f"{key['id']} is revoked.")


@apikey.command()
@click.argument("id_", metavar="ID")
@click.option("--overlap", type=click.IntRange(min=0), default=86_400, help="Seconds the old key still works.")
@everywhere
def rotate(id_, overlap, config_path, data_path, as_json) -> None:
    """Make a new key with the same rights; the old one goes on working for a while. It is shown this once."""
    path = f"/communications/api-keys/{id_}/rotate"
    made = ask("POST", path, {"overlap": overlap}, config_path=config_path, data_path=data_path)
    show({"id": made["id"], "key": made["key"]}, as_json, _shown)


def _shown(key: dict) -> str:
    return f"{key['id']}\n{key['key']}\nThis is the only time the key is shown."


def _row(key: dict) -> tuple[str, ...]:
    state = "revoked" if key["revoked_at"] else f"until {key['expires_at']}" if key["expires_at"] else "good"
    return key["id"], key["name"], ",".join(key["scopes"]), state, key["last_used_at"] or "never"
