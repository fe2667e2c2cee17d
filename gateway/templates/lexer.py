"""Cuts a template into literal text, outputs and tags, in one pass over it.

Liquid's own lexer does this with a regular expression that takes the square of the time for a long run of blanks, and
holds everybody up meanwhile. Comments come to nothing here, and there is no `raw`.
"""

import re
from collections.abc import Iterator

from liquid.exceptions import LiquidSyntaxError
from liquid.token import TOKEN_CONTENT, TOKEN_EOF, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG, Token

LONGEST_EXPRESSION = 2000
"""Characters of one output or tag."""
OPENING = re.compile(r"\{[{%]-?")
CLOSING = {"{": "}}", "%": "%}"}
NAME = re.compile(r"#|\w*")
END_OF_COMMENT = re.compile(r"\{%(-?)\s*endcomment\s*(-?)%\}")


def tokens(source: str) -> Iterator[Token]:
    """The tokens of a template. Raises LiquidSyntaxError for what is not closed, and for an endless expression."""
    here, trim = 0, False
    while here < len(source):
        opening = OPENING.search(source, here)
        start = opening.start() if opening else len(source)
        yield from _text(source, here, start, trim, opening is not None and opening[0].endswith("-"))
        if opening is None:
            return
        end = source.find(CLOSING[source[start + 1]], opening.end())
        if end < 0 or end - start > LONGEST_EXPRESSION:
            raise _unclosed(source, start)
        trim = source[end - 1] == "-" and end > opening.end()
        inner_end = end - 1 if trim else end
        here = end + 2
        if source[start + 1] == "{":
            yield Token(TOKEN_OUTPUT, source[start:here], start, source)
            yield from _expression(source, opening.end(), inner_end)
            continue
        name_at = _skip(source, opening.end(), inner_end)
        name = NAME.match(source, name_at, inner_end)
        if name is not None and name[0] == "comment":
            comment = END_OF_COMMENT.search(source, here)
            if comment is None:
                raise _unclosed(source, start)
            here, trim = comment.end(), comment[2] == "-"
        elif name is not None and name[0] != "#":
            yield Token(TOKEN_TAG, name[0], name_at, source)
            yield from _expression(source, name.end(), inner_end)


def _text(source: str, start: int, end: int, trim_left: bool, trim_right: bool) -> Iterator[Token]:
    text = source[start:end]
    text = text.lstrip() if trim_left else text
    text = text.rstrip() if trim_right else text
    if text:
        yield Token(TOKEN_CONTENT, text, start, source)


def _expression(source: str, start: int, end: int) -> Iterator[Token]:
    text = source[start:end].strip()
    if text or source[start - 1] in "{-":  # an output has one even where it is empty
        yield Token(TOKEN_EXPRESSION, text, _skip(source, start, end), source)


def _skip(source: str, start: int, end: int) -> int:
    """Past the blanks."""
    return end - len(source[start:end].lstrip())


def _unclosed(source: str, at: int) -> LiquidSyntaxError:
    return LiquidSyntaxError("not closed", token=Token(TOKEN_EOF, source[at : at + 2], at, source))
