"""When a message may arrive: hours of the day where the guest is, over any change of the clocks.

A window is half-open: at its closing minute it is closed. Instants are milliseconds since 1970 UTC. Between two changes
of a zone's clock its wall time is the instant plus a constant, so everything is arithmetic on such stretches.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from gateway.clock import milliseconds
from gateway.model import ChannelName, MessageClass
from gateway.rules.calendars import is_holiday
from gateway.rules.entries import RuleId, Strict

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
HORIZON = 35 * DAY
"""How far ahead is looked. Windows are weekly, so five weeks get over all holidays; hours that only meet after a change
of the clocks count as never meeting."""

Span = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Week = tuple[tuple[tuple[int, int], ...], ...]
"""Per weekday, Monday first: (opening, closing) in milliseconds of the day, in order."""
ALL_DAY = ((0, DAY),)


class Hours(Strict, frozen=True, kw_only=True):
    """Hours in which messages may arrive: the same every day, or Monday to Friday, Saturday and Sunday apart. A day
    that is not mentioned is closed."""

    daily: tuple[Span, ...] | None = None
    mon_fri: tuple[Span, ...] | None = None
    sat: tuple[Span, ...] | None = None
    sun: tuple[Span, ...] | None = None
    holiday: Literal["ignore", "closed"] = "ignore"

    def __post_init__(self):
        apart = (self.mon_fri, self.sat, self.sun)
        if (self.daily is None) == all(day is None for day in apart) or (self.daily and any(apart)):
            raise ValueError("either `daily`, or `mon_fri`, `sat` and `sun`")
        if not any(week_of(self)):
            raise ValueError("a window that never opens")


class Window(Hours, frozen=True, kw_only=True):
    """The hours of messages of these channels and classes, by this rule."""

    rule: RuleId
    channels: tuple[ChannelName, ...]
    classes: tuple[MessageClass, ...]

    def about(self, channel: str, class_: str) -> bool:
        """Whether this window has a say on such a message."""
        return channel in self.channels and class_ in self.classes


@lru_cache(512)
def week_of(window: Hours) -> Week:
    """The window as arithmetic wants it. Raises ValueError for hours that cross midnight or overlap."""
    if window.daily is not None:
        return (spans_of(window.daily),) * 7
    return (spans_of(window.mon_fri or ()),) * 5 + (spans_of(window.sat or ()), spans_of(window.sun or ()))


def spans_of(hours: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Hours of a day in milliseconds. Raises ValueError for those that cross midnight or overlap."""
    spans = tuple(tuple(_of_day(clock) for clock in span.split("-")) for span in hours)
    flat = [edge for span in spans for edge in span]
    if flat != sorted(set(flat)):
        raise ValueError("hours must open before they close, in order, without touching; split those over midnight")
    return spans  # type: ignore[return-value]


def _of_day(clock: str) -> int:
    hour, minute = clock.split(":")
    return (int(hour) * 60 + int(minute)) * MINUTE


