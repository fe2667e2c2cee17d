"""Reads a request's body once, into the type that is its validation; names every fault of one that does not fit."""

import asyncio
import json as stdlib_json
from functools import lru_cache
from typing import Any

import msgspec
from aiohttp import web
from msgspec import inspect

from gateway.errors import BadJson, Fault, Invalid, TooLarge, Unavailable, UnknownField, WrongEncoding, WrongMediaType

LARGEST = 1 << 20
DEEPEST = 32
SECONDS = 30.0
SPACE = b" \t\n\r"
NO_DOCUMENT = "The body is not one well-formed UTF-8 JSON document."


async def read(request: web.BaseRequest, largest: int = LARGEST) -> bytes:
    """The raw body. Raises WrongEncoding, TooLarge, BadJson when it breaks off, Unavailable when it takes over 30 s."""
    if "Content-Encoding" in request.headers:
        raise WrongEncoding()
    if (request.content_length or 0) > largest:
        raise TooLarge()
    if request.content.is_eof():
        raw = request.content.read_nowait()
    else:
        raw = await _in_time(request, largest)
    if len(raw) > largest:
        raise TooLarge()
    return raw


async def _in_time(request: web.BaseRequest, largest: int) -> bytes:
    parts, size = [], 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > largest:
                    raise TooLarge()
    except TimeoutError as error:
        request.protocol.keep_alive(False)
        raise Unavailable("The body did not arrive in time.", retry_after=1) from error
    except (ConnectionError, web.RequestPayloadError) as error:
        raise BadJson("The body breaks off.") from error
    return b"".join(parts)


def check_type(request: web.BaseRequest) -> None:
    """Raise WrongMediaType unless the body calls itself JSON."""
    if request.content_type != "application/json":
        raise WrongMediaType("The body must be application/json.")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise WrongEncoding()


def decode(raw: bytes, type_: Any) -> Any:
    """The body as `type_`. Raises BadJson, UnknownField or Invalid, the latter two with every fault in it."""
    try:
        decoded = _decoder(type_).decode(raw)
    except msgspec.ValidationError:
        raise _all_faults(parse(raw), type_) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadJson(NO_DOCUMENT) from None
    if not _plainly_once(raw):
        parse(raw)
    return decoded


def decode_frame(raw: bytes, type_: Any, many: str) -> Any:
    """As `decode`, of a document whose member `many` is a long list of `Raw`: its items are not looked into yet."""
    try:
        items = bytes(_decoder(dict[str, msgspec.Raw]).decode(raw).get(many, b""))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        items = b""
    frame = parse(raw.replace(items, b"[]", 1) if items.startswith(b"[") else raw)
    try:
        return _decoder(type_).decode(raw)
    except msgspec.ValidationError:
        error = _all_faults(frame, type_)
        elsewhere = [fault for fault in error.faults if fault.pointer != f"/{many}"]
        if elsewhere:
            error.faults = elsewhere
            raise error from None
        raise Invalid(faults=[Fault(f"/{many}", "invalid", "a list that is neither empty nor too long")]) from None


@lru_cache
def _decoder(type_: Any) -> msgspec.json.Decoder:
    return msgspec.json.Decoder(type_)


def parse(raw: bytes) -> Any:
    """The body as plain JSON, refusing what two readers could read differently: a member given twice, NaN, depth."""
    try:
        document = stdlib_json.loads(raw, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadJson(NO_DOCUMENT) from None
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _depth(document) > DEEPEST:
        raise BadJson(f"The body is nested more than {DEEPEST} levels deep.")
    return document


def _plainly_once(raw: bytes) -> bool:
    """A quick proof that no member of a well-formed document is given twice, in any of its objects, and that it is not
    deep. False where it proves nothing: a quote inside a string, the same name in two objects."""
    if (b"\\" in raw and b'\\"' in raw) or raw.count(b"[") + raw.count(b"{") > DEEPEST:
        return False
    names = [part.rpartition(b'"')[2] for part in raw.translate(None, SPACE).split(b'":')]
    return len(set(names)) == len(names) and b"\\" not in b"".join(names[:-1])


def _depth(document: Any) -> int:
    """Levels of objects and lists within each other."""
    level, depth = [document], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return depth


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson("A member is given twice.")
    return members


def _no_constant(_: str) -> None:
    raise ValueError


def _all_faults(document: Any, type_: Any) -> Invalid | UnknownField:
    """Everything that is wrong, found by converting member by member."""
    faults = find_faults(document, type_, "")
    if faults and all(fault.code == "unknown-field" for fault in faults):
        return UnknownField(faults=faults)
    return Invalid(faults=faults)


def find_faults(value: Any, type_: Any, pointer: str) -> list[Fault]:
    """Faults of `value` as a `type_`, each with its JSON pointer; descends into structs and lists of them."""
    struct = _struct_of(value, type_)
    if struct is None:
        return _own_fault(value, type_, pointer)
    known = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    faults = [
        Fault(f"{pointer}/{escape(name)}", "unknown-field", f"one of {', '.join(known)}")
        for name in value
        if struct.__struct_config__.forbid_unknown_fields
        and name not in known
        and name != struct.__struct_config__.tag_field
    ]
    for name, field in known.items():
        if name in value:
            faults += find_faults(value[name], field.type, f"{pointer}/{name}")
        elif field.required:
            faults.append(Fault(f"{pointer}/{name}", "missing", "must be given"))
    return faults or _own_fault(value, type_, pointer)


def _own_fault(value: Any, type_: Any, pointer: str) -> list[Fault]:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return [Fault(pointer, "invalid", _without_values(str(error)))]
    return []


def _without_values(text: str) -> str:
    """What msgspec says, up to the value it may quote."""
    return text.partition(" - at `")[0].partition(", got ")[0].partition(" '")[0]


def _struct_of(value: Any, type_: Any) -> type[msgspec.Struct] | None:
    """The struct that an object is meant to be, where the type leaves no doubt."""
    if not isinstance(value, dict):
        return None
    described = inspect.type_info(type_)
    options = described.types if isinstance(described, inspect.UnionType) else (described,)
    structs = [option.cls for option in options if isinstance(option, inspect.StructType)]
    if len(structs) == 1:
        return structs[0]
    return next((struct for struct in structs if _tagged(value, struct)), None)


def _tagged(value: dict, struct: type[msgspec.Struct]) -> bool:
    """Whether the object itself says that it is one of these."""
    config = struct.__struct_config__
    return config.tag_field is not None and value.get(config.tag_field) == config.tag


def escape(name: str) -> str:
    """A member's name in a JSON pointer (RFC 6901); a name of unreasonable length is cut."""
    return name[:64].replace("~", "~0").replace("/", "~1")
