"""`gateway openapi`: the API described for programs."""

import click

from gateway.web import app
from gateway.web.openapi import text


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of this version. No gateway needs to run."""
    click.echo(text(app.doors(app.MAIN)), nl=False)
