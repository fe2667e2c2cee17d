"""What config.toml may say, for people and for editors; and what this one says, with where each value comes from."""

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct, structs

from gateway.config.faults import Path, dotted, suggestion
from gateway.config.nouns import bared, is_mapping, is_struct, kind_of, quoted, words
from gateway.config.sections import Sections
from gateway.config.snapshot import COMMON, FIXED, Config
from gateway.config.source import leaves
from gateway.errors import BadInput

NAMES = {
    "topics": "<category>", "providers": "<name>", "senders": "<slug>", "limits": "<name>",
    "retention.categories": "<category>",
}  # fmt: skip
"""What stands for the name of a table that the administrator names."""


class Key(NamedTuple):
    """One key of config.toml: its dotted name, its type with annotations, and its default (NODEFAULT: none)."""

    name: str
    type: Any
    default: Any


class Shown(NamedTuple):
    """One value in force: as it is written in config.toml (None: not set), and where it comes from."""

    key: str
    value: str | None
    origin: str


# -- what may be said -------------------------------------------------------------------------------------------------


def keys() -> list[str]:
    """The dotted name of every key, such as `server.port` or `providers.<name>.plugin`."""
    return [key.name for key in manual()]


def manual(struct: type[Struct] = Sections, prefix: str = "") -> Iterator[Key]:
    """Every key in the order of the sections."""
    for one in structs.fields(struct):
        name = prefix + one.encode_name
        bare, _ = bared(one.type)
        if is_struct(bare):
            yield from manual(bare, f"{name}.")
        elif name in NAMES:
            yield from manual(bared(get_args(bare)[1])[0], f"{name}.{NAMES[name]}.")
        else:
            yield Key(name, one.type, default_of(one))


def default_of(field: structs.FieldInfo) -> Any:
    """The default of a field; NODEFAULT where it must be given."""
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def explain(name: str) -> str:
    """A key in words: what it is for, what it takes, what holds without it. Raises BadInput for a key that is not."""
    found = {key.name: key for key in manual()}
    key = found.get(general(name))
    if key is None:
        if name.startswith("providers.") and name.count(".") >= 2:
            return f"{name} belongs to the provider's plugin."
        raise BadInput(f"there is no key of this name; {suggestion(name, found)}")
    lines = [key.name, f"  {described(key.type)}", f"  Takes: {words(key.type)}.", f"  {without(key)}"]
    if key.name.partition(".")[0] in FIXED:
        lines.append("  A change needs a restart.")
    return "\n".join(lines)


def general(name: str) -> str:
    """`providers.main.plugin` as the key it is an example of."""
    for section, sign in NAMES.items():
        _, dot, key = name.removeprefix(f"{section}.").partition(".")
        if name.startswith(f"{section}.") and dot:
            return f"{section}.{sign}.{key}"
    return name


def described(type_: Any) -> str:
    """What a key is for."""
    _, hints = bared(type_)
    return next((hint.description for hint in hints if isinstance(hint, Meta) and hint.description), "")


def without(key: Key) -> str:
    """What holds while a key is left out."""
    if key.default is NODEFAULT:
        return "It must be given."
    if key.default is None:
        return "May be left out."
    if key.default in ("", (), {}):
        return "Left out: nothing."
    return f"Left out: {as_written(key.default, key.type)}."


def schema() -> dict[str, Any]:
    """The JSON Schema of config.toml, for editors."""
    drawn = as_in_the_file(msgspec.json.schema(Sections, schema_hook=lambda type_: {}))
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "config.toml of Guest Gateway"}
    return head | drawn


def as_in_the_file(part: Any) -> Any:
    """A schema of values turned into one of what is written: whatever has a pattern is text, and so are its defaults,
    which are left out."""
    if isinstance(part, list):
        return [as_in_the_file(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {key: as_in_the_file(value) for key, value in part.items() if key != "default"}
    if "properties" in part:  # the names in it are keys of the file, and one of them may be `default`
        kept["properties"] = {name: as_in_the_file(one) for name, one in part["properties"].items()}
    return kept | {"type": "string"} if "pattern" in kept else kept


# -- what is said -----------------------------------------------------------------------------------------------------


def show(config: Config) -> list[Shown]:
    """Every value in force, defaults included."""
    return list(shown(config, Sections, (), config))


def shown(value: Any, type_: Any, path: Path, config: Config) -> Iterator[Shown]:
    """The values of one table."""
    bare, _ = bared(type_)
    if is_struct(bare) and isinstance(value, Struct):
        for one in structs.fields(bare):
            yield from shown(getattr(value, one.name), one.type, (*path, one.encode_name), config)
        if path[:1] == ("providers",):
            yield from plugin_keys(path, config)
    elif is_mapping(get_origin(bare)) and dotted(path) in NAMES:
        for name, table in value.items():
            yield from shown(table, get_args(bare)[1], (*path, name), config)
    else:
        yield Shown(dotted(path), None if value is None else as_written(value, type_), config.source.wrote(path))


def plugin_keys(path: Path, config: Config) -> Iterator[Shown]:
    """The keys of a provider that are its plugin's, as they were written."""
    table: Any = config.source.tree
    for part in path:
        table = table[part]
    for inner, value in leaves({key: value for key, value in table.items() if key not in COMMON}):
        if not any(isinstance(part, int) for part in inner):
            yield Shown(
                dotted(path + inner),
                quoted(str(value) if isinstance(value, str) else value),
                config.source.wrote(path + inner),
            )


def as_written(value: Any, type_: Any) -> str:
    """A value as config.toml has it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(as_written(item, get_args(bared(type_)[0])[0]) for item in value)}]"
    kind = kind_of(type_)
    return quoted(kind.writes(value) if kind else value)
