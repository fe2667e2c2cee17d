"""Tallies: counts that add up, and durations that are known to five percent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store import tally

DURATION = st.integers(0, tally.LONGEST_MS)


def tally_of(durations):
    return sum(map(tally.lasting, durations))


def test_no_bucket_is_wider_than_five_percent():
    """From each bound to the next it is at most 5 %, or the one millisecond that clocks can tell apart."""
    pairs = list(zip(tally.BOUNDS, tally.BOUNDS[1:], strict=False))
    assert len(pairs) > 400
    assert [pair for pair in pairs if pair[1] - pair[0] > max(1, 0.05 * pair[0])] == []


def test_the_places_of_buckets_never_change():
    """They are stored: some bounds, as the first release has them."""
    assert len(tally.BOUNDS) == 415
    assert [tally.BOUNDS[place] for place in (0, 1, 40, 41, 100, 200, 414)] == [
        0, 1, 40, 42, 597, 77146, 2592000000,
    ]  # fmt: skip


@given(st.lists(DURATION, min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_never_too_small_and_at_most_five_percent_too_large(durations, percent):
    """What is told lies between the true value and that with 5 % more."""
    (told,) = tally.percentiles(tally_of(durations), percent)
    true = sorted(durations)[-(-len(durations) * percent // 100) - 1]
    assert true <= told <= max(true, min(int(true * 1.05) + 1, tally.LONGEST_MS))


@given(st.lists(DURATION, max_size=20), st.lists(DURATION, max_size=20))
def test_what_is_added_can_be_taken_away(some, more):
    """The sum of two is as if all had been counted in one, in memory and in the store; and it can be undone."""
    together = tally_of(some + more)
    assert tally_of(some) + tally_of(more) == together
    assert together - tally_of(more) == tally_of(some)
    kept, added = tally.pack(tally_of(some)), tally.pack(tally_of(more))
    assert tally.unpack(tally.plus(kept, added)) == together


@pytest.mark.parametrize("ms", [-5, 0])
def test_a_clock_that_was_put_back_makes_no_duration_negative(ms):
    """What seems to have taken less than nothing took nothing."""
    assert tally.percentiles(tally.lasting(ms), 50) == (0,)


def test_what_takes_for_ever_counts_as_the_longest():
    """A year is thirty days; and of nothing there is no percentile."""
    assert tally.percentiles(tally.lasting(365 * 86_400_000), 50) == (tally.LONGEST_MS,)
    assert tally.percentiles(0, 50) is None


def test_counts_side_by_side_do_not_spill_over():
    """Four thousand million of one are no one of its neighbour."""
    full = tally.one(3) * (2**32 - 1) + tally.one(5)
    assert tally.counts(full) == (0, 0, 0, 2**32 - 1, 0, 1)
