"""Making a template ready when it is saved, and printing from it when a message is taken."""

from collections.abc import Mapping
from typing import Any

from liquid.exceptions import LiquidError

from gateway.errors import BadTemplate, Fault
from gateway.templates import escapes, language, layout, plain, variables
from gateway.templates.contexts import Reader, Wrong
from gateway.templates.language import Template
from gateway.templates.masks import Masked, pieces
from gateway.templates.sources import Source, read
from gateway.templates.variables import ANY, Variable
from gateway.templates.words import LONGEST_SUBJECT, Printed, Ready, Words

MEMBERS = ("subject", "text", "html", "mjml")
PAGES = ("html", "mjml")


def make(words: Words, tongue: str) -> Ready:
    """Everything that can be done before the values are known. Raises BadTemplate with every fault, each with its
    line and column; Invalid where MJML is not installed."""
    sources = [Source(name, text, tongue) for name in MEMBERS if (text := getattr(words, name)) is not None]
    schema = words.schema if words.schema is not None else dict.fromkeys(_names(sources), ANY)
    faults = _faults(sources, schema, words.schema is not None)
    if faults:
        raise BadTemplate(faults=faults)
    page, derived = next((_laid_out(source, tongue) for source in sources if source.member in PAGES), ("", ""))
    return Ready(words.subject or "", words.text or derived, page, schema)


def _faults(sources: list[Source], schema: Mapping[str, Variable], declared: bool) -> list[Fault]:
    """Everything that is wrong. Only with a declared schema are there samples to try the template with."""
    faults = list(variables.faults_of_samples(schema))
    for source in sources:
        source.check_variables(schema)
        if source.member in PAGES:
            source.read_page()
        if declared and not faults and not source.faults:
            source.try_out(variables.complete(schema, variables.samples(schema)))
        faults += source.faults
    if not any(source.text.strip() for source in sources if source.member != "subject"):
        faults.append(Fault("/text", "missing", "a text, or a page that says something"))
    return faults


def _names(sources: list[Source]) -> list[str]:
    """The variables of a template that declares none: those it uses."""
    return sorted({name for source in sources for name, _, _ in source.wanted()})


def _laid_out(source: Source, tongue: str) -> tuple[str, str]:
    """The page as it goes out, and its text; both still Liquid. Raises BadTemplate."""
    masked = Masked(source.cut, source.reader.between)
    laid_out = layout.styled(_tables(source, masked) if source.member == "mjml" else masked.text)
    text = plain.without_gaps(masked.uncover(plain.text_of(laid_out)))
    page = masked.uncover(laid_out)
    lost = [piece.at for piece in masked.lost()]
    try:
        if not lost:
            _escaped(page, tongue)
            language.compiled(text, tongue)
            return page, text
    except Misplaced as error:
        lost = [masked.places.get(wrong.at, 0) for wrong in error.wrong]
    except LiquidError:
        lost = [0]
    for at in dict.fromkeys(lost):
        source.fault(
            at, "lost", "a place that survives the layout, and blocks that end among the elements they began in"
        )
    raise BadTemplate(faults=source.faults)


def _tables(source: Source, masked: Masked) -> str:
    """The HTML of a page in MJML. Raises BadTemplate where it cannot be read."""
    try:
        return layout.tables(masked.text)
    except layout.Malformed as error:
        at = len(source.text) if error.at is None else masked.source_of(error.at)
        source.fault(at, "syntax", "MJML that can be read")
        raise BadTemplate(faults=source.faults) from None


class Misplaced(Exception):
    """A page with variables where none may be."""

    def __init__(self, wrong: list[Wrong]):
        super().__init__("misplaced variables")
        self.wrong = wrong


def _escaped(page: str, tongue: str) -> Template:
    """A page compiled, with each of its variables escaped for its place. Raises Misplaced."""
    reader = Reader()
    read(pieces(page), len(page), reader)
    if reader.wrong:
        raise Misplaced(reader.wrong)
    template = language.compiled(page, tongue)
    for node in template.printed():
        node.escape = escapes.BY_PLACE[reader.escapes[node.token.start_index]]
    return template


class Press:
    """A template compiled. Prints as often as asked, from any thread, and waits for nothing."""

    def __init__(self, ready: Ready, tongue: str):
        self._form = variables.Form(ready.schema)
        self._parts = [
            language.compiled(ready.subject, tongue),
            language.compiled(ready.text, tongue),
            _escaped(ready.html, tongue),
        ]

    def print(self, values: Mapping[str, Any], pointer: str = "/variables") -> Printed:
        """The words of one message. Raises BadTemplate: what is wrong with the values, all of it."""
        known = self._form.fill(values, pointer)
        try:
            subject, text, html = [part.print(known) for part in self._parts]
        except language.RENDERING as error:
            raise BadTemplate("The template cannot use these variables.",
                              faults=[Fault(pointer, *language.reason(error))]) from None  # fmt: skip
        subject = " ".join(subject.split())
        if len(subject) > LONGEST_SUBJECT:
            raise BadTemplate(faults=[Fault(pointer, "too-long", f"a subject of at most {LONGEST_SUBJECT} characters")])
        if not text.strip():
            raise BadTemplate(faults=[Fault(pointer, "empty", "a text that is not empty")])
        return Printed(subject, text, html)
