"""By when a stop must hold that was said to somebody, written in a letter or left on a machine (CORE-UNS-4). What comes
through the gateway holds at once and needs no clock.
"""

from gateway.config import Venue
from gateway.rules import Clocked, Rulebook


class Deadlines:
    """Sets clocks, by what an address tells and by the venue's own law: not by what is stored of a guest, so that the
    answer is the same whether there is one."""

    def __init__(self, rulebook: Rulebook, venue: Venue):
        self._rulebook, self._venue = rulebook, venue

    def of(self, kind: str, address: str, received: int) -> int | None:
        """The earliest end (ms) of the days that these laws give, for a stop received then; None where none of them
        gives any."""
        laws = self._rulebook.laws_of(self._venue.country, **{kind: address})
        ends = [self._end(law, received) for law in laws]
        return min((end for end in ends if end > received), default=None)

    def _end(self, law: str, received: int) -> int:
        asked = Clocked(jurisdiction=law, what="unsubscribe", received_at=received, timezone=self._venue.timezone)
        return self._rulebook.deadline(asked).ends_at
