"""What a text message is cut into, and so what it costs (3GPP TS 23.038 and 23.040).

A text whose every character is in the GSM alphabet is counted in septets, any other in UTF-16 units. Nothing that is
two of these is cut in half: no character behind an escape, no surrogate pair.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Characters that stand behind an escape and so count twice."""


class Alphabet(NamedTuple):
    """How long a text may be in one message, and each part of a longer one: its header takes some room."""

    encoding: Literal["GSM-7", "UCS-2"]
    alone: int
    part: int


GSM7, UCS2 = Alphabet("GSM-7", 160, 153), Alphabet("UCS-2", 70, 67)


class Segments(Struct, frozen=True):
    """How a text travels: in which encoding, how many of its units it is long, in how many messages it goes out."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def segments(text: str) -> Segments:
    """Count a text as it goes out, with everything in it that the gateway adds."""
    latin = all(letter in BASIC or letter in EXTENSION for letter in text)
    alphabet = GSM7 if latin else UCS2
    lengths = list(_septets(text) if latin else _utf16(text))
    units = sum(lengths)
    parts = 1 if units <= alphabet.alone else _parts(lengths, alphabet.part)
    return Segments(alphabet.encoding, units, parts)


def _septets(text: str) -> Iterator[int]:
    return (2 if letter in EXTENSION else 1 for letter in text)


def _utf16(text: str) -> Iterator[int]:
    return (2 if letter > "\uffff" else 1 for letter in text)


def _parts(lengths: Iterable[int], room: int) -> int:
    """Fill part after part; what does not fit whole begins the next."""
    parts, used = 1, 0
    for length in lengths:
        if used + length > room:
            parts, used = parts + 1, 0
        used += length
    return parts
