"""Public names of things: a typed prefix and a UUIDv7 in Crockford's base 32, such as `msg_01jd8z…`.

Inside, a row carries the 16 bytes; they sort by time, so indexes over them grow at the end (RFC 9562 §5.7).
"""

import os
import threading

from gateway.clock import Clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
LENGTH = 26


class Ids:
    """Draws UUIDv7s that never repeat and never go backwards within this process, whatever the clock does."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._last = 0
        self._pool = b""
        self._at = 0
        self._lock = threading.Lock()

    def new(self) -> bytes:
        """16 bytes: 48 bits of milliseconds, a 12-bit counter within the millisecond, 62 random bits."""
        with self._lock:
            stamp = max(self._clock.now() << 12, self._last + 1)
            self._last = stamp
            random = self._random()
        return ((stamp >> 12 << 80) | (7 << 76) | ((stamp & 0xFFF) << 64) | (2 << 62) | (random >> 2)).to_bytes(16)

    def _random(self) -> int:
        """64 random bits out of a pool: one call to the kernel serves 512 ids."""
        if self._at >= len(self._pool):
            self._pool, self._at = os.urandom(4096), 0
        self._at += 8
        return int.from_bytes(self._pool[self._at - 8 : self._at])


def public(prefix: str, raw: bytes) -> str:
    """`public("msg", raw)` is `msg_` and 26 characters."""
    number = int.from_bytes(raw)
    pairs = _PAIRS
    text = "".join([pairs[(number >> shift) & 1023] for shift in range(120, -1, -10)])
    return f"{prefix}_{text}"


def parse(prefix: str, text: str) -> bytes | None:
    """The 16 bytes behind a public id of this prefix, or None if it is not one (case does not matter)."""
    head, _, body = text.lower().rpartition("_")
    if head != prefix or len(body) != LENGTH:
        return None
    number = 0
    for letter in body:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return number.to_bytes(17)[1:] if number < 1 << 128 else None
