"""The tree of commands, and how every one of them ends."""

import importlib
import sys

import click

from gateway import __version__
from gateway.errors import GatewayError

USAGE, INTERNAL = 2, 70
COMMANDS = {
    "init": "serve", "serve": "serve", "migrate": "serve", "demo": "demo", "check": "check", "healthcheck": "check",
    "config": "config", "send": "messages", "explain": "messages", "queue": "messages", "key": "keys",
    "apikey": "apikeys", "guests": "lists", "suppressions": "lists", "data-request": "data_requests", "audit": "audit",
    "plugins": "plugins", "user": "users", "analytics": "analytics", "webhooks": "webhooks", "openapi": "openapi",
    "replies": "replies", "retention": "retention", "access": "access", "rules": "rules", "limits": "limits",
    "abuse": "abuse", "complaints": "complaints",
}  # fmt: skip
"""Which module beside this one has which command."""


class Commands(click.Group):
    """Imports a command's module when it is asked for: a start should not pay for what it does not use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return getattr(importlib.import_module(f"gateway.cli.{COMMANDS[cmd_name]}"), cmd_name.replace("-", "_"))
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show where in the program an error happened.")
def cli(debug: bool) -> None:
    """Messages to guests: judged by the law, delivered, and proven."""


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


def main() -> None:
    """Run a command and exit with its code. No traceback is shown unless it was asked for."""
    debug = "--debug" in sys.argv
    try:
        code = cli.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        code = USAGE
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130
    except GatewayError as error:
        if debug:
            raise
        click.echo(f"gateway: error[{error.code}]: {error}", err=True)
        code = error.exit_code
    except Exception as error:  # the last resort: one line, and a code that says it was our fault
        if debug:
            raise
        click.echo(f"gateway: error[internal]: {type(error).__name__} — run it again with --debug", err=True)
        code = INTERNAL
    sys.exit(code if isinstance(code, int) else 0)
