"""By when something must be done (CORE-BIZ, DSR-2): a local calendar day, or an instant where the law counts hours.

The day of receipt does not count. Working days and rolling go by national holidays only: one of a single region, or in
a calendar nobody knows, is a working day here, so that a deadline is rather too early than too late.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field, structs

from gateway.clock import milliseconds
from gateway.errors import Fault, Invalid
from gateway.rules.calendars import is_national_holiday, later_month
from gateway.rules.entries import Deadline, What
from gateway.rules.given import Fact, Moment, in_milliseconds
from gateway.rules.pack import Jurisdiction, Overlay
from gateway.rules.windows import DAY, HOUR, instant_of, zone_of

PAUSING = ("access", "access_extended")
"""Clocks that stop while a guest is asked for proof of who they are (DSR-2)."""
PAUSED, AT_ONCE = "DSR-2", "CORE-UNS-4"
CITED = (PAUSED, AT_ONCE)
FIRST, LAST = (milliseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2200))
"""Between these any moment can be reckoned with."""


class Pause(Fact, frozen=True, kw_only=True):
    """A time during which the clock stood still: from the request for proof until the proof."""

    from_: Moment = field(name="from")
    to: Moment

    def __post_init__(self):
        in_milliseconds(self, "from_", "to")


class Clocked(Fact, frozen=True, kw_only=True):
    """What is asked: which clock, started when, and on whose wall. `jurisdiction`: a pack or an overlay, such as "EU"
    or "US-FL". `country`: the member state whose holidays count, for laws of many countries."""

    jurisdiction: str
    what: What
    received_at: Moment
    timezone: str
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    pauses: Annotated[list[Pause], Meta(max_length=100)] | None = None

    def __post_init__(self):
        in_milliseconds(self, "received_at")


class Due(Struct, frozen=True):
    """The answer. Either `due_date`, the last local day, or `due_at`, the last instant (ms); `reasons` are the rules it
    comes from. `ends_at`: the instant (ms) at which the time is up in either case."""

    due_date: date | None
    due_at: int | None
    reasons: tuple[str, ...]
    ends_at: int


class Place(NamedTuple):
    """What the law of a place says of clocks."""

    law: Jurisdiction
    overlay: Overlay | None

    def terms(self, what: What) -> list[Deadline]:
        """Everything that is said of a clock there."""
        return [said.deadline[what] for said in self if said is not None and what in said.deadline]

    def calendar(self, country: str | None) -> str:
        """Whose holidays count; "none" where nobody knows."""
        if self.law.calendar != "country":
            return self.law.calendar
        home = self.overlay.countries[0] if self.overlay and self.overlay.countries else "none"
        return country or home


def due(asked: Clocked, laws: Mapping[str, Jurisdiction], overlays: Mapping[str, Overlay]) -> Due:
    """The earliest of what the place and its overlay say; what they say nothing about is due at once. Raises Invalid
    with every fault of the question."""
    overlay = overlays.get(asked.jurisdiction)
    law = laws.get(overlay.base if overlay else asked.jurisdiction)
    zone = zone_of(asked.timezone)
    faults = list(_wrong_moments(asked))
    if zone is None:
        faults.append(Fault("/timezone", "unknown-zone", "an IANA name such as Europe/Lisbon"))
    if law is None:
        faults.append(Fault("/jurisdiction", "unknown-jurisdiction", f"one of {', '.join((*laws, *overlays))}"))
    else:
        faults += _unsaid(asked, Place(law, overlay))
    if faults or law is None or zone is None:
        raise Invalid(faults=faults)
    place = Place(law, overlay)
    clocks = [Running(terms, asked, zone, place.calendar(asked.country)) for terms in place.terms(asked.what)]
    ends = min((clock.due() for clock in clocks), key=lambda one: one.ends_at, default=None)
    return ends or Due(None, asked.received_at, (AT_ONCE,), asked.received_at)


def _wrong_moments(asked: Clocked) -> Iterator[Fault]:
    moments = {"/received_at": asked.received_at}
    for number, pause in enumerate(asked.pauses or ()):
        moments |= {f"/pauses/{number}/from": pause.from_, f"/pauses/{number}/to": pause.to}
        if pause.to < pause.from_:
            yield Fault(f"/pauses/{number}/to", "bad-time", "not before its `from`")
    for pointer, at in moments.items():
        if not FIRST <= at < LAST:
            yield Fault(pointer, "bad-time", "a moment from 1970 to 2199")


def _unsaid(asked: Clocked, place: Place) -> Iterator[Fault]:
    """What this place's law knows nothing about."""
    if asked.what != "unsubscribe" and not place.terms(asked.what):
        known = dict.fromkeys(["unsubscribe", *place.law.deadline, *(place.overlay.deadline if place.overlay else ())])
        yield Fault("/what", "no-deadline", f"here there is one for {', '.join(known)}")
    if place.law.calendar == "country" and asked.country and asked.country not in place.law.countries:
        yield Fault("/country", "unknown-country", f"one of {', '.join(place.law.countries)}")
    if asked.pauses and asked.what not in PAUSING:
        yield Fault("/pauses", "does-not-pause", f"left out: only the clocks of {' and '.join(PAUSING)} stand still")


class Running(NamedTuple):
    """One clock that runs."""

    terms: Deadline
    asked: Clocked
    zone: ZoneInfo
    calendar: str

    def due(self) -> Due:
        """When the time is up. A pause moves that by its whole days, unless it comes too late."""
        ends, moved = self._after(0), 0
        for begins, ended in _apart(self.asked):
            if begins >= ends.ends_at:
                break
            moved += (ended - begins) // DAY
            ends = self._after(moved)
        return structs.replace(ends, reasons=(*ends.reasons, PAUSED)) if moved else ends

    def _after(self, paused_days: int) -> Due:
        terms, start = self.terms, self.asked.received_at
        if terms.hours is not None:
            at = start + terms.hours * HOUR + paused_days * DAY
            return Due(None, at, (terms.rule,), at)
        day = self._last_day(datetime.fromtimestamp(start / 1000, self.zone).date()) + timedelta(days=paused_days)
        while terms.roll and not self._works(day):
            day += timedelta(days=1)
        return Due(day, None, (terms.rule,), instant_of(datetime.combine(day + timedelta(days=1), time()), self.zone))

    def _last_day(self, received: date) -> date:
        if self.terms.months is not None:
            return later_month(received, self.terms.months)
        if self.terms.days is not None:
            return received + timedelta(days=self.terms.days)
        day, left = received, self.terms.business_days or 0
        while left:
            day += timedelta(days=1)
            left -= self._works(day)
        return day

    def _works(self, day: date) -> bool:
        return day.weekday() < 5 and not is_national_holiday(self.calendar, day)


def _apart(asked: Clocked) -> list[tuple[int, int]]:
    """The pauses since the receipt in their order, those that overlap as one."""
    apart: list[tuple[int, int]] = []
    for pause in sorted(asked.pauses or (), key=lambda pause: pause.from_):
        begins, ended = max(pause.from_, asked.received_at), pause.to
        if apart and begins <= apart[-1][1]:
            first, last = apart.pop()
            begins, ended = first, max(last, ended)
        if ended > begins:
            apart.append((begins, ended))
    return apart
