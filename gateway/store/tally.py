"""Many counts side by side in one integer, 32 bits each: to add two tallies is to add every count to its like.

So a sum over many rows costs one addition a row, however much was counted in it, and what is taken away again is taken
away exactly. Durations are counted in buckets that are never more than 5 % wide, so that a percentile is known to 5 %;
up to 40 ms, where 5 % are less than two milliseconds, every millisecond has its own.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

BITS = 32
LONGEST_MS = 30 * 86_400_000
"""What took longer counts as if it had taken this long."""


def _bounds() -> Iterator[int]:
    bound = 0
    while bound < LONGEST_MS:
        yield bound
        bound += max(1, bound // 20)
    yield LONGEST_MS


BOUNDS = tuple(_bounds())
"""The longest duration (ms) in each bucket. The place of a bucket is stored: these never change."""


def one(place: int) -> int:
    """A tally whose count at this place is 1, and 0 at all others."""
    return 1 << place * BITS


_ONE = tuple(one(bucket) for bucket in range(len(BOUNDS)))


def lasting(ms: int) -> int:
    """A tally of one duration."""
    return _ONE[bisect_left(BOUNDS, min(ms, LONGEST_MS))]


def pack(tally: int) -> bytes | None:
    """As the store keeps it; None when nothing was counted."""
    return tally.to_bytes((tally.bit_length() + 7) // 8, "little") if tally else None


def unpack(kept: bytes | None) -> int:
    """Out of the store."""
    return int.from_bytes(kept, "little") if kept else 0


def plus(kept: bytes | None, more: bytes | None) -> bytes | None:
    """The sum of two as the store keeps them; SQL knows it by this name."""
    return pack(unpack(kept) + unpack(more)) if kept and more else kept or more


def counts(tally: int) -> tuple[int, ...]:
    """The counts by their places, as far as the last that is not 0."""
    places = -(-tally.bit_length() // BITS)
    return struct.unpack(f"<{places}I", tally.to_bytes(places * BITS // 8, "little"))


def percentiles(tally: int, *percents: int) -> tuple[int, ...] | None:
    """For each of `percents`, the duration (ms) that so many percent of those counted did not exceed: the bound of the
    bucket in which the last of these lies. None when nothing was counted."""
    running = list(accumulate(counts(tally)))
    if not running:
        return None
    return tuple(BOUNDS[bisect_left(running, -(-running[-1] * percent // 100))] for percent in percents)
