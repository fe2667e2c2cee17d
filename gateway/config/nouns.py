"""Types in words: what a key takes, said behind "must be"."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from gateway.config.faults import suggestion
from gateway.config.values import Kind

NOUNS = (
    (bool, "true or false"), (int, "a whole number"), (float, "a number"), (str, "text"), (dict, "a table"),
    (list, "a list"), (tuple, "a list"), (Mapping, "a table"), (date, "a date"), (time, "a time"),
)  # fmt: skip

BOUNDS = {
    "ge": "of at least", "gt": "greater than", "le": "of at most", "lt": "less than", "min_length": "no shorter than",
    "max_length": "no longer than", "pattern": "matching",
}  # fmt: skip


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


def kind_of(type_: Any) -> Kind | None:
    """How values of a type are written, where they are more than their plain type."""
    return next((hint for hint in bared(type_)[1] if isinstance(hint, Kind)), None)


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
    bare, _ = bared(type_)
    return bare is str or get_origin(bare) is Literal or kind_of(type_) is not None


def words(type_: Any) -> str:
    """What a type takes, in words behind "must be"."""
    bare, hints = bared(type_)
    if (kind := kind_of(type_)) is not None:
        return kind.words + bounds(hints, kind.writes)
    origin, inner = get_origin(bare), get_args(bare)
    if origin is Literal:
        return choice([quoted(value) for value in inner])
    if origin in (Union, UnionType):
        return " or ".join(words(one) for one in some(inner))
    if origin in (list, tuple):
        filled = any(isinstance(hint, Meta) and hint.min_length for hint in hints)
        return f"a list{' that is not empty' if filled else ''}, each item {words(inner[0])}"
    return noun(origin or bare) + bounds(hints)


def noun(type_: Any) -> str:
    """A type in words, such as "a whole number"."""
    if is_struct(type_):
        return "a table"
    return next((name for one, name in NOUNS if isinstance(type_, type) and issubclass(type_, one)), "any value")


def bounds(hints: Iterable[Any], writes: Callable[[Any], str] = str) -> str:
    """` from 1 to 8`, or as much of it as is said."""
    metas = [hint for hint in hints if isinstance(hint, Meta)]
    said = {name: getattr(meta, name) for meta in metas for name in BOUNDS if getattr(meta, name) is not None}
    if "ge" in said and "le" in said:
        return f" from {writes(said['ge'])} to {writes(said['le'])}"
    return " and".join(f" {BOUNDS[name]} {writes(value)}" for name, value in said.items())


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
