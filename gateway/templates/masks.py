"""A template with its Liquid hidden, so that programs that know only HTML can work on it, and the way back.

A tag between elements becomes a comment, which no HTML parser moves; everything else becomes a word.
"""

import re
from collections.abc import Container
from typing import NamedTuple

from liquid.token import TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG

from gateway.templates import lexer


class Piece(NamedTuple):
    """A piece of a template: literal text, or one whole Liquid construct; `at` is its place in the source."""

    kind: str
    text: str
    at: int
    name: str = ""


def pieces(source: str) -> list[Piece]:
    """A template cut up, with comments left out and blanks stripped where `{%-` asks for it. Raises
    LiquidSyntaxError."""
    found: list[Piece] = []
    for token in lexer.tokens(source):
        if token.kind == TOKEN_CONTENT:
            found.append(Piece("text", token.value, token.start_index))
        elif token.kind == TOKEN_OUTPUT:
            found.append(Piece("output", "{{ }}", token.start_index))
        elif token.kind == TOKEN_TAG:
            found.append(Piece("tag", f"{{% {token.value} %}}", token.start_index, token.value))
        elif token.kind == TOKEN_EXPRESSION:
            found[-1] = _with_expression(found[-1], token.value)
    return found


def _with_expression(piece: Piece, expression: str) -> Piece:
    text = f"{{{{ {expression} }}}}" if piece.kind == "output" else f"{{% {piece.name} {expression} %}}"
    return piece._replace(text=text)


class Masked:
    """A template behind masks; `text` is what may be worked on."""

    def __init__(self, cut: list[Piece], between: Container[int]):
        self._word = _unused("".join(piece.text for piece in cut))
        self._hidden = [piece for piece in cut if piece.kind != "text"]
        self._any = re.compile(rf"<!--{self._word}(\d+)x-->|{self._word}(\d+)x")
        numbers = iter(range(len(self._hidden)))
        self.text = "".join(
            piece.text if piece.kind == "text" else self._mask(piece, next(numbers), between) for piece in cut
        )
        self.places: dict[int, int] = {}
        """Of the last text uncovered: where each construct now is, and where it was in the source."""

    def _mask(self, piece: Piece, number: int, between: Container[int]) -> str:
        word = f"{self._word}{number}x"
        return f"<!--{word}-->" if piece.at in between else word

    def uncover(self, text: str) -> str:
        """The worked-on text with its Liquid in it again."""
        parts: list[str] = []
        self.places.clear()
        length = last = 0
        for match in self._any.finditer(text):
            piece = self._hidden[int(match[1] or match[2])]
            parts += text[last : match.start()], piece.text
            length += match.start() - last
            self.places[length] = piece.at
            length, last = length + len(piece.text), match.end()
        return "".join(parts) + text[last:]

    def lost(self) -> list[Piece]:
        """What did not come back in the last text that was uncovered."""
        there = set(self.places.values())
        return [piece for piece in self._hidden if piece.at not in there]

    def source_of(self, offset: int) -> int:
        """Where in the source the last construct before an offset of the masked text is."""
        before = list(self._any.finditer(self.text, 0, max(0, offset)))
        return self._hidden[int(before[-1][1] or before[-1][2])].at if before else 0


def _unused(text: str) -> str:
    word = "lq"
    while word in text.lower():
        word += "q"
    return word
