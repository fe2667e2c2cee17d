"""Lists by pages, newest first: how large a page may be, and the mark that the next one begins at."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway import ids
from gateway.errors import Fault, Invalid

PAGE, LARGEST_PAGE = 50, 200
LAST = (1 << 63) - 1
"""Above every row."""


class Page(NamedTuple):
    """Which page of a list: rows below `before`, at most `limit` of them."""

    before: int
    limit: int


def page(query: Mapping[str, str]) -> Page:
    """The page a query asks for. Raises Invalid naming each member of it that is unknown or not usable."""
    faults = [
        Fault(f"?{name}", "unknown-field", "limit or cursor") for name in query if name not in ("limit", "cursor")
    ]
    limit, before = limit_of(query), LAST if "cursor" not in query else row_of(query["cursor"])
    if limit is None:
        faults.append(Fault("?limit", "invalid", f"1 to {LARGEST_PAGE}"))
    if before is None:
        faults.append(Fault("?cursor", "invalid", "the next_cursor of a page"))
    if faults or limit is None or before is None:
        raise Invalid(faults=faults)
    return Page(before, limit)


def limit_of(query: Mapping[str, str]) -> int | None:
    """How many rows the query asks for; None for what is no number between 1 and 200."""
    text = query.get("limit", str(PAGE))
    good = text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= LARGEST_PAGE
    return int(text) if good else None


def row_of(cursor: str) -> int | None:
    """The row a cursor stands for; None for what is no cursor."""
    raw = ids.parse("cur", cursor)
    return int.from_bytes(raw) if raw and raw[:8] == b"\0" * 8 else None


def cursor(row: int) -> str:
    """The mark of a row, to go on from."""
    return ids.public("cur", row.to_bytes(16))
