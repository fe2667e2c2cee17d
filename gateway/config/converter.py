"""Turns a table as it was written into a struct and finds every fault on the way, each at its own key. msgspec, which
stops at the first one and knows no kinds, is asked value by value.
"""

import tomllib
from collections.abc import Callable
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct, structs

from gateway.config.faults import Code, ConfigFault, Path, suggestion
from gateway.config.nouns import accepts_text, bared, is_mapping, is_struct, kind_of, near_choice, noun, quoted, words
from gateway.config.secret import is_secret
from gateway.config.values import Hint, Kind

Place = Callable[[Code, Path, str], ConfigFault]
"""Makes a fault out of its code, path and detail: whoever has the text knows the line."""


class FromVariable(str):
    """A value out of the environment: what its place takes decides whether it is text, a number or a list."""

    __slots__ = ()


def convert(place: Place, path: Path, raw: Any, type_: Any) -> tuple[Any, list[ConfigFault]]:
    """The value of `type_` that was written at `path`, and no faults; or None, and every fault."""
    reader = Reader(place)
    plain = reader.read(path, raw, type_)
    if not reader.faults:
        try:
            return msgspec.convert(plain, type_), []
        except msgspec.ValidationError as error:  # what a struct finds out only as a whole
            reader.faults.append(place("wrong-value", path, str(error).partition(" - at `")[0]))
    return None, reader.faults


class Reader:
    """Reads values into plain ones that msgspec takes, gathering faults instead of stopping."""

    def __init__(self, place: Place):
        self._place = place
        self.faults: list[ConfigFault] = []

    def read(self, path: Path, raw: Any, type_: Any) -> Any:
        """The plain value; where there is a fault, whatever is at hand."""
        if isinstance(raw, FromVariable):
            return self._variable(path, raw, type_)
        if (kind := kind_of(type_)) is not None:
            return self._kind(path, raw, kind, type_)
        bare, _ = bared(type_)
        if is_struct(bare) and isinstance(raw, dict):
            return self._struct(path, raw, bare)
        origin, inner = get_origin(bare) or bare, get_args(bare)
        before = len(self.faults)
        if isinstance(raw, list) and origin in (list, tuple) and len({*inner} - {...}) == 1:
            raw = [self.read((*path, number), item, inner[0]) for number, item in enumerate(raw)]
        elif isinstance(raw, dict) and (origin is Any or is_mapping(origin)):
            names, values = inner or (str, Any)
            raw = {self._key((*path, key), key, names): self.read((*path, key), raw[key], values) for key in raw}
        if len(self.faults) == before:
            self._ask(path, raw, type_)
        return raw

    def _variable(self, path: Path, text: FromVariable, type_: Any) -> Any:
        """A variable's text as TOML where its place takes what that gives, else as it stands."""
        try:
            (value,) = tomllib.loads(f"value = {text}").values()
        except (ValueError, RecursionError):  # no TOML, or more than one value
            return self.read(path, str(text), type_)
        attempt = Reader(self._place)
        plain = attempt.read(path, value, type_)
        if not attempt.faults:
            return plain
        return self.read(path, str(text) if accepts_text(type_) else value, type_)

    def _kind(self, path: Path, raw: Any, kind: Kind, type_: Any) -> Any:
        """A value that is written as text; the type may bound it further."""
        if not isinstance(raw, str):
            self._wrong_type(path, raw, words(type_))
            return raw
        try:
            return msgspec.convert(kind.read(raw), type_)
        except ValueError as error:  # msgspec's is one too
            hint = f"; {error}" if isinstance(error, Hint) else ""
            self._fault("wrong-value", path, f"must be {words(type_)}{hint}")
            return raw

    def _key(self, path: Path, key: str, type_: Any) -> str:
        """The name of a table within a table."""
        kind = kind_of(type_)
        return self._kind(path, key, kind, type_) if kind else key

    def _struct(self, path: Path, raw: dict[str, Any], struct: type[Struct]) -> dict[str, Any]:
        fields = {one.encode_name: one for one in structs.fields(struct)}
        for key, value in raw.items():
            # A secret written down is a fault of its own.
            if key not in fields and (isinstance(value, dict) or not is_secret(key)):
                self._fault("unknown-key", (*path, key), suggestion(key, fields))
        for name, one in fields.items():
            if one.required and name not in raw:
                self._fault("missing-key", (*path, name), f"must be given: {words(one.type)}")
        return {key: self.read((*path, key), raw[key], fields[key].type) for key in raw if key in fields}

    def _ask(self, path: Path, raw: Any, type_: Any) -> None:
        """What msgspec says of one value."""
        try:
            msgspec.convert(raw, type_)
        except msgspec.ValidationError as error:
            if ", got `" in str(error):
                self._wrong_type(path, raw, words(type_))
            else:
                self._fault("wrong-value", path, f"must be {words(type_)}{near_choice(raw, type_)}")

    def _wrong_type(self, path: Path, raw: Any, wanted: str) -> None:
        found = quoted(raw) if isinstance(raw, bool) else noun(type(raw))
        self._fault("wrong-type", path, f"must be {wanted}, not {found}")

    def _fault(self, code: Code, path: Path, detail: str) -> None:
        self.faults.append(self._place(code, path, detail))
