"""A template as its author wrote it, and every fault in it, with line and column."""

from collections.abc import Iterator, Mapping
from typing import Any

from liquid.exceptions import LiquidError

from gateway.errors import Fault
from gateway.templates import language
from gateway.templates.contexts import BLOCKS, MOST_FAULTS, Reader
from gateway.templates.language import Template
from gateway.templates.masks import Piece, pieces
from gateway.templates.variables import Variable

MOST_PIECES = 2000


def position(source: str, at: int) -> str:
    """Where something is, for a person: `line 3, column 14`, both counted from 1."""
    line_start = source.rfind("\n", 0, at) + 1
    return f"line {source.count(chr(10), 0, at) + 1}, column {at - line_start + 1}"


class Source:
    """One text of a template (its subject, text, html or mjml) while it is looked through; `faults` gathers what is
    wrong. `template` is None once it cannot even be read."""

    def __init__(self, member: str, text: str, tongue: str):
        self.member, self.text = member, text
        self.faults: list[Fault] = []
        self.cut: list[Piece] = []
        self.template: Template | None = None
        self.reader = Reader(mjml=member == "mjml")
        try:
            self.cut = pieces(text)
            self._check_tags()
            if not self.faults:
                self.template = language.compiled(text, tongue)
                self._check_filters(self.template)
        except LiquidError as error:
            self._liquid(error)

    def fault(self, at: int, code: str, detail: str) -> None:
        """Add one."""
        self.faults.append(Fault(f"/{self.member}", code, f"{position(self.text, at)}: {detail}"))

    def _liquid(self, error: Exception) -> None:
        token = getattr(error, "token", None)
        at = token.start_index if token is not None and token.start_index >= 0 else len(self.text)
        self.fault(min(at, len(self.text)), *language.reason(error))

    def _check_tags(self) -> None:
        liquid = [piece for piece in self.cut if piece.kind != "text"]
        if len(liquid) > MOST_PIECES:
            self.fault(liquid[MOST_PIECES].at, "too-much", f"at most {MOST_PIECES:,} tags and variables in one text")
            return
        unclosed: list[Piece] = []
        for piece in liquid:
            if piece.name in BLOCKS:
                unclosed.append(piece)
            elif unclosed and piece.name == f"end{unclosed[-1].name}":
                unclosed.pop()
            elif piece.kind == "tag" and piece.name not in language.KNOWN and len(self.faults) < MOST_FAULTS:
                self.fault(piece.at, "unknown-tag", f"one of {', '.join(language.NAMES)}")
        if unclosed and not self.faults:
            self.fault(unclosed[-1].at, "unclosed", f"an end{unclosed[-1].name} for this")

    def _check_filters(self, template: Template) -> None:
        known = template.env.filters
        for name, spans in template.analyze().filters.items():
            if name not in known:
                for span in spans:
                    self.fault(span.index, "unknown-filter", f"one of {', '.join(sorted(known))}")
        for at in language.ranges_outside_loops(template):
            self.fault(at, "range-place", "a range such as (1..3) is for loops only")

    # -- variables ----------------------------------------------------------------------------------------------------

    def wanted(self) -> Iterator[tuple[str, list[Any], int]]:
        """The variables it needs from outside: name, path, where."""
        if self.template is not None:
            for name, uses in self.template.analyze().globals.items():
                for use in uses:
                    yield name, use.segments, use.span.index

    def check_variables(self, schema: Mapping[str, Variable]) -> None:
        """Every variable must be declared, and every member of an object that says what it has."""
        for name, segments, at in self.wanted():
            variable = schema.get(name)
            if variable is None:
                known = ", ".join(schema) or "none is declared"
                self.fault(at, "undeclared-variable", f"a variable of schema: {known}")
            elif variable.members is not None and len(segments) > 1 and segments[1] not in variable.members:
                self.fault(at, "undeclared-variable", f"a member of {name}: {', '.join(variable.members)}")

    def try_out(self, values: Mapping[str, Any]) -> None:
        """Render it once, with samples."""
        if self.template is None:
            return
        try:
            self.template.print(values)
        except language.RENDERING as error:
            self._liquid(error)

    # -- HTML ---------------------------------------------------------------------------------------------------------

    def read_page(self) -> None:
        """Read it as a page: which tags stand between elements, and what is wrong with the HTML."""
        read(self.cut, len(self.text), self.reader)
        for wrong in self.reader.wrong:
            self.fault(wrong.at, wrong.code, wrong.detail)


def read(cut: list[Piece], length: int, reader: Reader) -> None:
    """Let a reader read a cut-up page."""
    for index, piece in enumerate(cut):
        if piece.kind == "text":
            reader.text(piece.text, piece.at, followed=index + 1 < len(cut))
        elif piece.kind == "output":
            reader.output(piece.at)
        elif piece.kind == "tag" and piece.name != "assign":
            reader.tag(piece.name, piece.at)
        elif reader.place.mode == "text":
            reader.between.add(piece.at)
    reader.end(length)
