"""Cases that a lawyer can read and write: facts in a TOML table, and what the rulebook must say of them.

A file has `[[case]]` tables, and may have `[base.<name>]` with facts that many cases share and `[consent.<name>]` with
consents that are called by their name. A base may be of another one, a case of a base, a consent of a consent: what is
said again replaces, table by table.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, field, json, to_builtins

from gateway.clock import rfc3339_or_none
from gateway.errors import BadInput
from gateway.rules.deadlines import Clocked
from gateway.rules.entries import Strict
from gateway.rules.given import Given
from gateway.rules.inbound import Inbound
from gateway.rules.rulebook import Rulebook
from gateway.segments import segments

DEEPEST = 10


class Case(Strict, frozen=True, kw_only=True):
    """One case. `rules`: what it is an example of. `ask`: of what the question is; `expect`: members of the answer."""

    rules: Annotated[tuple[str, ...], Meta(min_length=1)]
    says: str
    expect: Annotated[dict[str, Any], Meta(min_length=1)]
    ask: Literal["check", "inbound", "deadline", "segments"] = "check"
    of: str | None = None
    given: dict[str, Any] = field(default_factory=dict)


class Table(Strict, frozen=True, kw_only=True):
    """What a file holds."""

    base: dict[str, dict[str, Any]] = field(default_factory=dict)
    consent: dict[str, dict[str, Any]] = field(default_factory=dict)
    case: tuple[Case, ...] = ()


class Outcome(Struct, frozen=True):
    """What became of a case: the members of the answer that it speaks of. `fault`: why it could not be asked."""

    file: str
    case: Case
    got: dict[str, Any]
    fault: str | None = None

    @property
    def as_expected(self) -> bool:
        return self.fault is None and self.got == self.case.expect


def outcomes(files: Sequence[Path], rulebook: Rulebook) -> Iterator[Outcome]:
    """Every case of these files, tried. A file may use the bases of all. Raises BadInput for one that is no table."""
    tables = {file.name: _read(file) for file in files}
    library = Library(tables.values())
    for name, table in tables.items():
        for case in table.case:
            yield _tried(name, case, library, rulebook)


def _read(file: Path) -> Table:
    try:
        return convert(tomllib.loads(file.read_text("utf-8")), Table)
    except OSError as error:
        raise BadInput(f"{file.name} cannot be read ({error.strerror})") from None
    except (ValidationError, ValueError) as error:
        raise BadInput(f"{file.name}: {error}") from None


def _tried(file: str, case: Case, library: "Library", rulebook: Rulebook) -> Outcome:
    try:
        for rule in case.rules:
            if rulebook.rule(rule) is None:
                raise BadInput(f"there is no rule {rule}")
        answer = _answer(case.ask, library.facts(case), rulebook)
    except (ValidationError, BadInput) as error:
        faults = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in getattr(error, "faults", []))
        return Outcome(file, case, {}, faults or str(error))
    return Outcome(file, case, {member: answer.get(member) for member in case.expect})


def _answer(ask: str, facts: Mapping[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """What the API would answer, as JSON has it."""
    if ask == "check":
        answer: Any = rulebook.explain(rulebook.judge(convert(facts, Given)))
    elif ask == "inbound":
        heard = rulebook.hear(convert(facts, Inbound))
        answer = to_builtins(heard) | {"confirmation_until": rfc3339_or_none(heard.confirmation_until)}
    elif ask == "deadline":
        due = rulebook.deadline(convert(facts, Clocked))
        answer = to_builtins(due) | {"due_at": rfc3339_or_none(due.due_at)}
    else:
        answer = segments(facts.get("text", ""))
    return json.decode(json.encode(answer), type=dict[str, Any])


class Library:
    """The bases and consents of all files, by name."""

    def __init__(self, tables: Iterable[Table]):
        self._bases: dict[str, dict[str, Any]] = {}
        self._consents: dict[str, dict[str, Any]] = {}
        for table in tables:
            self._bases |= table.base
            self._consents |= table.consent

    def facts(self, case: Case) -> dict[str, Any]:
        """All that is given in a case. Raises BadInput for a name nobody has."""
        facts = _merged(self._whole(case.of, self._bases) if case.of else {}, case.given)
        if "consents" in facts:
            facts["consents"] = [self._consent(one) for one in facts["consents"]]
        return facts

    def _consent(self, said: str | dict[str, Any]) -> dict[str, Any]:
        if isinstance(said, str):
            return self._whole(said, self._consents)
        own = {name: value for name, value in said.items() if name != "of"}
        return _merged(self._whole(said["of"], self._consents) if "of" in said else {}, own)

    def _whole(self, name: str, tables: Mapping[str, dict[str, Any]], depth: int = 0) -> dict[str, Any]:
        if name not in tables or depth > DEEPEST:
            raise BadInput(f"there is no {name}; one of {', '.join(sorted(tables))}")
        own = {key: value for key, value in tables[name].items() if key != "of"}
        parent = tables[name].get("of")
        return own if parent is None else _merged(self._whole(parent, tables, depth + 1), own)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The base with what is said again, table by table."""
    both = {key: _merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
            for key, value in over.items()}  # fmt: skip
    return {**base, **both}
