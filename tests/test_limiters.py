"""The algorithms of limits: one table of times for all of them, an oracle that counts by hand, and a second opinion."""

import random
from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction

import pytest
import throttled
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from throttled import Quota, Rate, RateLimiterType, Throttled

from gateway import Limiter, LimiterState, NotUsable
from plugins.limiters.concurrency import Concurrency
from plugins.limiters.fixed_window import FixedWindow
from plugins.limiters.gcra import Gcra
from plugins.limiters.leaky_bucket import LeakyBucket
from plugins.limiters.sliding_window import LONGEST_LOG, SlidingLog, SlidingWindow
from plugins.limiters.token_bucket import TokenBucket

SECOND = 1_000_000
MINUTE = 60 * SECOND
NOW = 1_795_514_400 * SECOND
"""A full minute."""
BUCKETS = (TokenBucket, LeakyBucket, Gcra)
ALL = (*BUCKETS, FixedWindow, SlidingWindow, SlidingLog, Concurrency)

kinds = st.sampled_from(ALL)
quotas = st.integers(1, 40)
windows = st.sampled_from([SECOND, 7 * SECOND, MINUTE, 86_400 * SECOND])
bursts = st.integers(1, 50)
steps = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 5)), max_size=60)


def limiter(kind: type[Limiter], quota: int = 60, window: int = MINUTE, burst: int | None = None) -> Limiter:
    """A limit; where a burst means nothing it is the quota."""
    return kind(Limiter.Settings(quota, window, quota if burst is None or not kind.bursts else burst))


def taken(one: Limiter, times: Iterable[float], cost: int = 1) -> list[bool]:
    """Whether a take passed at each of these seconds."""
    state, passed = None, []
    for at in times:
        state, wait = one.take(state, NOW + round(at * SECOND), cost)
        passed.append(wait == 0)
    return passed


# -- the same for all -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("times", "passed"),
    [
        ([0] * 4, [True, True, True, False]),
        ([0, 0, 0, 10**9, 10**9, 10**9, 10**9], [True, True, True, True, True, True, False]),
        ([100, 100, 100, 99, 50], [True, True, True, False, False]),
        ([0, 0, 0, 59.9, 120, 120, 120, 120], [True, True, True, None, True, True, True, False]),
    ],
    ids=["at once", "huge gap", "set back", "windows later"],
)
def test_three_a_minute(kind: type[Limiter], times: list[float], passed: list[bool | None]):
    """What passes and what does not, time by time; None where the algorithms differ, as they are meant to."""
    outcome = taken(limiter(kind, quota=3), times)
    assert [None if wanted is None else got for got, wanted in zip(outcome, passed, strict=True)] == passed


@pytest.mark.parametrize("kind", ALL)
def test_a_cost_above_the_quota_is_refused_plainly(kind: type[Limiter]):
    """It is answered that it can never be met, and takes nothing; the largest that fits is taken."""
    one = limiter(kind, quota=10)
    state, wait = one.take(None, NOW, 11)
    assert wait is None
    state, wait = one.take(state, NOW, 10)
    assert wait == 0
    assert one.take(state, NOW, 1)[1] not in (0, None)


@pytest.mark.parametrize("kind", ALL)
def test_what_is_left_is_what_can_be_taken(kind: type[Limiter]):
    """`remaining` takes nothing itself; after the time it tells, the account is as good as new."""
    one = limiter(kind, quota=10)
    assert one.remaining(None, NOW) == (10, 0)
    state, _ = one.take(None, NOW, 4)
    left, until = one.remaining(state, NOW + SECOND)
    assert left == 6
    assert one.take(state, NOW + SECOND, left)[1] == 0
    assert one.take(state, NOW + SECOND, left + 1)[1] != 0
    assert one.remaining(state, NOW + SECOND + until) == (10, 0)


@pytest.mark.parametrize("kind", ALL)
def test_what_is_given_back_can_be_taken_again(kind: type[Limiter]):
    """Given back at once, the account is as before; given back when nobody counts it any more, nothing changes."""
    one = limiter(kind, quota=10)
    before, _ = one.take(None, NOW, 3)
    state, _ = one.take(before, NOW + 1, 7)
    state = one.give(state, NOW + 2, 7, NOW + 1)
    assert one.remaining(state, NOW + 2) == one.remaining(before, NOW + 2)
    late = NOW + 10 * MINUTE
    assert one.remaining(one.give(state, late, 3, NOW), late) == (10, 0)


