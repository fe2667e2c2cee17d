"""Reads what stands behind the `?` of an address into the type that is its validation, as `body` does with a body."""

import contextlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct, inspect
from multidict import MultiMapping

from gateway.errors import Fault
from gateway.web import faults

SWITCH = {"true": True, "false": False}


def read(query: MultiMapping[str], type_: type[Struct]) -> Any:
    """The query as `type_`. Raises UnknownField or Invalid with every fault in it."""
    twice = [
        Fault(f"?{faults.escape(name)}", "invalid", "given once") for name in set(query) if len(query.getall(name)) > 1
    ]
    readers = _readers(type_)
    members = {name: readers.get(name, str)(text) for name, text in query.items()}
    with contextlib.suppress(msgspec.ValidationError):
        if not twice:
            return msgspec.convert(members, type_)
    raise faults.refusal(
        twice + [fault._replace(pointer=fault.pointer.replace("/", "?", 1)) for fault in faults.find(members, type_)]
    )


@lru_cache
def _readers(type_: type[Struct]) -> dict[str, Callable[[str], Any]]:
    """How the text of each member that is not a text is read. What cannot be read stays text, and is at fault."""
    readers: dict[Any, Callable[[str], Any]] = {inspect.IntType: _number, inspect.BoolType: _switch}
    return {
        field.encode_name: readers[kind]
        for field in msgspec.structs.fields(type_)
        for kind in _kinds(inspect.type_info(field.type))
        if kind in readers
    }


def _kinds(type_: inspect.Type) -> set[type[inspect.Type]]:
    """What a value of this type may be."""
    if isinstance(type_, inspect.Metadata):
        return _kinds(type_.type)
    if isinstance(type_, inspect.UnionType):
        return set[type[inspect.Type]]().union(*map(_kinds, type_.types))
    return {type(type_)}


def _number(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text


def _switch(text: str) -> Any:
    return SWITCH.get(text, text)
