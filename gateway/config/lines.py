"""On which line of a TOML file each value stands. Python's reader gives values without lines, so this walks the text a
second time, for the places alone. It trusts that the text has been read without an error before.
"""

import re
import tomllib
from collections.abc import Iterator

from gateway.config.faults import Path

TOKEN = re.compile(
    r'''
      """(?: \\. | [^\\] )*? "{3,5}    # text over several lines; up to two quotes may stand before the closing three
    | \'\'\' .*? '{3,5}
    | " (?: \\. | [^"\\] )* "
    | ' [^']* '
    | \# [^\n]*
    | [\n\[\]{},=.]
    | [^\s\[\]{},=.\#"']+
    ''',
    re.VERBOSE | re.DOTALL,
)


def lines(text: str) -> dict[Path, int]:
    """The line, from 1, of every table, key and list item. A table without a header stands where it is first named."""
    return Walk(text).lines


class Walk:
    """One walk through a text, token by token."""

    def __init__(self, text: str):
        self.lines: dict[Path, int] = {}
        self._count: dict[Path, int] = {}
        """How many tables an array of tables has so far."""
        self._tokens = self._read(text)
        self._token, self._line = "", 0
        self._step()
        table: Path = ()
        while self._token:
            if self._token == "[":
                table = self._header()
            elif self._token == "\n":
                self._step()
            else:
                self._pair(table)

    def _read(self, text: str) -> Iterator[tuple[str, int]]:
        line, seen = 1, 0
        for found in TOKEN.finditer(text):
            line += text.count("\n", seen, found.start())
            seen = found.start()
            if found[0][0] != "#":
                yield found[0], line

    def _step(self) -> str:
        """The token at hand; the next one takes its place, "" at the end."""
        before = self._token
        self._token, self._line = next(self._tokens, ("", 0))
        return before

    def _skip(self, *those: str) -> None:
        while self._token in those:
            self._step()

    def _mark(self, path: Path) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self._line)

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path of the table it opens."""
        self._step()
        repeated = self._token == "["
        self._skip("[")
        path: Path = ()
        for name in self._names():
            path += (name,)
            if path in self._count and not (repeated and self._token == "]"):
                path += (self._count[path] - 1,)
        if repeated:
            path = self._another(path)
        self._mark(path)
        self._skip("]")
        return path

    def _another(self, path: Path) -> Path:
        """One more table of an array of tables."""
        self._mark(path)
        number = self._count.get(path, 0)
        self._count[path] = number + 1
        return (*path, number)

    def _names(self) -> Iterator[str]:
        """The parts of a dotted key."""
        while self._token not in ("]", "=", ""):
            name = self._step()
            if name != ".":
                yield next(iter(tomllib.loads(f"{name}=0"))) if name[0] in "\"'" else name

    def _pair(self, table: Path) -> None:
        line = self._line
        path = table + tuple(self._names())
        self._step()
        for length in range(len(table) + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._token == "[":
            self._list(path)
        elif self._token == "{":
            self._inline(path)
        else:
            while self._token not in ("\n", ",", "]", "}", ""):
                self._step()

    def _list(self, path: Path) -> None:
        self._step()
        number = 0
        self._skip("\n", ",")
        while self._token != "]":
            self._mark((*path, number))
            self._value((*path, number))
            number += 1
            self._skip("\n", ",")
        self._step()

    def _inline(self, path: Path) -> None:
        self._step()
        self._skip("\n", ",")
        while self._token != "}":
            self._pair(path)
            self._skip("\n", ",")
        self._step()
