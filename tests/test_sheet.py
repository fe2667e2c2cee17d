"""Tables: what is written is read back as it was, whatever is in the cells and whatever it is written in."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid, TooLarge, WrongEncoding
from gateway.sheet import Sheet, write

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")).map(str.strip)
ROWS = st.lists(st.tuples(CELLS, CELLS).filter(any), max_size=8)


@given(ROWS)
def test_what_is_written_is_read_back(rows):
    """Every cell comes back, formula or not, and none of them would compute in between."""
    raw = write([("one", "two"), *rows])
    assert [tuple(cells) for _, cells in Sheet(raw, "utf-8").rows()] == rows
    written = list(csv.reader(io.StringIO(raw.decode(), newline="")))
    assert not [cell for row in written for cell in row if cell[:1] in set("=+-@")]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw):
    """Never another error than those a caller can act on, and what was read once is read the same again."""
    try:
        sheet = Sheet(raw)
        rows = list(sheet.rows())
    except (Invalid, TooLarge, WrongEncoding):
        return
    assert list(sheet.rows()) == rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_numbered_as_an_editor_does(end):
    """By the line a row begins on, whatever ends it, with empty lines and cells over several lines counted."""
    text = end.join(["a,b", "1,2", "", '"x', 'y",3', "4,5"])
    assert [line for line, _ in Sheet(text.encode()).rows()] == [2, 4, 6]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_found(delimiter):
    """In the first line; the cells may hold the others."""
    sheet = Sheet(f"a{delimiter}b{delimiter}c\n1{delimiter}x y{delimiter}3\n".encode())
    assert (sheet.delimiter, list(sheet.rows())) == (delimiter, [(2, ["1", "x y", "3"])])
