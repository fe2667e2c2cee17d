"""The rule packs that are shipped: every TOML file of `packs/`, one per jurisdiction."""

from pathlib import Path

from gateway import Pack, hookimpl


@hookimpl
def register_rules() -> list[Pack]:
    """All of them, in the order of their names."""
    return [Pack.from_file(path) for path in sorted((Path(__file__).parent / "packs").glob("*.toml"))]
