"""Templates to begin with, in five languages. One is put into the venue's cabinet when it is first needed; from then on
it is the venue's own, to be changed as it likes."""

import tomllib
from pathlib import Path

from msgspec import convert

from gateway.stationery.forms import TemplateNew

HERE = Path(__file__).parent


def starters(name: str) -> list[TemplateNew]:
    """The starter of this name in every language it is there in; none, where there is no such starter."""
    file = HERE / f"{name}.toml"
    if not file.is_file():
        return []
    table = tomllib.loads(file.read_text("utf-8"))
    common = {"name": name, "channel": table["channel"], "schema": table["schema"]}
    return [convert(common | said | {"language": language}, TemplateNew) for language, said in table["words"].items()]
