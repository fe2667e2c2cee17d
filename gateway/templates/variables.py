"""What a template's variables are: declared once with the template, checked each time values are handed in."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, defstruct, json

from gateway.errors import BadTemplate, Fault

LONGEST_TEXT = 10_000
LARGEST = 50_000
"""Bytes of all the values of one message together, as JSON."""
UNUSABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no mail can carry: control characters, half a character."""
SUSPECT = re.compile(rb"\\u00|\x7f")
"""How a control character shows in JSON."""
WEB = re.compile(r"(?i)(https?://[^\s/]|mailto:[^\s]|tel:[+\d])[^\s]*")

Type = Literal["text", "number", "integer", "boolean", "date", "url", "list", "object", "any"]
Name = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class Variable(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One variable. `items` is what a list holds, `members` what an object has, `sample` what a preview shows."""

    type: Type = "text"
    required: bool = True
    max_length: Annotated[int, Meta(ge=1, le=LONGEST_TEXT)] | None = None
    items: "Variable | None" = None
    members: Annotated[dict[Name, "Variable"], Meta(max_length=100)] | None = None
    sample: Any = None


Schema = Annotated[dict[Name, Variable], Meta(max_length=100)]
ANY = Variable(type="any")
TYPES: dict[str, Any] = {
    "number": Annotated[int, Meta(ge=-(10**15), le=10**15)] | Annotated[float, Meta(ge=-1e15, le=1e15)],
    "integer": Annotated[int, Meta(ge=-(10**15), le=10**15)],
    "boolean": bool,
    "object": dict[str, Any],
    "any": Any,
}
SAMPLES: dict[str, Any] = {"text": "Text", "number": 12.5, "integer": 2, "boolean": True, "date": "2026-06-20",
           "url": "https://example.org/", "any": "Text"}  # fmt: skip


class Form:
    """A schema made ready to be held against many sets of values."""

    def __init__(self, schema: Mapping[str, Variable]):
        self.schema = schema
        kinds = {variable.type for variable in _every(schema)}
        self._type = None if kinds & {"date", "url"} else _struct(schema)
        self._lacking = any(not variable.required for variable in _every(schema))

    def fill(self, values: Mapping[str, Any], pointer: str = "/variables") -> Mapping[str, Any]:
        """The values, with nothing in the place of each that was left out. Raises BadTemplate with everything that
        keeps them from being what the schema declares."""
        if found := self._faults(values, pointer):
            raise BadTemplate("The variables are not what the template needs.", faults=found)
        return complete(self.schema, values) if self._lacking else values

    def _faults(self, values: Mapping[str, Any], pointer: str) -> list[Fault]:
        raw = json.encode(values)
        if len(raw) > LARGEST:
            return [Fault(pointer, "too-large", f"at most {LARGEST:,} bytes for all variables together")]
        if self._type is not None and not SUSPECT.search(raw):
            try:
                convert(values, self._type)
                return []
            except ValidationError:
                pass
        return list(_members(self.schema, values, pointer))


def _every(schema: Mapping[str, Variable]) -> Iterator[Variable]:
    """All variables, however deep."""
    for variable in schema.values():
        yield variable
        yield from _every((variable.members or {}) | ({"items": variable.items} if variable.items else {}))


def _struct(schema: Mapping[str, Variable]) -> Any:
    """A type that takes nothing but values of this schema."""
    fields: list[Any] = [
        (f"v{at}", _type(variable)) if variable.required else (f"v{at}", _type(variable) | None, None)
        for at, variable in enumerate(schema.values())
    ]
    names = {f"v{at}": name for at, name in enumerate(schema)}
    return defstruct("Values", fields, rename=names, kw_only=True, forbid_unknown_fields=True)


def _type(variable: Variable) -> Any:
    if variable.type == "text":
        return Annotated[str, Meta(max_length=variable.max_length or LONGEST_TEXT)]
    if variable.type == "object" and variable.members is not None:
        return _struct(variable.members)
    if variable.type == "list":
        return list[_type(variable.items or ANY)]  # type: ignore[misc]  # made from data
    return TYPES[variable.type]


def complete(schema: Mapping[str, Variable], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with nothing in the place of each that may be left out."""
    return {name: _complete(variable, values.get(name)) for name, variable in schema.items()}


def samples(schema: Mapping[str, Variable]) -> dict[str, Any]:
    """Values to try a template with."""
    return {name: sample(variable) for name, variable in schema.items()}


def sample(variable: Variable) -> Any:
    """A value for one variable: its own sample, or one that fits its type."""
    if variable.sample is not None:
        return variable.sample
    if variable.type == "list":
        return [sample(variable.items or ANY)] * 2
    if variable.type == "object":
        return samples(variable.members or {})
    found = SAMPLES[variable.type]
    return found[: variable.max_length] if isinstance(found, str) else found


def faults_of_samples(schema: Mapping[str, Variable], pointer: str = "/schema") -> Iterator[Fault]:
    """Samples that are not what they are samples of."""
    for name, variable in schema.items():
        if variable.sample is not None:
            yield from _value(variable, variable.sample, f"{pointer}/{name}/sample")
        yield from faults_of_samples(variable.members or {}, f"{pointer}/{name}/members")
        if variable.items is not None:
            yield from faults_of_samples({"items": variable.items}, f"{pointer}/{name}")


def _members(schema: Mapping[str, Variable], values: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    for name in values.keys() - schema.keys():
        known = ", ".join(schema) or "none, the template has no variables"
        yield Fault(f"{pointer}/{_escaped(name)}", "unknown-variable", f"one of {known}")
    for name, variable in schema.items():
        value = values.get(name)
        if value is None:
            if variable.required:
                yield Fault(f"{pointer}/{name}", "missing", f"the template needs this {variable.type}")
        else:
            yield from _value(variable, value, f"{pointer}/{name}")


def _value(variable: Variable, value: Any, pointer: str) -> Iterator[Fault]:
    right, wanted = KINDS[variable.type]
    if not right(value):
        yield Fault(pointer, "wrong-type", wanted)
    elif isinstance(value, str):
        yield from _text(value, variable.max_length or LONGEST_TEXT, pointer)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _value(variable.items or ANY, item, f"{pointer}/{at}")
    elif isinstance(value, dict) and variable.members is not None:
        yield from _members(variable.members, value, pointer)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _value(ANY, item, f"{pointer}/{_escaped(name)}")


def _text(value: str, longest: int, pointer: str) -> Iterator[Fault]:
    if len(value) > longest:
        yield Fault(pointer, "too-long", f"at most {longest:,} characters")
    if not value.isprintable() and UNUSABLE.search(value):
        yield Fault(pointer, "control-character", "text without control characters")


def _complete(variable: Variable, value: Any) -> Any:
    if isinstance(value, dict) and variable.members is not None:
        return complete(variable.members, value)
    if isinstance(value, list) and variable.items is not None and variable.items.members is not None:
        return [_complete(variable.items, item) for item in value]
    return value


def _escaped(name: str) -> str:
    return name[:64].replace("~", "~0").replace("/", "~1")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e15


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(moment(value))
    except ValueError:
        return False


def moment(text: str) -> date | datetime:
    """A day such as 2026-06-20, or a time such as 2026-06-20T18:00:00+01:00. Raises ValueError."""
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


KINDS: dict[str, tuple[Any, str]] = {
    "text": (lambda value: isinstance(value, str), "text"),
    "number": (_is_number, "a number of at most 15 digits"),
    "integer": (lambda value: _is_number(value) and isinstance(value, int), "a whole number of at most 15 digits"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "date": (_is_date, "a day such as 2026-06-20, or a time such as 2026-06-20T18:00:00+01:00"),
    "url": (lambda value: isinstance(value, str) and bool(WEB.fullmatch(value)),
            "a URL with http, https, mailto or tel"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "object": (lambda value: isinstance(value, dict), "an object"),
    "any": (lambda _: True, "any value"),
}  # fmt: skip
"""Of each type: what a value must be, as a check and in words."""
