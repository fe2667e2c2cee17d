"""`gateway config`: is config.toml right, what does it say, what may it say?"""

import click


@click.group()
def config(): ...
