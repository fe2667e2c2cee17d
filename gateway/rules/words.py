"""Words evened out, so that what means the same is the same."""

import re
from unicodedata import category, normalize

GAPS = re.compile(r"[\s_\-\u2010-\u2015]+")
APOSTROPHES = re.compile("['\u2019\u02bc`\u00b4]")
UNSEEN = ("Mn", "Me", "Cf")
"""Accents, and characters that are not seen at all."""


def even(text: str) -> str:
    """Without case, accents and what cannot be seen; without anything around it that is neither letter nor digit; one
    space for any gap or hyphen."""
    letters = normalize("NFD", normalize("NFKC", text).casefold())
    letters = "".join(letter for letter in letters if category(letter) not in UNSEEN)
    start, end = 0, len(letters)
    while start < end and not letters[start].isalnum():
        start += 1
    while start < end and not letters[end - 1].isalnum():
        end -= 1
    return GAPS.sub(" ", letters[start:end])


def compact(text: str) -> str:
    """Even and without its gaps: "Opt-out" is "optout"."""
    return even(text).replace(" ", "")


def words_of(text: str) -> list[str]:
    """The words of a text: without what stands between them, and "don't" as one."""
    return re.findall(r"\w+", APOSTROPHES.sub("", even(text)))


def spaced(text: str) -> str:
    """The words of a text with a space before and after each, so that one can be found whole."""
    return f" {' '.join(words_of(text))} "
