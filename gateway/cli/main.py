"""The tree of commands, and how every one of them ends."""

import sys

import click

from gateway import __version__
from gateway.cli import apikeys, audit, check, config, demo, keys, messages, plugins, serve
from gateway.errors import GatewayError

USAGE, INTERNAL = 2, 70


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show where in the program an error happened.")
def cli(debug: bool) -> None:
    """Messages to guests: judged by the law, delivered, and proven."""


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


for command in (
    serve.init, serve.serve, serve.migrate, check.check, check.healthcheck, demo.demo, config.config, messages.send,
    messages.explain, messages.queue, keys.key, apikeys.apikey, audit.audit, plugins.plugins,
):  # fmt: skip
    cli.add_command(command)


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
