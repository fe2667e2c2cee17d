"""The types of the doors as JSON Schemas, for their description."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import json

from gateway.web.problem import Problem
from gateway.web.routes import Door, Media

Schema = dict[str, Any]
COMPONENTS = "#/components/schemas/"
NULL = {"type": "null"}


class Schemas:
    """A schema for every type that the doors name. `components` has those with a name of their own."""

    def __init__(self, doors: Sequence[Door]):
        used = list(dict.fromkeys([Problem, *(type_ for door in doors for type_ in types_of(door))]))
        schemas, self.components = msgspec.json.schema_components(used, ref_template=f"{COMPONENTS}{{name}}")
        self._of = dict(zip(used, schemas, strict=True))
        for schema in self.components.values():
            if "description" in schema:
                schema["description"] = in_a_line(schema["description"])
        shown = {door.path: self.members(door.gives) for door in doors if door.method == "GET"}
        self._ids = {path: members["id"] for path, members in shown.items() if "id" in members}
        self._versioned = {path for path, members in shown.items() if "version" in members}
        for door in doors:
            if door.many is not None:
                member = self.members(door.takes)[door.many.member]
                listed = next(one for one in member.get("anyOf", [member]) if one.get("type") == "array")
                listed["items"] = self.of(door.many.each)

    def of(self, type_: Any) -> Schema:
        """The schema of a type; a reference to it where it has a name."""
        if isinstance(type_, tuple):
            return {"anyOf": [self.of(one) for one in type_]}
        return self._of[type_]

    def members(self, type_: Any) -> dict[str, Schema]:
        """What an object of this type has in it; nothing, of what is no object."""
        schema = self._of.get(type_, {})
        return self.components[schema["$ref"].removeprefix(COMPONENTS)]["properties"] if "$ref" in schema else {}

    def name(self, path: str, name: str) -> Schema:
        """What may stand in a path for a name: the id of what is found there."""
        item = path.partition(f"{{{name}}}")[0] + f"{{{name}}}"
        return self._ids.get(item, {"type": "string", "minLength": 1})

    def versioned(self, path: str) -> bool:
        """Whether what is found at a path has a version."""
        return path in self._versioned

    def query(self, door: Door) -> Iterable[tuple[str, Schema, bool]]:
        """The members of a door's query: name, schema, and whether it must be given."""
        if door.query is not None:
            whole = msgspec.json.schema(door.query)["$defs"][door.query.__name__]
            for name, schema in whole["properties"].items():
                yield name, _without_null(schema), name in whole.get("required", ())


def in_a_line(words: str | None) -> str:
    """A docstring without its line breaks."""
    return " ".join((words or "").split())


def types_of(door: Door) -> list[Any]:
    """The types of a door's bodies and answers."""
    takes = door.takes if isinstance(door.takes, tuple) else (door.takes,)
    gives = door.gives if isinstance(door.gives, tuple) else (door.gives,)
    found = (*takes, *gives, door.many.each if door.many else None)
    return [type_ for type_ in found if type_ is not None and not isinstance(type_, Media)]


def fits(example: Any, type_: Any) -> bool:
    """Whether a JSON document is one of this type, or of one of these."""
    if isinstance(type_, tuple):
        return any(fits(example, one) for one in type_)
    if isinstance(type_, Media):
        return False
    try:
        json.decode(json.encode(example), type=type_)
    except msgspec.ValidationError:
        return False
    return True


def _without_null(schema: Schema) -> Schema:
    """The schema of a member that is left out rather than null, as all text is that stands in an address."""
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    if schema.get("default") is not None:
        rest["default"] = schema["default"]
    some = [one for one in schema.get("anyOf", ()) if one != NULL]
    return rest | (some[0] if len(some) == 1 else {"anyOf": some} if some else {})
