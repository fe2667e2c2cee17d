"""Which version of a thing an edit was made for (If-Match), and which one is shown (ETag), so that of two people who
edit the same thing at once the second hears of the first (RFC 9110 §13.1.1)."""

import re
from collections.abc import Mapping
from typing import Protocol

from msgspec import json

from gateway.answers import Answer
from gateway.errors import Precondition

Wanted = frozenset[int] | None
"""The versions an edit may be made to; None: whatever is there."""
_TAG = re.compile(r'"(\d{1,15})"')


class Versioned(Protocol):
    """What is shown with an ETag: a struct that says which version it is."""

    version: int


def wanted(headers: Mapping[str, str]) -> Wanted:
    """The versions that If-Match names. A caller who sends none, or `*`, takes what is there."""
    text = headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    tags = [_TAG.fullmatch(tag.strip()) for tag in text.split(",")]
    return frozenset(int(tag[1]) for tag in tags if tag)


def check(version: int, wanted: Wanted) -> None:
    """Raise Precondition unless the edit was made for this version. Ask within the transaction of the edit."""
    if wanted is not None and version not in wanted:
        raise Precondition()


def shown(view: Versioned, status: int = 200, location: str | None = None) -> Answer:
    """The answer that shows a thing together with its version."""
    where = (("Location", location),) if location else ()
    return Answer(json.encode(view), status, (("ETag", f'"{view.version}"'), *where))
