"""A new sender begins with few messages a day: mailboxes trust an address by what has come from it before."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.clock import Clock, milliseconds
from gateway.store import warm_ups
from gateway.store.db import Database
from gateway.store.warm_ups import Today


class WarmUp:
    """Counts on disk before a message leaves, so that no restart lets more leave than a day allows.

    `schedules`: by slug, "" for the house's own sender, how many may leave on the first day, the second, and so on.
    Days are those of the venue's clock, and run on whether or not something is sent.
    """

    def __init__(self, db: Database, schedules: Mapping[str, tuple[int, ...]], zone: str, clock: Clock):
        self._db, self._clock, self._zone = db, clock, ZoneInfo(zone)
        self._schedules = {sender: allowed for sender, allowed in schedules.items() if allowed}
        self._full: dict[str, int] = {}

    def watches(self, sender: str | None) -> bool:
        """Whether this sender has a schedule."""
        return (sender or "") in self._schedules

    async def admit(self, sender: str | None) -> int | None:
        """Count one more message of a sender that has a schedule; None, or the time (ms) at which its next day begins
        when today has no more. Raises what the store does."""
        slug = sender or ""
        today = datetime.fromtimestamp(self._clock.now() / 1000, self._zone).date()
        if self._full.get(slug) != today.toordinal():
            if await self._db.write(warm_ups.take, Today(slug, today.toordinal(), self._schedules[slug])):
                return None
            self._full[slug] = today.toordinal()
        tomorrow = today + timedelta(days=1)
        return milliseconds(datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=self._zone))
