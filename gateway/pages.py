"""Lists, page by page: what a query asks for, and the cursor that goes on where a page ended.

A cursor is the row the page ended with, so whatever is added meanwhile moves nothing from one page to another.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

from msgspec import Meta, Struct

from gateway import ids
from gateway.clock import parse_rfc3339
from gateway.errors import Fault, Invalid

PAGE, LARGEST_PAGE = 50, 200
LAST = (1 << 63) - 1
"""Above every row."""
Filter = Callable[[str], Any] | Collection[str]
"""Turns the text of a query into what the store takes, None for what cannot be used; or the words there are."""
Row = TypeVar("Row")
SINCE: dict[str, Filter] = {"from": parse_rfc3339, "to": parse_rfc3339}
"""The filters by time that most lists have."""


Cursor = Annotated[
    str, Meta(pattern="^cur_0{13}[0-7][0-9a-hjkmnp-tv-z]{12}$", description="The next_cursor of the page before")
]


class PageQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list."""

    limit: Annotated[int, Meta(ge=1, le=LARGEST_PAGE, description="How many, at most")] = PAGE
    cursor: Cursor | None = None

    @property
    def before(self) -> int:
        """The row that the page lies below."""
        raw = ids.parse("cur", self.cursor) if self.cursor else None
        return int.from_bytes(raw) if raw else LAST


class Page(NamedTuple):
    """Which page of a list that has no filters: rows below `before`, at most `limit` of them."""

    before: int
    limit: int


class Asked(NamedTuple):
    """A page to be given: filters as the store takes them (with `before` from the cursor), size, content or not."""

    wanted: dict[str, Any]
    limit: int
    with_content: bool


def asked(query: Mapping[str, str], filters: Mapping[str, Filter]) -> Asked:
    """What a query asks for. Raises Invalid naming each member that is unknown or cannot be used."""
    known = {**filters, "limit": _limit, "cursor": _cursor, "include": str}
    faults = [Fault(f"?{name}", "unknown-field", f"one of {', '.join(known)}") for name in query if name not in known]
    wanted: dict[str, Any] = {}
    for name, filter_ in known.items():
        if name in query:
            wanted[name] = _value(filter_, query[name])
            if wanted[name] is None:
                faults.append(Fault(f"?{name}", "invalid", _right(name, filter_)))
    if faults:
        raise Invalid(faults=faults)
    wanted.pop("include", None)
    limit = wanted.pop("limit", PAGE)
    if "cursor" in wanted:
        wanted["before"] = wanted.pop("cursor")
    return Asked(wanted, limit, with_content(query))


def page(query: Mapping[str, str]) -> Page:
    """The page a query asks for, of a list that has nothing else to ask for. Raises Invalid as `asked` does."""
    wanted, limit, _ = asked(query, {})
    return Page(wanted.get("before", LAST), limit)


def with_content(query: Mapping[str, str]) -> bool:
    """Whether the query asks for what is sealed too."""
    return "content" in query.get("include", "").split(",")


def cut(rows: Sequence[Row], limit: int, number: Callable[[Row], int]) -> tuple[list[Row], str | None]:
    """A page out of up to `limit` + 1 rows, and the cursor of the next one. `number`: a row's id in the store."""
    page = list(rows[:limit])
    return page, cursor(number(page[-1])) if len(rows) > limit else None


def cursor(row: int) -> str:
    """The mark of a row, to go on from."""
    return ids.public("cur", row.to_bytes(16))


def _value(filter_: Filter, text: str) -> Any:
    if isinstance(filter_, Collection):
        return text if text in filter_ else None
    return filter_(text)


def _right(name: str, filter_: Filter) -> str:
    if isinstance(filter_, Collection):
        return f"one of {', '.join(filter_)}"
    return f"1 to {LARGEST_PAGE}" if name == "limit" else f"not a usable {name}"


def _limit(text: str) -> int | None:
    number = int(text[:6]) if text.isascii() and text.isdigit() else 0
    return number if 1 <= number <= LARGEST_PAGE else None


def _cursor(text: str) -> int | None:
    raw = ids.parse("cur", text)
    return int.from_bytes(raw) if raw and raw[:8] == b"\0" * 8 else None
