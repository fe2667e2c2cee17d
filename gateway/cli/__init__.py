"""The command `gateway`: results on stdout, words about them on stderr, exit codes that mean something."""

from gateway.cli.main import main

__all__ = ["main"]
