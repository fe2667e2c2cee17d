"""Which limits refused of late: counted by the minute, in memory, for an hour."""

from collections import Counter, deque

from gateway.limits.rule import SECOND, Rule

MINUTES = 60


class Refusals:
    """Outlives a reload; a restart begins anew. Limits on trial are counted with what they would have refused."""

    def __init__(self):
        self._minutes: deque[tuple[int, Counter[str]]] = deque(maxlen=MINUTES)

    def note(self, rule: Rule, _: bytes, now: int, __: int | None) -> None:
        """A limit refused, at this time of the limits' own."""
        minute = now // (60 * SECOND)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, Counter()))
        self._minutes[-1][1][rule.name] += 1

    def lately(self, name: str, now: int) -> int:
        """How often the limit of this name did within the last hour, to the minute."""
        since = now // (60 * SECOND) - MINUTES
        return sum(counted[name] for minute, counted in self._minutes if minute > since)
