"""Lists by pages, newest first: how large a page may be, and the mark that the next one begins at."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from gateway import ids

LARGEST_PAGE = 200
LAST = (1 << 63) - 1
"""Above every row."""
Cursor = Annotated[
    str, Meta(pattern="^cur_0{13}[0-7][0-9a-hjkmnp-tv-z]{12}$", description="The next_cursor of the page before")
]
Row = TypeVar("Row")


class PageQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list."""

    limit: Annotated[int, Meta(ge=1, le=LARGEST_PAGE, description="How many, at most")] = 50
    cursor: Cursor | None = None

    @property
    def before(self) -> int:
        """The row that the page lies below."""
        raw = ids.parse("cur", self.cursor) if self.cursor else None
        return int.from_bytes(raw) if raw else LAST


def cut(rows: Sequence[Row], limit: int, number: Callable[[Row], int]) -> tuple[list[Row], str | None]:
    """A page out of up to `limit` + 1 rows, and the mark of the next one. `number`: a row's id in the store."""
    page = list(rows[:limit])
    more = len(rows) > limit
    return page, ids.public("cur", number(page[-1]).to_bytes(16)) if more else None
