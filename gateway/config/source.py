"""What was written, and where: the file, the variables over it, and the built-in tables under it."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any

from gateway.config.converter import FromVariable
from gateway.config.faults import Code, ConfigFault, ConfigFaults, Path, dotted
from gateway.config.lines import lines
from gateway.config.secret import is_secret
from gateway.config.sections import LIMITS, PROVIDERS

PREFIX = "GATEWAY__"
LARGEST = 1 << 20
POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
DEEPEST = 32


class Source:
    """A whole configuration as it was written. `tree` is the merged tables, nothing in it checked yet."""

    def __init__(self, file: File | None, environ: Mapping[str, str]):
        self.file = file.name if file else "config.toml"
        self.tree: dict[str, Any] = {}
        self._lines: dict[Path, int] = {}
        self._variables: dict[Path, str] = {}
        self.faults: list[ConfigFault] = []
        """What is wrong before any value is looked at."""
        if file is not None:
            self._read(file)
        self._under("limits", {name: dict(table) for name, table in LIMITS.items()})
        self._overlay(environ)
        self.tree.setdefault("providers", {name: dict(table) for name, table in PROVIDERS.items()})

    # -- where --------------------------------------------------------------------------------------------------------

    def origin(self, path: Path) -> tuple[str, int | None]:
        """The file and line, or the variable, that a value or else the nearest table around it comes from."""
        for length in range(len(path), 0, -1):
            part = path[:length]
            if part in self._variables:
                return self._variables[part], None
            if part in self._lines:
                return self.file, self._lines[part]
            within = next((name for other, name in self._variables.items() if other[:length] == part), None)
            if within:
                return within, None
        return self.file, None

    def wrote(self, path: Path) -> str:
        """Where a value comes from in words: `config.toml:12`, a variable's name, or `default`."""
        if path in self._variables:
            return self._variables[path]
        return f"{self.file}:{self._lines[path]}" if path in self._lines else "default"

    def fault(self, code: Code, path: Path, detail: str) -> ConfigFault:
        """A fault at a path, with file and line."""
        return ConfigFault(*self.origin(path), code, dotted(path), detail)

    def inline_secrets(self) -> Iterator[ConfigFault]:
        """Secrets that are written down where everybody who reads the file sees them."""
        for path, _ in leaves(self.tree):
            key = path[-1]
            if isinstance(key, str) and is_secret(key):
                yield self.fault("inline-secret", path, f"put it into a file of its own and name that in {key}_file")

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self, file: File) -> None:
        text = self._text(file)
        try:
            self.tree = tomllib.loads(text)
            self._lines = lines(text)
        except RecursionError:
            raise self._broken(None, "toml", "tables or lists are nested too deeply") from None
        except ValueError as error:
            raise self._syntax(text, str(error)) from None
        deepest = max(self._lines, key=len, default=())
        if len(deepest) > DEEPEST:
            raise self._broken(self._lines[deepest], "toml", "tables or lists are nested too deeply")
        anchor(self.tree, file.parent.absolute())

    def _text(self, file: File) -> str:
        """The file's text. Raises ConfigFaults for whatever is not a text of a reasonable size."""
        try:
            with file.open("rb") as opened:
                data = opened.read(LARGEST + 1)
        except IsADirectoryError:
            raise self._broken(None, "unreadable", "is a folder; name the file in it") from None
        except OSError as error:
            raise self._broken(None, "unreadable", f"cannot be read ({error.strerror})") from None
        if len(data) > LARGEST:
            raise self._broken(None, "too-large", "is larger than 1 MiB, which no configuration is")
        if data.startswith(b"\xef\xbb\xbf"):
            raise self._broken(1, "encoding", "begins with a byte order mark; save it as UTF-8 without one")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self._broken(line, "encoding", "is not UTF-8 from here on; save it as UTF-8") from None

    def _syntax(self, text: str, message: str) -> ConfigFaults:
        """The reader's complaint with its place apart."""
        place = POSITION.search(message)
        if place is None:  # Python's own limit for a number's digits
            return self._broken(None, "toml", "has a number with too many digits")
        what = message[: place.start()]
        if place[1]:
            return self._broken(int(place[1]), "toml", f"{what}, at column {place[2]}")
        return self._broken(text.rstrip().count("\n") + 1, "toml", f"{what}, at the end of the file")

    def _broken(self, line: int | None, code: Code, detail: str) -> ConfigFaults:
        return ConfigFaults([ConfigFault(self.file, line, code, "", detail)])

    def _under(self, section: str, tables: dict[str, Any]) -> None:
        """Put built-in tables under a section. A table of the same name replaces one; to switch it off is enough."""
        said = self.tree.setdefault(section, {})
        if not isinstance(said, dict):
            return
        for name, table in tables.items():
            mine = said.get(name)
            if mine is None:
                said[name] = table
            elif isinstance(mine, dict) and mine.get("enabled") is False:
                said[name] = table | mine

    def _overlay(self, environ: Mapping[str, str]) -> None:
        """Put the variables over the tables."""
        for name in sorted(one for one in environ if one.startswith(PREFIX)):
            path = tuple(name[len(PREFIX) :].lower().split("__"))
            if not is_utf8(name + environ[name]):
                shown = name.encode(errors="backslashreplace").decode()
                self.faults.append(ConfigFault(shown, None, "encoding", "", "is not UTF-8; set it in UTF-8"))
            elif len(path) > DEEPEST:
                self.faults.append(ConfigFault(name, None, "unknown-key", "", "names tables nested too deeply"))
            else:
                self._variables[path] = name
                self._set(path, FromVariable(environ[name]))

    def _set(self, path: tuple[str, ...], value: FromVariable) -> None:
        table: Any = self.tree
        for key in path[:-1]:
            if not isinstance(table.get(key), dict):
                if key in table:
                    self.faults.append(self.fault("unknown-key", path, f"{key} is a value and holds no keys"))
                    return
                table[key] = {}
            table = table[key]
        table[path[-1]] = value


def is_utf8(text: str) -> bool:
    """Whether a text out of the environment was UTF-8; Python lets other bytes through as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is not a table, with its path; lists both as a whole and item by item."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
        return
    yield path, tree
    if isinstance(tree, list):
        for number, item in enumerate(tree):
            yield from leaves(item, (*path, number))


def anchor(tree: dict[str, Any], folder: File) -> None:
    """Let the paths in a tree begin in the folder of config.toml where they are not absolute."""
    for key, value in tree.items():
        if isinstance(value, dict):
            anchor(value, folder)
        elif key.endswith("_file") and isinstance(value, str) and value:
            tree[key] = str(folder / value)
        elif (key, type(value)) == ("paths", list):
            tree[key] = [str(folder / item) if isinstance(item, str) else item for item in value]
