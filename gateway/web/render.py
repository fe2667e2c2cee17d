"""Pages of HTML, from the templates in `pages/`. Whatever is put into one is escaped."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import json

PAGES = Path(__file__).parent / "pages"


@lru_cache(1)
def _templates():
    from jinja2 import Environment, FileSystemLoader, select_autoescape  # noqa: PLC0415 only pages for people need it

    made = Environment(loader=FileSystemLoader(PAGES), autoescape=select_autoescape(), trim_blocks=True,
                       lstrip_blocks=True)  # fmt: skip
    made.filters["document"] = lambda value: json.format(json.encode(value)).decode()
    return made


def render(name: str, **known: Any) -> bytes:
    """A page, with what it is to say."""
    return _templates().get_template(name).render(**known).encode()


def safe(html: str) -> Any:
    """Text that is part of a page already, and not escaped again."""
    return _templates().filters["safe"](html)