@pytest.mark.parametrize("kind", ALL)
def test_a_state_survives_being_written_down(kind: type[Limiter]):
    """For the largest limits one would think of, it decides afterwards as it did before."""
    one = limiter(kind, quota=LONGEST_LOG if kind is SlidingLog else 1_000_000_000, window=86_400 * SECOND)
    state, _ = one.take(None, NOW, 3)
    kept = tuple(json.decode(json.encode(state)))
    assert kept == state
    assert one.remaining(kept, NOW)[0] == one.settings.quota - 3


@pytest.mark.parametrize("kind", ALL)
def test_a_smaller_quota_after_a_reload_holds_at_once(kind: type[Limiter]):
    """A state from before may be fuller than the limit is now: it gives no more than the new one would."""
    state, _ = limiter(kind, quota=100).take(None, NOW, 50)
    left, _ = limiter(kind, quota=5, burst=5).remaining(state, NOW)
    assert 0 <= left <= 5


@given(kinds, quotas, windows, bursts, steps)
def test_never_more_than_quota_and_burst_in_any_window(kind, quota, window, burst, moves):
    """Counted by hand over every two takes within a window; the exact ones never pass the quota."""
    one, now, state, given_out = limiter(kind, quota, window, burst), NOW, None, []
    for gap, cost in moves:
        now += gap * window // 500
        state, wait = one.take(state, now, cost)
        if wait == 0:
            given_out.append((now, cost))
    most = quota + (0 if kind is SlidingLog or kind is Concurrency else one.settings.burst)
    for first, (start, _) in enumerate(given_out):
        assert sum(cost for at, cost in given_out[first:] if at < start + window) <= most


@given(kinds, quotas, windows, bursts, steps, st.integers(1, 50), st.integers(0, 10**6))
def test_whoever_waits_as_long_as_he_was_told_succeeds(kind, quota, window, burst, moves, cost, later):
    """To the microsecond; a microsecond before it is too early."""
    one, now, state = limiter(kind, quota, window, burst), NOW + later, None
    for gap, each in moves:
        now += gap * window // 500
        state, _ = one.take(state, now, each)
    state, wait = one.take(state, now, cost)
    if wait is None:
        assert cost > min(quota, one.settings.burst)
    elif wait:
        assert one.take(state, now + wait, cost)[1] == 0
        assert one.take(state, now + wait - 1, cost)[1] == 1


@given(kinds, quotas, windows, bursts, steps, st.integers(1, 5), st.integers(0, 3 * 500))
def test_giving_back_is_never_worth_more_than_not_taking(kind, quota, window, burst, moves, cost, later):
    """Beside an account that never took it, at the same times, what was given back later leaves no more."""
    one, now, state = limiter(kind, quota, window, burst), NOW, None
    for gap, each in moves:
        now += gap * window // 500
        state, _ = one.take(state, now, each)
    with_it, wait = one.take(state, now, cost)
    if wait != 0:
        return
    after = now + later * window // 500
    assert one.remaining(one.give(with_it, after, cost, now), after)[0] <= one.remaining(state, after)[0]


@given(kinds, quotas, windows, st.lists(st.integers(-300, 300), max_size=40))
def test_a_clock_set_back_and_forth_gives_nothing_away(kind, quota, window, moves):
    """Beside an account whose clock stands still while the other's is behind, no more passes."""
    wild, tame = limiter(kind, quota, window), limiter(kind, quota, window)
    now, latest = NOW, 0
    state = calm = None
    passed = allowed = 0
    for move in moves:
        now += move * window // 500
        latest = max(latest, now)
        state, wait = wild.take(state, now)
        calm, calm_wait = tame.take(calm, latest)
        passed, allowed = passed + (wait == 0), allowed + (calm_wait == 0)
    assert passed <= allowed


# -- each in its own way ----------------------------------------------------------------------------------------------


