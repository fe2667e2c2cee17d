"""`gateway check` and `gateway healthcheck`: is it right, is it well?"""

import sys
import urllib.error
import urllib.request

import click

from gateway.cli.place import config_option, configuration, data_folder, data_option, everywhere, show
from gateway.store import schema
from gateway.vault import Vault, master


@click.command()
@everywhere
def check(config_path, data_path, as_json) -> None:
    """See whether the gateway could start, without starting it; and what is not as it should be."""
    from gateway.cli.config import usable  # noqa: PLC0415 plugins and rules, which the health check never needs

    data = data_folder(data_path)
    config = usable(config_path, data)
    warnings = config.warnings()
    if data.keys.is_relative_to(data.path):
        warnings.append(
            "the keys lie inside the data folder: a copy of it holds both; set GATEWAY_KEYS to another place"
        )
    if data.database.exists():
        Vault.open(data.keys, data.key_file).close()
        schema.check_tables(data.database)
    if data.key_file.exists() and master.too_open(data.key_file):
        warnings.append("others can read the master key file: chmod 600 it")
    if not config.server.public_url:
        warnings.append("guests cannot open our links: set public_url in section server of config.toml")
    show({"ok": True, "warnings": warnings}, as_json, lambda told: "\n".join(["ok", *told["warnings"]]))


@click.command()
@config_option
@data_option
def healthcheck(config_path, data_path) -> None:
    """Ask the running gateway whether it is ready. Exit 0 or 1; what the container's HEALTHCHECK calls."""
    config = configuration(config_path, data_folder(data_path))
    host = config.server.ops_host if config.server.ops_host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    url = f"http://{host}:{config.server.ops_port}/health/ready"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            click.echo(answer.read().decode())
    except urllib.error.HTTPError as error:
        click.echo(error.read().decode())
        sys.exit(1)
    except OSError:
        click.echo("no answer", err=True)
        sys.exit(1)
