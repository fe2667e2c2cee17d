"""Tables as files (CSV, RFC 4180): read whatever a spreadsheet writes, and written so that a spreadsheet runs nothing.

A cell that begins like a formula gets a `'` in front when it is written (OWASP ASVS 5.0, V1.2.10) and loses one when it
is read, so what is written comes back as it was.
"""

import codecs
import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from msgspec import Struct, field

from gateway.errors import Fault, Invalid, TooLarge, WrongEncoding

LARGEST = 32 << 20
ADDRESSES = {"email", "phone"}
MOST_COLUMNS, MOST_ROWS = 100, 100_000
LONGEST_LINE = 1 << 20
MOST_LINES = 1000
"""How many lines a report names."""
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NAMED = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "utf-16": "utf-16", "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be", "iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252",
}  # fmt: skip
"""What a Content-Type may say, and how it is read. Latin-1 is read as windows-1252, as browsers do."""
TOLD = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16", "cp1252": "windows-1252"}
DELIMITERS = (",", ";", "\t", "|")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n\0]")


class Line(Struct, frozen=True):
    """Something about a line of a file; `column` is one of ours, where one is at fault."""

    line: int
    code: str
    column: str | None = None


class Reading(Struct, kw_only=True):
    """How a file was read: what it is written in (and whether that is only a guess), which of its columns (from 1) is
    which of ours, which were passed over; and what of its lines cannot be used, the first thousand by name."""

    encoding: str
    guessed: bool
    delimiter: str
    columns: dict[str, int]
    ignored_columns: list[int]
    rows: int = 0
    faulty: int = 0
    lines: list[Line] = field(default_factory=list)
    lines_left_out: int = 0

    @classmethod
    def of(cls, sheet: "Sheet", columns: Mapping[str, int], **more: Any) -> Self:
        """The report of a sheet whose columns were found at these places; no line has been read yet."""
        return cls(
            encoding=sheet.encoding,
            guessed=sheet.guessed,
            delimiter=sheet.delimiter,
            columns={name: at + 1 for name, at in columns.items()},
            ignored_columns=[at + 1 for at in range(len(sheet.header)) if at not in columns.values()],
            **more,
        )

    def fault(self, faults: Sequence[Line]) -> None:
        """Count a line that cannot be used, and note all that is wrong with it."""
        self.faulty += 1
        for fault in faults:
            self.note(fault)

    def note(self, line: Line) -> None:
        """Name a line, as long as there are not too many of them."""
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)
        else:
            self.lines_left_out += 1


class Sheet:
    """A table that was sent. Reading it takes time and is done off the loop; `rows` may be asked for more than once."""

    def __init__(self, raw: bytes, charset: str | None = None):
        """Raises WrongEncoding for a charset that is not known, Invalid for bytes that are not in it or for no header,
        TooLarge for too many columns."""
        self._raw = raw
        self.codec, self.guessed = _codec(raw, charset)
        self.encoding = TOLD.get(self.codec, self.codec)
        with self._text() as text:
            head = text.readline(LONGEST_LINE)
        self.delimiter = max(DELIMITERS, key=head.count)
        _, header = next(self._records(), (0, None))
        self.header = [cell.strip() for cell in header or ()]
        if not any(self.header):
            raise Invalid(faults=[Fault("", "no-header", "a first line with the names of the columns")])
        if len(self.header) > MOST_COLUMNS:
            raise TooLarge(f"A table may have {MOST_COLUMNS} columns.")

    def rows(self) -> Iterator[tuple[int, list[str] | None]]:
        """Each row with the number of the line it begins on; None for one that cannot be read: its quotes are not
        right, a cell is too long, or it has more or fewer cells than the header. Empty ones are passed over. Raises
        TooLarge."""
        records = self._records()
        next(records)
        count = 0
        for line, cells in records:
            if cells is not None and not any(map(str.strip, cells)):
                continue
            count += 1
            if count > MOST_ROWS:
                raise TooLarge(f"A table may have {MOST_ROWS:,} rows.")
            good = cells is not None and len(cells) == len(self.header)
            yield line, [plain(cell) for cell in cells or ()] if good else None

    def _records(self) -> Iterator[tuple[int, list[str] | None]]:
        with self._text() as text:
            reader = csv.reader(_lines(text), delimiter=self.delimiter, strict=True)
            while True:
                line = reader.line_num + 1
                try:
                    yield line, next(reader)
                except csv.Error:
                    yield line, None
                except StopIteration:
                    return

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(self._raw), self.codec, newline="")


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise TooLarge(f"A line may have {LONGEST_LINE:,} characters.")
        yield line


def _codec(raw: bytes, charset: str | None) -> tuple[str, bool]:
    """In which encoding these bytes are, and whether that is a guess: nobody said so and no mark shows it."""
    marked = next((codec for bom, codec in BOMS if raw.startswith(bom)), None)
    if charset is not None and charset.lower() not in NAMED:
        raise WrongEncoding("A table is in UTF-8, UTF-16, ISO-8859-1 or windows-1252.")
    said = marked or (NAMED[charset.lower()] if charset else None)
    for codec in [said] if said else _likely(raw):
        if _fits(raw, codec):
            return codec, said is None
    raise Invalid(faults=[Fault("", "encoding", "text in one encoding from beginning to end")])


def _likely(raw: bytes) -> Sequence[str]:
    """The encodings to try. Latin letters in UTF-16 have a zero beside each of them."""
    odd, even = raw[1:400:2].count(0), raw[0:400:2].count(0)
    if max(odd, even) * 3 > len(raw[:400]):
        return ("utf-16-le",) if odd > even else ("utf-16-be",)
    return ("utf-8", "cp1252")


def _fits(raw: bytes, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for at in range(0, len(raw), 1 << 16):
            decoder.decode(raw[at : at + (1 << 16)])
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def columns(sheet: Sheet, known: Sequence[str], named: Mapping[str, str]) -> dict[str, int]:
    """Which of the `known` columns is where in a sheet: by its own name, or by the one that `named` gives. Raises
    Invalid for a name the header does not have, or has twice, and for a sheet that has no addresses."""
    header = [_alike(name) for name in sheet.header]
    found, faults = {}, []
    for column in known:
        name = _alike(named.get(column, column))
        if header.count(name) > 1:
            faults.append(Fault(f"?{column}", "column-twice", "a name that is in the header once"))
        elif name in header:
            found[column] = header.index(name)
        elif column in named:
            faults.append(Fault(f"?{column}", "unknown-column", "a name that is in the header"))
    if not faults and not found.keys() & ADDRESSES:
        faults.append(Fault("", "no-address-column", "a column called email or phone"))
    if faults:
        raise Invalid(faults=faults)
    return found


def _alike(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.casefold())


def plain(cell: str) -> str:
    """A cell as it was before it was written."""
    text = cell.strip()
    return text[1:] if _ESCAPED.match(text) else text


def safe(cell: str) -> str:
    """A cell as it is written: text, even where a spreadsheet would rather compute."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


async def slices(
    head: Sequence[str],
    read: Callable[[dict[str, Any]], Awaitable[tuple[Sequence[Sequence[str]], int | None]]],
    wanted: dict[str, Any],
) -> AsyncIterator[bytes]:
    """A long table, piece by piece: UTF-8 with the mark by which spreadsheets know it. `read` gives the next rows and
    the one to go on `before`, None at the end."""
    yield codecs.BOM_UTF8 + write([head])
    while True:
        rows, last = await read(wanted)
        if last is None:
            return
        yield write(rows)
        wanted = wanted | {"before": last}


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows([[safe(cell) for cell in row] for row in rows])
    return text.getvalue().encode()
