"""Public names of things: a typed prefix and a UUIDv7 in Crockford's base 32, such as `msg_01jd8z…`.

Inside, a row carries the 16 bytes; they sort by time, so indexes over them grow at the end (RFC 9562 §5.7).
"""

import os
import threading
from struct import Struct

from gateway.clock import Clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LETTERS, _DIGITS = frozenset(ALPHABET), str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")
"""Crockford's letters, and how Python writes the same values."""
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
LENGTH = 26
_NUMBERS, _HALVES = Struct(">512Q"), Struct(">QQ")


class Ids:
    """Draws UUIDv7s that never repeat and never go backwards within this process, whatever the clock does."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._last = 0
        self._pool: list[int] = []
        self._lock = threading.Lock()

    def new(self) -> bytes:
        """16 bytes: 48 bits of milliseconds, a 12-bit counter within the millisecond, 62 random bits."""
        with self._lock:
            stamp = max(self._clock.now() << 12, self._last + 1)
            self._last = stamp
            if not self._pool:  # one call to the kernel serves 512 ids
                self._pool.extend(_NUMBERS.unpack(os.urandom(_NUMBERS.size)))
            random = self._pool.pop()
        return _HALVES.pack((stamp >> 12 << 16) | (7 << 12) | (stamp & 0xFFF), (2 << 62) | (random >> 2))


def public(prefix: str, raw: bytes) -> str:
    """`public("msg", raw)` is `msg_` and 26 characters."""
    number = int.from_bytes(raw)
    high, low, pairs = number >> 60, number & (1 << 60) - 1, _PAIRS  # written out: every message asks thrice
    return (
        f"{prefix}_{pairs[high >> 60]}{pairs[high >> 50 & 1023]}{pairs[high >> 40 & 1023]}{pairs[high >> 30 & 1023]}"
        f"{pairs[high >> 20 & 1023]}{pairs[high >> 10 & 1023]}{pairs[high & 1023]}{pairs[low >> 50]}"
        f"{pairs[low >> 40 & 1023]}{pairs[low >> 30 & 1023]}{pairs[low >> 20 & 1023]}{pairs[low >> 10 & 1023]}"
        f"{pairs[low & 1023]}"
    )


def pattern(prefix: str) -> str:
    """What public ids of this prefix look like, as a regular expression."""
    return f"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{{LENGTH - 1}}}$"


def parse(prefix: str, text: str) -> bytes | None:
    """The 16 bytes behind a public id of this prefix, or None if it is not one (case does not matter)."""
    head, _, body = text.lower().rpartition("_")
    if head != prefix or len(body) != LENGTH or not _LETTERS.issuperset(body):
        return None
    number = int(body.translate(_DIGITS), 32)
    return number.to_bytes(17)[1:] if number < 1 << 128 else None
