"""Turns a table as it was written into a struct and finds every fault on the way, each at its own key. msgspec, which
stops at the first one and knows no kinds, is asked value by value.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, structs

from gateway.config.faults import ConfigFault, Path, suggestion
from gateway.config.secret import is_secret
from gateway.config.values import Hint, Kind

Place = Callable[[str, Path, str], ConfigFault]
"""Makes a fault out of its code, path and detail: whoever has the text knows the line."""

NOUNS = (
    (bool, "true or false"), (int, "a whole number"), (float, "a number"), (str, "text"), (dict, "a table"),
    (list, "a list"), (tuple, "a list"), (Mapping, "a table"), (date, "a date"), (time, "a time"),
)  # fmt: skip


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
        bare, hints = bared(type_)
        kind = next((hint for hint in hints if isinstance(hint, Kind)), None)
        if kind is not None:
            return self._kind(path, raw, kind)
        if is_struct(bare) and isinstance(raw, dict):
            return self._struct(path, raw, bare)
        origin, inner = get_origin(bare) or bare, get_args(bare)
        before = len(self.faults)
        if inner and isinstance(raw, list) and origin in (list, tuple):
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
            value = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            return self.read(path, str(text), type_)
        attempt = Reader(self._place)
        plain = attempt.read(path, value, type_)
        if not attempt.faults:
            return plain
        return self.read(path, str(text) if accepts_text(type_) else value, type_)

    def _kind(self, path: Path, raw: Any, kind: Kind) -> Any:
        if not isinstance(raw, str):
            self._wrong_type(path, raw, kind.words)
            return raw
        try:
            return kind.read(raw)
        except ValueError as error:
            hint = f"; {error}" if isinstance(error, Hint) else ""
            self._fault("wrong-value", path, f"must be {kind.words}{hint}")
            return raw

    def _key(self, path: Path, key: str, type_: Any) -> str:
        """The name of a table within a table."""
        kind = next((hint for hint in bared(type_)[1] if isinstance(hint, Kind)), None)
        return self._kind(path, key, kind._replace(words=f"named with {kind.words}")) if kind else key

    def _struct(self, path: Path, raw: dict[str, Any], struct: type[Struct]) -> dict[str, Any]:
        fields = {one.encode_name: one for one in structs.fields(struct)}
        for key in raw:
            if key not in fields and not is_secret(key):  # a secret is a fault of its own
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
        self._fault(
            "wrong-type", path, f"must be {wanted}, not {quoted(raw) if isinstance(raw, bool) else noun(type(raw))}"
        )

    def _fault(self, code: str, path: Path, detail: str) -> None:
        self.faults.append(self._place(code, path, detail))


# -- types ------------------------------------------------------------------------------------------------------------


def bared(type_: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its annotations and without None, and the annotations."""
    hints: tuple[Any, ...] = ()
    while True:
        if get_origin(type_) is Annotated:
            type_, *more = get_args(type_)
            hints += tuple(more)
        elif get_origin(type_) in (Union, UnionType) and len(rest := some(get_args(type_))) == 1:
            type_ = rest[0]
        else:
            return type_, hints


def some(types: Iterable[Any]) -> list[Any]:
    """Types without None."""
    return [one for one in types if one is not NoneType]


def is_struct(type_: Any) -> bool:
    """Whether a bare type is a struct."""
    return isinstance(type_, type) and issubclass(type_, Struct)


def is_mapping(type_: Any) -> bool:
    """Whether a bare type, or the origin of one, is a mapping."""
    return isinstance(type_, type) and issubclass(type_, Mapping)


def accepts_text(type_: Any) -> bool:
    """Whether a value of this type is written as text."""
    bare, hints = bared(type_)
    return bare is str or get_origin(bare) is Literal or any(isinstance(hint, Kind) for hint in hints)


def words(type_: Any) -> str:
    """What a type takes, in words behind "must be"."""
    bare, hints = bared(type_)
    kind = next((hint for hint in hints if isinstance(hint, Kind)), None)
    if kind is not None:
        return kind.words
    origin, inner = get_origin(bare), get_args(bare)
    if origin is Literal:
        return choice([quoted(value) for value in inner])
    if origin in (Union, UnionType):
        return " or ".join(words(one) for one in some(inner))
    if origin in (list, tuple):
        return f"a list, each item {words(inner[0])}"
    return noun(origin or bare) + bounds(hints)


def noun(type_: Any) -> str:
    """A type in words, such as "a whole number"."""
    if is_struct(type_):
        return "a table"
    return next((name for one, name in NOUNS if isinstance(type_, type) and issubclass(type_, one)), "any value")


def bounds(hints: Iterable[Any]) -> str:
    """` from 1 to 8`, or as much of it as is said."""
    metas = [hint for hint in hints if isinstance(hint, Meta)]
    least = next((meta.ge for meta in metas if meta.ge is not None), None)
    most = next((meta.le for meta in metas if meta.le is not None), None)
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return f" of at least {least}" if least is not None else f" of at most {most}" if most is not None else ""


def near_choice(raw: Any, type_: Any) -> str:
    """`; did you mean "sms"?` where one of several words is wanted."""
    bare, _ = bared(type_)
    if get_origin(bare) is not Literal or not isinstance(raw, str):
        return ""
    hint = suggestion(raw, map(str, get_args(bare)))
    return f"; {hint}" if hint.startswith("did") else ""


def choice(names: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def quoted(value: Any) -> str:
    """A value as TOML has it."""
    return msgspec.json.encode(value).decode()
