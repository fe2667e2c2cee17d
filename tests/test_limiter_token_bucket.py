"""The token bucket: a table of times, and an oracle that counts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import Limiter
from plugins.limiters.token_bucket import TokenBucket

NOW = 1_795_514_400.0

quotas = st.integers(1, 1000)
windows = st.sampled_from([1.0, 7.0, 60.0, 3600.0, 86400.0])
bursts = st.integers(1, 50)


def bucket(quota: int = 100, window: float = 60.0, burst: int | None = None) -> TokenBucket:
    return TokenBucket(Limiter.Settings(quota, window, quota if burst is None else burst))


def takes(limiter: TokenBucket, times: list[float], cost: int = 1, state: tuple | None = None) -> list[float]:
    """The waits that were answered at these times, one take after the other."""
    waits = []
    for now in times:
        state, wait = limiter.take(state, now, cost)
        waits.append(wait)
    return waits


@pytest.mark.parametrize(
    ("quota", "burst", "times", "taken"),
    [
        (60, 3, [0, 0, 0, 0], [True, True, True, False]),
        (60, 3, [0, 0, 0, 0.9, 1.0, 1.0], [True, True, True, False, True, False]),
        (60, 1, [0, 0.5, 1, 1.5, 2], [True, False, True, False, True]),
        (60, 2, [0, 0, 10**9, 10**9, 10**9], [True, True, True, True, False]),
        (60, 2, [100, 100, 99, 50, 101], [True, True, False, False, True]),
        (1, 1, [0, 59, 60], [True, False, True]),
    ],
    ids=["burst", "refill", "even", "huge gap", "set back", "slow"],
)
def test_takes_at_these_times(quota: int, burst: int, times: list[float], taken: list[bool]):
    """What passes and what does not, time by time."""
    assert [wait == 0 for wait in takes(bucket(quota, 60.0, burst), [NOW + at for at in times])] == taken


def test_a_cost_larger_than_the_bucket_is_never_met():
    """It is answered at once and takes nothing; the largest that fits is taken."""
    limiter = bucket(burst=10)
    state, wait = limiter.take(None, NOW, 11)
    assert wait == math.inf
    assert limiter.take(state, NOW, 10)[1] == 0


def test_what_is_left_and_until_when():
    """`remaining` counts whole takes, and says when it is full again; it takes nothing itself."""
    limiter = bucket(quota=60, burst=10)
    assert limiter.remaining(None, NOW) == (10, 0.0)
    state, _ = limiter.take(None, NOW, 4)
    assert limiter.remaining(state, NOW) == (6, pytest.approx(4.0, abs=1e-5))
    assert limiter.remaining(state, NOW + 1.5) == (7, pytest.approx(2.5, abs=1e-5))
    assert limiter.remaining(state, NOW + 4) == (10, 0.0)


def test_a_clock_set_back_and_forth_fills_nothing():
    """A minute is only counted once, however often the clock shows it."""
    limiter = bucket(quota=60, burst=60)
    _, *waits = takes(limiter, [NOW, NOW - 30, NOW, NOW - 50, NOW], cost=60)
    assert waits == pytest.approx([90, 60, 110, 60], abs=1e-5)


@pytest.mark.parametrize("back", [1.0, 59.0, 3600.0, 86_400.0 * 3650])
def test_a_clock_set_back_stalls_for_one_window_at_most(back: float):
    """After ten years back the caller waits a minute more, not ten years."""
    limiter = bucket(quota=60, burst=1)
    state, _ = limiter.take(None, NOW)
    state, wait = limiter.take(state, NOW - back)
    assert wait == pytest.approx(min(back, 60) + 1, abs=1e-5)
    assert limiter.take(state, NOW - back + wait)[1] == 0


def test_a_smaller_bucket_after_a_reload_holds_no_more_than_it_can():
    """A state from before may be fuller than the bucket is now."""
    state, _ = bucket(quota=100).take(None, NOW)
    assert bucket(quota=100, burst=5).remaining(state, NOW)[0] == 5


@given(quotas, windows, bursts, st.lists(st.tuples(st.floats(0, 100), st.integers(1, 5)), max_size=60))
def test_never_more_than_burst_and_quota_in_any_stretch(quota: int, window: float, burst: int, steps: list):
    """Counted by hand over every pair of takes: burst, and quota for each window between them."""
    limiter, now, state, given_out = bucket(quota, window, burst), NOW, None, []
    for gap, cost in steps:
        now += gap * window / 100 / 5
        state, wait = limiter.take(state, now, cost)
        if wait == 0:
            given_out.append((now, cost))
    for first in range(len(given_out)):
        total = 0
        for at, cost in given_out[first:]:
            total += cost
            assert total <= burst + (at - given_out[first][0] + 2e-6) * quota / window


@given(quotas, windows, bursts, st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=40))
def test_all_that_is_promised_is_given(quota: int, window: float, burst: int, steps: list):
    """A refusal is one: a bucket counted in exact fractions would not have had enough either."""
    limiter, now, state = bucket(quota, window, burst), NOW, None
    tokens, seen = burst * 1.0, NOW
    for gap, cost in steps:
        now += gap * window / quota
        tokens, seen = min(burst, tokens + (now - seen) * quota / window), now
        state, wait = limiter.take(state, now, cost)
        if wait:
            assert tokens < cost + 1e-6 * (1 + quota / window)
        else:
            tokens -= cost


@given(quotas, windows, bursts, st.integers(1, 50), st.floats(0, 4e9), st.floats(0, 1e6))
def test_whoever_waits_as_long_as_he_was_told_succeeds(quota, window, burst, cost, now, later):
    """To the microsecond, whatever the clock shows; just before it is too early."""
    limiter = bucket(quota, window, burst)
    state, _ = limiter.take(None, now, burst)
    state, wait = limiter.take(state, now + later % (window / quota), cost)
    asked = now + later % (window / quota)
    if cost > burst:
        assert wait == math.inf
    elif wait:
        assert limiter.take(state, asked + wait, cost)[1] == 0
        assert wait < 1e-5 or limiter.take(state, asked + wait - 1e-5, cost)[1] > 0


def test_a_state_survives_being_written_down():
    """It is a tuple of whole numbers that fit into 64 bits, for the largest limit one would think of."""
    state, _ = bucket(quota=1_000_000, window=86_400.0).take(None, NOW)
    assert all(isinstance(number, int) and number < 2**63 for number in state)