@given(quotas, windows, bursts, steps)
def test_the_three_buckets_decide_alike_and_as_exact_fractions_do(quota, window, burst, moves):
    """A bucket of tokens counted in fractions is the oracle: all that it gives is given, and no more."""
    ones = [limiter(kind, quota, window, burst) for kind in BUCKETS]
    states: list[LimiterState | None] = [None, None, None]
    tokens, now = Fraction(burst), NOW
    for gap, cost in moves:
        now += gap * window // 500
        tokens = min(Fraction(burst), tokens + Fraction(gap * window // 500 * quota, window))
        enough = tokens >= cost
        tokens -= cost * enough
        for number, one in enumerate(ones):
            states[number], wait = one.take(states[number], now, cost)
            assert (wait == 0) == enough


@given(quotas, windows, steps)
def test_the_log_is_exact(quota, window, moves):
    """It refuses only what would make more than the quota within the window that ends now."""
    one, now, state, given_out = limiter(SlidingLog, quota, window), NOW, None, []
    for gap, cost in moves:
        now += gap * window // 500
        within = sum(each for at, each in given_out if at > now - window)
        state, wait = one.take(state, now, cost)
        assert (wait == 0) == (within + cost <= quota)
        if wait == 0:
            given_out.append((now, cost))


def test_the_weighted_window_lets_the_last_one_leave_evenly():
    """Ten in the last minute; half of them still count half a minute into this one."""
    one = limiter(SlidingWindow, quota=10)
    assert taken(one, [0] * 10 + [60, 66, 66, 90, 90, 90, 90, 90]) == [True] * 10 + [
        False, True, False, True, True, True, True, False,
    ]  # fmt: skip


def test_a_fixed_window_begins_anew_with_the_clock():
    """Three at the end of one minute, three at the beginning of the next: as it is told."""
    assert taken(limiter(FixedWindow, quota=3), [59, 59, 59, 59, 60, 60, 60, 60]) == [True] * 3 + [False] + [
        True, True, True, False,
    ]  # fmt: skip


def test_what_hangs_holds_its_place_for_a_window_at_most():
    """Two under way, one of them is answered and makes room; the other is given up after the window."""
    one = limiter(Concurrency, quota=2)
    state, _ = one.take(None, NOW)
    state, _ = one.take(state, NOW + SECOND)
    state, wait = one.take(state, NOW + 2 * SECOND)
    assert wait == 58 * SECOND
    state = one.give(state, NOW + 3 * SECOND, 1, NOW + SECOND)
    state, wait = one.take(state, NOW + 3 * SECOND)
    assert wait == 0
    assert one.take(state, NOW + 60 * SECOND)[1] == 0


def test_a_log_too_long_to_keep_is_refused():
    """It says what to use instead; the longest is taken."""
    limiter(SlidingLog, quota=LONGEST_LOG)
    with pytest.raises(NotUsable, match="10000 at most"):
        limiter(SlidingLog, quota=LONGEST_LOG + 1)


# -- a second opinion -------------------------------------------------------------------------------------------------

OTHERS = {
    TokenBucket: RateLimiterType.TOKEN_BUCKET,
    LeakyBucket: RateLimiterType.LEAKING_BUCKET,
    Gcra: RateLimiterType.GCRA,
    FixedWindow: RateLimiterType.FIXED_WINDOW,
    SlidingWindow: RateLimiterType.SLIDING_WINDOW,
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("seed", range(5))
def test_another_implementation_decides_alike(kind: type[Limiter], seed: int, monkeypatch: pytest.MonkeyPatch):
    """On the same trace of whole seconds, 60 a minute. It counts the last window's takes in whole ones, so its sliding
    window may let one more through in each."""
    chance, now = random.Random(seed), 1_795_514_400
    monkeypatch.setattr(throttled.utils, "now_sec", lambda: now)
    monkeypatch.setattr(throttled.utils, "now_ms", lambda: now * 1000)
    monkeypatch.setattr(throttled.utils, "now_mono_f", lambda: float(now))
    burst = 20 if kind.bursts else 60
    quota = Quota(Rate(timedelta(seconds=60), 60), burst)
    other = Throttled(key="k", using=OTHERS[kind].value, quota=quota, store=throttled.MemoryStore())
    one, state = limiter(kind, 60, MINUTE, burst), None
    ours, theirs = [], []
    for _ in range(600):
        now += chance.choice([0, 0, 0, 0, 0, 1, 3])
        state, wait = one.take(state, now * SECOND)
        ours.append(wait == 0)
        theirs.append(not other.limit().limited)
    assert False in ours
    if kind is SlidingWindow:
        assert abs(sum(ours) - sum(theirs)) <= 2 + (now - 1_795_514_400) // 60
    else:
        assert ours == theirs
