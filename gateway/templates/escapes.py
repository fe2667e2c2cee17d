"""How a value is put into each kind of place, so that it stays a value there."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from liquid import escape
from liquid.stringify import to_liquid_string

from gateway import html as pages

STYLE = re.compile(r"[\w #.,%+-]*")
"""What a value may consist of within a style: names, numbers, colours, lengths."""


class Unsafe(ValueError):
    """A value that must not stand where the template puts it."""


def plain(value: Any) -> str:
    """A value as text. Raises Unsafe for an object: one of its members is meant."""
    if type(value) is str:
        return value
    if isinstance(value, dict):
        raise Unsafe("an object cannot be printed, only its members")
    return to_liquid_string(value, False)


def html(value: Any) -> str:
    """Between tags, or in a quoted attribute value."""
    return escape(value) if type(value) is str else escape(plain(value))


def url(value: Any) -> str:
    """A whole URL, or the beginning of one. Raises Unsafe for a scheme that does not lead to a page, a mail or a
    call."""
    text = plain(value).strip()
    scheme, colon, _ = re.split(r"[/?#]", text, maxsplit=1)[0].partition(":")
    if colon and scheme.lower() not in pages.SCHEMES:
        raise Unsafe(f"an address must begin with one of {', '.join(sorted(pages.SCHEMES))}")
    return escape(quote(text, safe="%-._~:/?#[]@!$&'()*+,;="))


def path(value: Any) -> str:
    """The middle of a URL, before its query."""
    return quote(plain(value), safe="-._~/")


def query(value: Any) -> str:
    """Within the query or fragment of a URL."""
    return quote(plain(value), safe="-._~")


def css(value: Any) -> str:
    """Within a style attribute. Raises Unsafe for what is more than a name, a number, a colour or a length."""
    text = plain(value)
    if not STYLE.fullmatch(text):
        raise Unsafe("a value in a style may hold letters, digits and # . , % + - only")
    return escape(text)


BY_PLACE: dict[str, Callable[[Any], str]] = {
    "text": plain, "html": html, "url": url, "path": path, "query": query, "css": css,
}  # fmt: skip
