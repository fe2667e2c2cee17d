"""Consents come to an end: on a day of their own, or because a law lets their kind count for some months only. That is
noticed ahead, and when it happens; each is an event of its own in the ledger, once."""

import sqlite3
from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import structs

from gateway import ids, pages
from gateway.clock import Clock, rfc3339
from gateway.letters import DAY_MS
from gateway.privacy.consents import append
from gateway.privacy.forms import EndingList, EndingQuery, EndingView
from gateway.rules import RecipientFacts, Rulebook, Venue, overtaken
from gateway.store import consents, endings
from gateway.store.consents import NewConsent
from gateway.store.db import Database, Tx
from gateway.store.endings import Watched

AHEAD_DAYS = 30
"""How long before its end a consent is said to be `expiring`."""
SLICE = 200
NEVER = "never"
"""Stands for the rule of a consent that does not end."""


class Notice(NamedTuple):
    """What is found out about a watched consent: when it ends and by which rule, and what is to be told of it."""

    watched: Watched
    ends_at: int | None
    rule: str
    what: Literal["expiring", "expired", "over"] | None


class Endings:
    """Looks for consents that end. `venue`: whose law follows it abroad."""

    def __init__(self, db: Database, rulebook: Rulebook, venue: Venue, ids_: ids.Ids, clock: Clock):
        self._db, self._rulebook, self._venue, self._ids, self._clock = db, rulebook, venue, ids_, clock
        self._next = 0

    async def tidy(self) -> None:
        """Called every hour: look at what is new, and once a day, and at the start, at everything."""
        now = self._clock.now()
        whole = now >= self._next
        await self.look(fresh=not whole)
        if whole:
            self._next = now + DAY_MS

    async def look(self, fresh: bool = False) -> None:
        """Look at every consent that may end, or only at those nobody has looked at, and tell what there is to tell."""
        after = 0
        while True:
            notices = await self._db.read(self._notices, after, fresh)
            if not notices:
                return
            await self._db.write(self._tell, notices)
            after = notices[-1].watched.id

    def _notices(self, reader: sqlite3.Connection, after: int, fresh: bool) -> list[Notice]:
        return [self._notice(reader, one) for one in endings.watched(reader, after, fresh, SLICE)]

    def _notice(self, reader: sqlite3.Connection, watched: Watched) -> Notice:
        """What holds of one now. What was over when it was recorded is no news, and what came later may have made an
        end of it, or put it off."""
        guest = RecipientFacts(country=watched.country, region=watched.region, timezone=watched.timezone)
        ends_at, rule = self._rulebook.ending(watched.event, self._venue, guest) or (None, NEVER)
        later = [one.event for one in consents.entries(reader, watched.guest_id) if one.id > watched.id]
        now, event = self._clock.now(), watched.event
        if watched.status == "erased" or overtaken(event, later) or (ends_at or event.at + 1) <= event.at:
            return Notice(watched, ends_at, rule, "over")
        if ends_at is not None and ends_at <= now:
            return Notice(watched, ends_at, rule, "expired")
        soon = ends_at is not None and ends_at <= now + AHEAD_DAYS * DAY_MS and not watched.told
        return Notice(watched, ends_at, rule, "expiring" if soon else None)

    def _tell(self, tx: Tx, looks: Sequence[list[Notice]]) -> list[None]:
        """The work of a look: each is told once, whoever looks at the same time."""
        for notices in looks:
            self._note(tx, notices)
        return [None] * len(looks)

    def _note(self, tx: Tx, notices: list[Notice]) -> None:
        endings.note(tx, [(one.ends_at, one.rule, one.watched.id) for one in notices])
        for one in notices:
            if one.what == "expiring" and endings.tell(tx, one.watched.id):
                append(tx, self._entry(one, tx.now))
            if one.what in ("expired", "over") and endings.let_go(tx, one.watched.id) and one.what == "expired":
                append(tx, self._entry(one, tx.now))

    def _entry(self, notice: Notice, now: int) -> NewConsent:
        """The event: the consent it is about as it was, with its end."""
        event = structs.replace(notice.watched.event, action=notice.what, at=now, expires_at=notice.ends_at)
        return NewConsent(
            self._ids.new(), notice.watched.guest_id, event, None, "gateway", about=notice.watched.id
        )  # fmt: skip

    async def many(self, query: EndingQuery) -> EndingList:
        """A page of the consents that end within so many days, the newest first."""
        await self.look(fresh=True)
        now = self._clock.now()
        until = now + int(query.within.removesuffix("d")) * DAY_MS
        rows = await self._db.read(endings.page, now, until, query.before, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return EndingList([self._view(row) for row in page], cursor)

    def _view(self, row: Watched) -> EndingView:
        event = row.event
        citation = (self._rulebook.rule(row.rule or "") or {}).get("citation", "")
        return EndingView(
            ids.public("con", row.uuid), ids.public("gst", row.guest_uuid), event.kind, list(event.channels or ()),
            list(event.categories or ()), rfc3339(row.ends_at or 0), row.rule or "", citation,
        )  # fmt: skip
