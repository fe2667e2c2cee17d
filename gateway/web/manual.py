"""Pages of `docs/api/` as the gateway itself reads them: what stands under a heading that is a name, and examples."""

import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from msgspec import json

SHIPPED = Path(__file__).parents[1] / "_docs/api"
PAGES = SHIPPED if SHIPPED.is_dir() else Path(__file__).parents[2] / "docs/api"
SERVED = {"endpoints.md": "/docs", "errors.md": "/docs"}
"""Pages that a link in `html` may lead to, and where they are; of other links the words stay."""


@lru_cache(4)
def sections(page: str) -> dict[str, str]:
    """The text under each heading of a page that is code and nothing else, by the heading."""
    parts = re.split(r"^#{2,4} (.+)$", (PAGES / page).read_text(), flags=re.MULTILINE)
    return {
        heading.strip("`"): text.strip()
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
        if re.fullmatch("`[^`]+`", heading)
    }


def examples(section: str) -> list[Any]:
    """The JSON documents in a section, in order."""
    return [json.decode(block) for block in re.findall(r"^```json\n(.+?)^```$", section, re.MULTILINE | re.DOTALL)]


def html(text: str) -> str:
    """Paragraphs as HTML."""
    return "\n".join(f"<p>{inline(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph.strip())


def inline(text: str) -> str:
    """Code, stress and links, which is all the Markdown that is used where the gateway shows it, as HTML."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\[([^]]+)\]\(([^)]+)\)", _link, text)


def _link(found: re.Match[str]) -> str:
    words, target = found.groups()
    return f'<a href="{SERVED[target]}">{words}</a>' if target in SERVED else words
