"""What is wrong with a document: all of it at once, each fault with its JSON pointer (RFC 6901) and, in words made from
the types, with what would be right.
"""

import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Raw, Struct, inspect

from gateway.errors import Fault, Invalid, UnknownField

MOST = 100
"""How many items of a list are looked into."""


class Member(NamedTuple):
    """A member of a struct: its type, whether it must be there, and its type in words."""

    type: Any
    required: bool
    words: str


def refusal(faults: list[Fault]) -> Invalid | UnknownField:
    """The error that these faults make."""
    if faults and all(fault.code == "unknown-field" for fault in faults):
        return UnknownField(faults=faults)
    return Invalid(faults=faults)


def find(value: Any, type_: Any, pointer: str = "", words: str | None = None) -> list[Fault]:
    """Faults of `value` as a `type_`; looks into structs, lists and maps. `words`: the type's, where they are known."""
    inner = list(_inside(value, type_, pointer))
    if inner:
        return inner
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return [Fault(pointer, "invalid", words or in_words(inspect.type_info(type_)))]
    return []


def _inside(value: Any, type_: Any, pointer: str) -> Iterator[Fault]:
    """Faults of what is in an object or a list."""
    structs = _structs_of(type_) if isinstance(value, dict) else []
    struct = structs[0] if len(structs) == 1 else _tagged(value, structs)
    if struct is not None:
        yield from _members(value, struct, pointer)
    elif structs and (tag := structs[0].__struct_config__.tag_field) is not None:
        tags = ", ".join(str(one.__struct_config__.tag) for one in structs)
        yield Fault(f"{pointer}/{tag}", "invalid" if tag in value else "missing", f"one of {tags}")
    elif isinstance(value, dict) and (kinds := _kinds_of(dict, type_)):
        for name, one in value.items():
            yield from find(name, kinds[0], pointer) or find(one, kinds[1], f"{pointer}/{escape(name)}")
    elif isinstance(value, list) and (kinds := _kinds_of(list, type_)) and kinds[0] is not Raw:
        for index, one in enumerate(value[:MOST]):
            yield from find(one, kinds[0], f"{pointer}/{index}")


def _members(value: dict[str, Any], struct: type[Struct], pointer: str) -> Iterator[Fault]:
    known, config = members(struct), struct.__struct_config__
    for name in value:
        if config.forbid_unknown_fields and name not in known and name != config.tag_field:
            yield Fault(f"{pointer}/{escape(name)}", "unknown-field", f"one of {', '.join(known)}")
    for name, member in known.items():
        if name in value:
            yield from find(value[name], member.type, f"{pointer}/{name}", member.words)
        elif member.required:
            yield Fault(f"{pointer}/{name}", "missing", member.words)


@lru_cache
def members(struct: type[Struct]) -> dict[str, Member]:
    """The members of a struct by the names they have outside."""
    return {
        field.encode_name: Member(field.type, field.required, in_words(inspect.type_info(field.type)))
        for field in msgspec.structs.fields(struct)
    }


def _structs_of(type_: Any) -> list[type[Struct]]:
    """The structs that an object of this type may be."""
    return [one for one in _options(type_) if isinstance(one, type) and issubclass(one, Struct)]


def _tagged(value: Any, structs: list[type[Struct]]) -> type[Struct] | None:
    """The struct that an object itself says it is."""
    for struct in structs:
        config = struct.__struct_config__
        if config.tag_field is not None and value.get(config.tag_field) == config.tag:
            return struct
    return None


def _kinds_of(container: type, type_: Any) -> tuple[Any, ...]:
    """Of what the only list, or the only map, among the options of a type is."""
    found = [get_args(one) for one in _options(type_) if get_origin(one) is container]
    return found[0] if len(found) == 1 else ()


def _options(type_: Any) -> Iterator[Any]:
    """What a value of this type may be, one by one."""
    origin, inner = get_origin(type_), get_args(type_)
    if origin is Annotated:
        yield from _options(inner[0])
    elif origin in (Union, types.UnionType):
        for one in inner:
            yield from _options(one)
    else:
        yield type_


def escape(name: str) -> str:
    """A member's name in a JSON pointer; a name of unreasonable length is cut."""
    return name[:64].replace("~", "~0").replace("/", "~1")


# -- types in words ---------------------------------------------------------------------------------------------------


def in_words(kind: inspect.Type) -> str:
    """What is right, for the person who wrote something else."""
    match kind:
        case inspect.Metadata():
            return in_words(kind.type) + _hints(kind.extra_json_schema or {})
        case inspect.UnionType():
            return " or ".join(map(in_words, kind.types))
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}" if len(kind.values) > 1 else str(kind.values[0])
        case inspect.StrType():
            return f"text like {kind.pattern}" if kind.pattern else f"text{_length(kind, 'characters')}"
        case inspect.IntType():
            return ", ".join(filter(None, ["a whole number", _span(kind.ge, kind.le)]))
        case inspect.ListType():
            return f"a list{_length(kind, 'items')}"
        case inspect.DictType():
            return f"an object{_length(kind, 'members')}"
        case inspect.StructType():
            return f"an object with {', '.join(field.encode_name for field in kind.fields)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.NoneType():
            return "null"
        case inspect.DateTimeType():
            return "a time"
        case _:
            return "something else"


def _hints(about: dict[str, Any]) -> str:
    """What the type says of itself besides."""
    told = f" ({about['description']})" if "description" in about else ""
    return told + (f", such as {about['examples'][0]}" if about.get("examples") else "")


def _length(kind: Any, things: str) -> str:
    span = _span(kind.min_length, kind.max_length)
    return f" of {span} {things}" if span else ""


def _span(least: int | None, most: int | None) -> str:
    if least is not None and most is not None:
        return f"{least:,} to {most:,}"
    return f"at least {least:,}" if least is not None else f"at most {most:,}" if most is not None else ""
