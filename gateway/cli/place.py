"""Where a command works: which configuration, which data folder; and how it prints what it found."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import json

from gateway.config import Config, load
from gateway.data_folder import DataFolder

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Default: GATEWAY_CONFIG, then config.toml in the data folder, then here.",
)
data_option = click.option(
    "--data", "data_path", type=click.Path(), help="Data folder (default: GATEWAY_DATA, ./data)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def everywhere(command: Callable) -> Callable:
    """What nearly every command knows: `--config`, `--data` and `--json`."""
    return config_option(data_option(json_option(command)))


def data_folder(path: str | None) -> DataFolder:
    """The data folder of this command."""
    return DataFolder.from_environment(dict(os.environ), path)


def configuration(path: Path | None, data: DataFolder) -> Config:
    """The configuration of this command. Raises NotUsable with every fault in it."""
    return load(config_file(path, data), os.environ)


def config_file(path: Path | None, data: DataFolder) -> Path | None:
    """The file to read, None where there is none and the defaults hold."""
    if path is not None:
        return path
    if named := os.environ.get("GATEWAY_CONFIG"):
        return Path(named)
    return next((found for found in (data.path / "config.toml", Path("config.toml")) if found.exists()), None)


def show(result: Any, as_json: bool, words: Callable[[Any], str]) -> None:
    """Print a result: as JSON, or in words."""
    click.echo(json.encode(result).decode() if as_json else words(result))


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> str:
    """Rows under a head, in columns as wide as they need to be."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
