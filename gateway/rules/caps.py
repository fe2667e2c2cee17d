"""How many messages in how many hours or days."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.rules.classify import CLASSES
from gateway.rules.entries import Cap
from gateway.rules.findings import Findings
from gateway.rules.given import History
from gateway.rules.windows import DAY, HOUR, instant_of

ANYWHERE: tuple[None] = (None,)


def judge_caps(
    caps: Iterable[Cap],
    history: Sequence[History],
    category: str | None,
    zones: Sequence[ZoneInfo],
    findings: Findings,
) -> None:
    """Defer until enough of what went out lies far enough back, wherever the guest may be."""
    now = findings.now
    for cap in caps:
        moments = [now if one.sent_at is None else one.sent_at for one in history if _counts(cap, one, category)]
        for zone in zones if cap.days and zones else ANYWHERE:
            ends = sorted(end for at in moments if (end := _counts_until(cap, at, zone)) > now)
            if len(ends) >= cap.max:
                findings.defer(cap.rule, ends[len(ends) - cap.max])


def _counts(cap: Cap, sent: History, category: str | None) -> bool:
    """Of the cap's channels, classes and categories, on the same subject where the cap asks for it. What is not known
    counts."""
    if sent.channel is not None and sent.channel not in cap.channels:
        return False
    if sent.class_ in CLASSES and sent.class_ not in cap.classes:
        return False
    if cap.categories and sent.category not in (None, *cap.categories):
        return False
    return cap.same is None or category is None or sent.category in (None, category)


def _counts_until(cap: Cap, at: int, zone: ZoneInfo | None) -> int:
    """When a message that left at `at` counts no longer. Where nobody knows the guest's days, they are whole ones."""
    if cap.days is None or zone is None:
        return at + (cap.hours or 0) * HOUR + (cap.days or 0) * DAY
    day = datetime.fromtimestamp(at // 1000, zone).date() + timedelta(days=cap.days)
    return instant_of(datetime.combine(day, time()), zone)
