"""Lists, page by page: what a query asks for, and the cursor that goes on where a page ended.

A cursor is the row the page ended with, so whatever is added meanwhile moves nothing from one page to another.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, structs

from gateway import ids
from gateway.clock import milliseconds

PAGE, LARGEST_PAGE = 50, 200
LAST = (1 << 63) - 1
"""Above every row."""
IDS = {"guest": "gst", "batch": "bat"}
"""Filters that name a thing by its public id."""
NO_FILTERS = ("limit", "cursor", "include")
Cursor = Annotated[
    str, Meta(pattern="^cur_0{13}[0-7][0-9a-hjkmnp-tv-z]{12}$", description="The next_cursor of the page before")
]
Row = TypeVar("Row")


class PageQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list. What a subclass adds are filters, and `include` where there is content to ask for."""

    limit: Annotated[int, Meta(ge=1, le=LARGEST_PAGE, description="How many, at most")] = PAGE
    cursor: Cursor | None = None

    @property
    def before(self) -> int:
        """The row that the page lies below."""
        raw = ids.parse("cur", self.cursor) if self.cursor else None
        return int.from_bytes(raw) if raw else LAST

    @property
    def wanted(self) -> dict[str, Any]:
        """The filters as the store takes them, by their names in the query: moments in milliseconds, ids as bytes."""
        said = {field.encode_name: getattr(self, field.name) for field in structs.fields(self)}
        filters = {name: _stored(name, value) for name, value in said.items() if name not in NO_FILTERS}
        return {name: value for name, value in filters.items() if value is not None} | {"before": self.before}


def _stored(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return milliseconds(value)
    return ids.parse(IDS[name], value) if name in IDS and value is not None else value


def cut(rows: Sequence[Row], limit: int, number: Callable[[Row], int]) -> tuple[list[Row], str | None]:
    """A page out of up to `limit` + 1 rows, and the cursor of the next one. `number`: a row's id in the store."""
    page = list(rows[:limit])
    return page, cursor(number(page[-1])) if len(rows) > limit else None


def cursor(row: int) -> str:
    """The mark of a row, to go on from."""
    return ids.public("cur", row.to_bytes(16))
