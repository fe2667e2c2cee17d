"""What is wrong with a configuration, said so that an administrator can mend it without asking anybody."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from msgspec import json

from gateway.errors import NotUsable

Path = tuple[str | int, ...]
"""Where a value stands: `("providers", "main", "port")`; a number is a place in a list."""

Code = Literal[
    "unknown-key", "missing-key", "wrong-type", "wrong-value", "inline-secret", "unknown-plugin", "toml", "encoding",
    "too-large", "unreadable", "unusable-secret", "open-secret", "open-egress", "faint-colour",
]  # fmt: skip
"""What kind of fault; the last three are warnings."""

BARE = re.compile(r"[A-Za-z0-9_<>-]+")


class ConfigFault(NamedTuple):
    """One thing wrong. `file` is the file's name, or the variable's where the environment is at fault (then there is no
    line, as for a fault of the whole file). `detail` says what would be right."""

    file: str
    line: int | None
    code: Code
    path: str
    detail: str

    def __str__(self) -> str:
        return self.line_of("error")

    def line_of(self, weight: str) -> str:
        """The line people read; `weight` is error or warning."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        what = f"{self.path} — {self.detail}" if self.path else self.detail
        return f"{where}: {weight}[{self.code}]: {what}"


class ConfigFaults(NotUsable):
    """The configuration cannot be used; `found` is everything that is wrong with it."""

    def __init__(self, found: Sequence[ConfigFault]):
        self.found = tuple(sorted(found, key=lambda fault: (fault.line or 0, fault.path)))
        count = "one fault" if len(self.found) == 1 else f"{len(self.found)} faults"
        super().__init__(f"the configuration has {count}", "mend what is listed, then try again")

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *map(str, self.found)])


def dotted(path: Path) -> str:
    """A path as people write it: `limits.send.endpoints[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if BARE.fullmatch(part) else json.encode(part).decode()
            text += f".{name}" if text else name
    return text


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """`did you mean "port"?`, or what there is to choose from where nothing comes near."""
    names = list(known)
    near = difflib.get_close_matches(wrong, names, 1)
    return f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(names) or 'nothing'}"
