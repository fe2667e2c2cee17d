"""Hours in which messages may arrive, over every change of the clocks, against an oracle that counts minutes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.clock import milliseconds, parse_rfc3339, rfc3339
from gateway.rules.windows import MINUTE, Opening, Window, instant_of, open_everywhere, shut, week_of, zone_of

CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "America/St_Johns": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),  # half an hour
    "Pacific/Auckland": ("2026-04-05", "2026-09-27"),
    "America/Santiago": ("2026-04-05", "2026-09-06"),  # at midnight
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),
    "Asia/Kolkata": ("2026-06-01", "2026-12-01"),  # never
}


def opening(*daily: str, **days) -> Opening:
    window = Window(rule="HOUSE-1", channels=("sms",), classes=("marketing",), daily=daily or None, **days)
    return Opening("HOUSE-1", week_of(window))


def minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def is_open(hours: tuple[str, str], zone: str, at: int) -> bool:
    """The oracle: read the guest's clock."""
    wall = datetime.fromtimestamp(at / 1000, ZoneInfo(zone))
    return minutes(hours[0]) <= wall.hour * 60 + wall.minute < minutes(hours[1])


def first_open(hours: tuple[str, str], zones: list[str], at: int) -> int | None:
    """The oracle: wait minute by minute, for three days at most."""
    for minute in range(3 * 24 * 60):
        instant = at if minute == 0 else (at // MINUTE + minute) * MINUTE
        if all(is_open(hours, zone, instant) for zone in zones):
            return instant
    return None


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, int]:
    """A zone, and an instant within two days of a change of its clock."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    day = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone]))).replace(tzinfo=UTC)
    return zone, milliseconds(day) + draw(st.integers(-2 * 86_400_000, 2 * 86_400_000))


@st.composite
def hours(draw: st.DrawFn) -> tuple[str, str]:
    """Hours of a day, to the minute, the odd ones at night too."""
    start = draw(st.integers(0, 24 * 60 - 31))
    end = draw(st.integers(start + 30, 24 * 60))
    return tuple(f"{edge // 60:02d}:{edge % 60:02d}" for edge in (start, end))


@settings(deadline=None, max_examples=60)
@given(moments(), hours())
@example(("Europe/Berlin", 1774746000000), ("02:10", "02:50"))  # an hour that does not exist that night
@example(("America/New_York", 1793509200000), ("01:10", "01:50"))  # an hour that comes twice
def test_the_next_opening_is_the_first_open_minute(moment: tuple[str, int], span: tuple[str, str]):
    """Deferral ends at the first open instant, never earlier or later, also when the clocks change before it."""
    zone, at = moment
    expected = first_open(span, [zone], at)
    found, pushed = open_everywhere([opening("-".join(span))], [zone_of(zone)], at)
    if expected is not None:
        assert rfc3339(found) == rfc3339(expected)
        assert is_open(span, zone, found)
        assert bool(pushed) == (found > at)
    assert bool(shut([opening("-".join(span))], [zone_of(zone)], at)) == (not is_open(span, zone, at))


@settings(deadline=None, max_examples=25)
@given(moments(), st.lists(st.sampled_from(sorted(CHANGES)), min_size=2, max_size=3, unique=True))
def test_several_zones_are_open_together(moment: tuple[str, int], zones: list[str]):
    """For a guest who may be in several zones, only what is open in all of them is open."""
    span, at = ("06:00", "22:30"), moment[1]
    expected = first_open(span, zones, at)
    found, _ = open_everywhere([opening("-".join(span))], [zone_of(zone) for zone in zones], at)
    assert found == expected or (expected is None and (found is None or found >= at + 2 * 86_400_000))


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ("2026-11-24T19:59:59.999Z", "2026-11-24T19:59:59.999Z"),
        ("2026-11-24T20:00:00Z", "2026-11-25T08:00:00Z"),
        ("2026-11-25T07:59:59.999Z", "2026-11-25T08:00:00Z"),
        ("2026-11-25T08:00:00Z", "2026-11-25T08:00:00Z"),
    ],
)
def test_a_window_is_half_open(now: str, found: str):
    """Open at its first millisecond, closed at its last."""
    at, _ = open_everywhere([opening("08:00-20:00")], [zone_of("UTC")], parse_rfc3339(now))
    assert rfc3339(at) == found


def test_a_day_that_is_not_mentioned_is_closed():
    """From Friday evening a window of working days alone leads to Monday, one with Saturdays to Saturday."""
    friday = parse_rfc3339("2026-11-27T20:00:00Z")
    working = opening(mon_fri=("10:00-13:00", "14:00-20:00"))
    weekend = opening(mon_fri=("10:00-20:00",), sat=("12:00-13:00",))
    assert rfc3339(open_everywhere([working], [zone_of("UTC")], friday)[0]) == "2026-11-30T10:00:00Z"
    assert rfc3339(open_everywhere([weekend], [zone_of("UTC")], friday)[0]) == "2026-11-28T12:00:00Z"


def test_holidays_close_a_window():
    """Christmas in France is no day for an advertisement; the same hours without holidays are open."""
    noon = parse_rfc3339("2026-12-25T12:00:00Z")
    hours_ = opening("08:00-20:00")
    closed = Opening(hours_.rule, hours_.week, ("FR",))
    assert open_everywhere([hours_], [zone_of("UTC")], noon)[0] == noon
    found, pushed = open_everywhere([closed], [zone_of("UTC")], noon)
    assert found > noon + int(timedelta(hours=12).total_seconds() * 1000) and pushed == ["HOUSE-1"]


def test_hours_that_never_meet_never_open():
    """Two windows without a common minute give no instant; with one they do."""
    start = parse_rfc3339("2026-11-24T00:00:00Z")
    assert open_everywhere([opening("08:00-10:00"), opening("10:00-12:00")], [zone_of("UTC")], start)[0] is None
    meet = open_everywhere([opening("08:00-10:01"), opening("10:00-12:00")], [zone_of("UTC")], start)[0]
    assert rfc3339(meet) == "2026-11-24T10:00:00Z"


@settings(deadline=None, max_examples=150)
@given(moments())
@example(("Europe/Berlin", 1774748400000 - 30 * MINUTE))
def test_a_time_on_the_wall_comes_once(moment: tuple[str, int]):
    """The first minute at which the clock shows it; where it is never shown, the first minute after the gap."""
    zone, at = moment
    wall = datetime.fromtimestamp(at // MINUTE * 60, UTC).replace(tzinfo=None)  # some time there, shown or not
    found = instant_of(wall, ZoneInfo(zone))
    start = milliseconds(wall.replace(tzinfo=UTC)) - 15 * 3_600_000
    every = (start + minute * MINUTE for minute in range(31 * 60))
    shown = (
        (instant, datetime.fromtimestamp(instant / 1000, ZoneInfo(zone)).replace(tzinfo=None)) for instant in every
    )
    reached = [(instant, clock) for instant, clock in shown if clock >= wall]
    exact = [instant for instant, clock in reached if clock == wall]
    assert rfc3339(found) == rfc3339(min(exact) if exact else reached[0][0])
