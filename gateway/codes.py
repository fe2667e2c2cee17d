"""Codes that people copy by hand and use once: 120 bits, in letters and digits that are not taken for each other."""

import os

from gateway.ids import ALPHABET

LENGTH, GROUP = 24, 6


def draw() -> str:
    """A new code, such as `4v7k0n-b2m9xq-…`, in four groups."""
    number = int.from_bytes(os.urandom(15))
    letters = "".join(ALPHABET[number >> 5 * at & 31] for at in range(LENGTH))
    return "-".join(letters[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def normal(text: str) -> str:
    """A code as it was drawn, however it was typed."""
    return "".join(letter for letter in text.lower() if letter in ALPHABET)
