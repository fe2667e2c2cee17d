"""The language of templates: the part of Liquid that needs no loader, no clock and no trust; its limits; its faults.

Importing this costs a second, so whoever needs it does so when the first template is used, off the loop.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from io import StringIO
from typing import Any, cast

from liquid import BoundTemplate, Environment, RenderContext, StrictUndefined
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions import LoopExpression, Path
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.tags import assign_tag, case_tag, for_tag, if_tag, unless_tag
from liquid.exceptions import (
    LiquidError,
    LiquidSyntaxError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    UndefinedError,
)
from liquid.expression import Expression
from liquid.token import Token

from gateway.templates import escapes, filters, lexer
from gateway.templates.contexts import BLOCKS

LONGEST_OUTPUT = 200_000
"""Bytes that a subject, a text or a page may come to."""
TAGS = (
    illegal.Illegal, assign_tag.AssignTag, case_tag.CaseTag, for_tag.ForTag,
    if_tag.IfTag, unless_tag.UnlessTag,
)  # fmt: skip
NAMES = ("assign", "if", "elsif", "else", "unless", "case", "when", "for", "comment")
KNOWN = frozenset(NAMES) | {f"end{name}" for name in BLOCKS}
RENDERING = (LiquidError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What a template that was found good can still raise for odd values."""


class Printed(output.OutputNode):
    """`{{ … }}` in its place: `escape` makes the value into what may stand there."""

    __slots__ = ("_member", "_name", "escape")

    def __init__(self, token: Token, expression: Any):
        super().__init__(token, expression)
        self.escape: Callable[[Any], str] = escapes.plain
        path: list[Any] = expression.left.path if isinstance(expression.left, Path) and not expression.filters else []
        simple = len(path) in (1, 2) and all(isinstance(segment, str) for segment in path)
        self._name: str | None = path[0] if simple else None
        self._member: str | None = path[1] if simple and len(path) == 2 else None

    def render_to_output(self, context: RenderContext, buffer: Any) -> int:
        written = buffer.write(self.escape(self._value(context)))
        if buffer.tell() > LONGEST_OUTPUT:
            raise OutputStreamLimitError("too much", token=self.token)
        return written

    def _value(self, context: RenderContext) -> Any:
        """The value. Most are a name, or a member of one, and found without asking Liquid."""
        if self._name is not None:
            try:
                value = context.scope[self._name]
                if self._member is None:
                    return value
                if type(value) is dict:
                    return value[self._member]
            except KeyError:
                pass
        return self.expression.evaluate(context)


class Output(output.Output):
    """The tag of every `{{ … }}`."""

    node_class = Printed


class Text(content.ContentNode):
    """Literal text, which adds up in loops."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: Any) -> int:  # noqa: ARG002 theirs
        if buffer.tell() > LONGEST_OUTPUT:
            raise OutputStreamLimitError("too much", token=self.token)
        return buffer.write(self.text)


class Literal(content.Literal):
    """The tag of all literal text."""

    node_class = Text


class Template(BoundTemplate):
    """One compiled text."""

    def print(self, values: Mapping[str, Any]) -> str:
        """The text with these values in it. Raises one of RENDERING."""
        context, paper = RenderContext(self, globals=values), StringIO()
        for node in self.nodes:
            node.render_to_output(context, paper)
        text = paper.getvalue()
        if len(text) > LONGEST_OUTPUT or (not text.isascii() and len(text.encode()) > LONGEST_OUTPUT):
            raise OutputStreamLimitError("too much", token=None)
        return text

    def printed(self) -> Iterator[Printed]:
        """Every `{{ … }}` in it."""
        return (node for node in self.every_node(self.nodes) if isinstance(node, Printed))

    def every_node(self, nodes: Iterable[Node]) -> Iterator[Node]:
        """All nodes, however deep."""
        for node in nodes:
            yield node
            yield from self.every_node(node.children(RenderContext(self)))


class Liquid(Environment):
    """Liquid as templates have it. No limit of it can be lifted by a template."""

    template_class = Template
    block_nesting_limit = 12
    context_depth_limit = 20
    loop_iteration_limit = 2000
    local_namespace_limit = 50_000

    def __init__(self, language: str):
        self._language = language
        super().__init__(undefined=StrictUndefined, strict_filters=True)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        return lexer.tokens

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:  # noqa: ARG002 theirs
        for tag in (*TAGS, Literal, Output):
            self.add_tag(tag)
        for name, filter_ in filters.every(self._language).items():
            self.add_filter(name, filter_)


@lru_cache(64)
def environment(language: str) -> Liquid:
    """The language of templates in a language of people."""
    return Liquid(language)


def compiled(source: str, language: str) -> Template:
    """A text compiled, its variables printed as they are until somebody says otherwise. Raises LiquidError."""
    return cast("Template", environment(language).from_string(source))


def ranges_outside_loops(template: Template) -> Iterator[int]:
    """Where a range such as `(1..n)` stands that is not what a loop goes over: only loops count their steps."""
    for node in template.every_node(template.nodes):
        for expression in node.expressions():
            if not isinstance(expression, LoopExpression) and _has_range(expression):
                yield node.token.start_index


def _has_range(expression: Expression) -> bool:
    return isinstance(expression, RangeLiteral) or any(map(_has_range, expression.children()))


def reason(error: Exception) -> tuple[str, str]:
    """Code and words for what went wrong. They are ours: Liquid's own quote what was written."""
    if isinstance(error, escapes.Unsafe):
        return "unsafe-value", str(error)
    for kinds, code, words in REASONS:
        if isinstance(error, kinds):
            return code, words
    return "wrong-value", "a filter or comparison cannot use this value"


REASONS: tuple[tuple[Any, str, str], ...] = (
    (UndefinedError, "undefined", "a member or item that the value does not have"),
    (OutputStreamLimitError, "too-large", f"at most {LONGEST_OUTPUT:,} bytes when rendered"),
    (LoopIterationLimitError, "too-many-steps", f"at most {Liquid.loop_iteration_limit:,} steps of loops"),
    ((ResourceLimitError, filters.TooMuch, RecursionError), "too-much", "less depth and shorter texts"),
    (LiquidSyntaxError, "syntax", "a tag or expression that can be read, every block closed"),
)