class Opening(Struct, frozen=True, cache_hash=True):
    """A window as it applies to one guest: its rule, its week, and whose holidays close it.

    `days`: the first and the last day (counted from 1970-01-01) on which it has a say, on all others it is open.
    `at_home`: it goes by the venue's clock, which is that of `zone`; without one, by every clock of the guest's.
    """

    rule: str
    week: Week
    calendars: tuple[str, ...] = ()
    days: tuple[int, int] | None = None
    at_home: bool = False
    zone: ZoneInfo | None = None

    @property
    def horizon(self) -> int:
        """How far ahead it is looked for an open minute."""
        return HORIZON if self.days is None else HORIZON + (self.days[1] - self.days[0]) * DAY

    def clocks(self, zones: Sequence[ZoneInfo]) -> Sequence[ZoneInfo]:
        """By which of the guest's zones it goes, or by the venue's."""
        return zones if self.zone is None else (self.zone,)

    def open_on_wall(self, wall: int) -> bool:
        """Whether it is open when the guest's clock shows `wall`."""
        day, time = divmod(wall, DAY)
        return any(opens <= time < closes for opens, closes in self._hours(day))

    def next_on_wall(self, wall: int) -> int | None:
        """The first wall time from `wall` on at which it is open, or None within the horizon."""
        first, time = divmod(wall, DAY)
        for day in range(first, first + self.horizon // DAY):
            for opens, closes in self._hours(day):
                if closes > time:
                    return day * DAY + max(opens, time)
            time = 0
        return None

    def _hours(self, day: int) -> tuple[tuple[int, int], ...]:
        if self.days is not None and not self.days[0] <= day <= self.days[1]:
            return ALL_DAY
        if self.calendars and any(is_holiday(calendar, day) for calendar in self.calendars):
            return ()
        return self.week[(day + 3) % 7]  # 1970 began on a Thursday


@lru_cache(1024)
def zone_of(name: str) -> ZoneInfo | None:
    """The zone of this IANA name, or None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def wall_of(zone: ZoneInfo, at: int) -> int:
    """What a clock in this zone shows, as if it were UTC."""
    return at + _offset(zone, at)


def _offset(zone: ZoneInfo, at: int) -> int:
    seconds = datetime.fromtimestamp(at // 1000, zone).utcoffset()
    return int(seconds.total_seconds()) * 1000  # type: ignore[union-attr]


def stretch_end(zone: ZoneInfo, at: int) -> int:
    """Until when the zone's offset stays what it is at `at`; looks one day ahead."""
    offset, low, high = _offset(zone, at), at, at + DAY
    if _offset(zone, high) == offset:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def instant_of(local: datetime, zone: ZoneInfo) -> int:
    """When a clock in this zone shows `local` (without a zone): the first time, where it shows it twice; the first
    minute after the gap, where it never does."""
    at = milliseconds(local.replace(tzinfo=zone))
    if wall_of(zone, at) == milliseconds(local.replace(tzinfo=UTC)):
        return at
    return stretch_end(zone, milliseconds(local.replace(tzinfo=zone, fold=1)))


def next_open(opening: Opening, zone: ZoneInfo, at: int) -> int | None:
    """The first instant from `at` on at which it is open there, or None within the horizon."""
    limit = at + opening.horizon
    while at < limit:
        offset, end = _offset(zone, at), stretch_end(zone, at)
        wall = opening.next_on_wall(at + offset)
        if wall is not None and wall - offset < end:
            return wall - offset
        at = end if wall is None or opening.days is None else max(end, wall - offset - DAY)  # no clock jumps further
    return None


def shut(openings: Iterable[Opening], zones: Sequence[ZoneInfo], at: int) -> list[tuple[Opening, ZoneInfo]]:
    """Every window that is closed at `at`, with the zone it is closed in."""
    walls = {zone: wall_of(zone, at) for zone in zones}
    return [
        (opening, zone)
        for opening in openings
        for zone in opening.clocks(zones)
        if not opening.open_on_wall(walls[zone] if zone in walls else wall_of(zone, at))
    ]


def open_everywhere(openings: Sequence[Opening], zones: Sequence[ZoneInfo], start: int) -> tuple[int | None, list[str]]:
    """The first instant from `start` on that is open in every window and zone (None: never), and the rules that pushed
    it there."""
    at, pushed = _open_from(tuple(openings), tuple(zones), start // MINUTE)
    return None if at is None else max(at, start), list(pushed)


@lru_cache(8192)
def _open_from(
    openings: tuple[Opening, ...], zones: tuple[ZoneInfo, ...], minute: int
) -> tuple[int | None, tuple[str, ...]]:
    """The same from the beginning of a minute. Windows and clocks change on the minute, so it holds for all of it."""
    at = later = start = minute * MINUTE
    pushed: tuple[str, ...] = ()
    limit = start + max((opening.horizon for opening in openings), default=HORIZON)
    while at < limit:
        closed = shut(openings, zones, at)
        if not closed:
            return at, pushed
        pushed += tuple(opening.rule for opening, _ in closed)
        for opening, zone in closed:
            opens = next_open(opening, zone, at)
            if opens is None:
                return None, pushed
            later = max(later, opens)
        at = later
    return None, pushed
