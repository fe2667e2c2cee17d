"""How long things about guests are kept, and what makes them go when their time is over: once a day, a little at a
time, so that nobody who sends or reads waits for it.

What stays without end: stops (a guest's no must outlive everything else), the record, whose chain would break, and of a
message the bare fact that there was one.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import Literal, NamedTuple

from msgspec import Struct

from gateway import metrics
from gateway.clock import DAY_MS, Clock, aged_before, rfc3339
from gateway.config import Retention as Periods
from gateway.errors import Conflict
from gateway.privacy.erasure import GATEWAY, Erasure
from gateway.store import ageing, holds
from gateway.store.ageing import BEGINNING, Due, Slice
from gateway.store.db import Database, Tx
from gateway.views import Time

What = Literal["bodies", "replies", "events", "inactive_guests", "consents"]
SHOWN = 30
"""How many runs a report shows: a month of them."""


class RunOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether it is only to be said what would go."""

    dry_run: bool = False


class ClockView(Struct, frozen=True):
    """A time that runs: of what (and of which category, where it has one of its own), how long it is, how many have
    lived through it, and how many of these are held."""

    what: What
    category: str | None
    after: str
    due: int
    held: int


class RunView(Struct, frozen=True):
    """A run: when, by whom, and how many of what went."""

    at: Time
    by: str
    went: dict[str, int]


class RetentionReport(Struct, frozen=True):
    """What would go now, how many guests are under a legal hold, and what went in the last runs, the newest first."""

    clocks: list[ClockView]
    holds: int
    runs: list[RunView]


class Going(NamedTuple):
    """Something that ages, as it is now: what is from before `before` (ms; None: nothing is) has lived through it."""

    what: What
    category: str | None
    after: str
    before: int | None


class Retention:
    """Knows what has aged, and lets it go."""

    def __init__(self, db: Database, erasure: Erasure, clock: Clock, periods: Periods):
        self._db, self._erasure, self._clock, self._periods = db, erasure, clock, periods
        self._at_work = False

    async def report(self) -> RetentionReport:
        """What would go, what went, what is held. Nothing changes."""
        clocks = []
        for going in await self._going():
            due = await self._due(going)
            clocks.append(ClockView(going.what, going.category, going.after, *due))
        runs = [RunView(rfc3339(run.at), run.actor, run.went) for run in ageing.runs(self._db.reader, SHOWN)]
        return RetentionReport(clocks, holds.count(self._db.reader), runs)

    async def run(self, actor: str) -> RetentionReport:
        """Let everything go that has lived through its time; how it stands afterwards. Raises Conflict while another
        run is at work."""
        if self._at_work:
            raise Conflict("Retention is at work already.")
        self._at_work = True
        try:
            await self._run(actor)
        finally:
            self._at_work = False
        return await self.report()

    async def tidy(self) -> None:
        """Run, if nobody has today."""
        last = next(iter(ageing.runs(self._db.reader, 1)), None)
        if not self._at_work and (last is None or last.at // DAY_MS < self._clock.now() // DAY_MS):
            await self.run(GATEWAY)

    async def _run(self, actor: str) -> None:
        went: dict[str, int] = {}
        for going in await self._going():
            if going.before is not None:
                went[going.what] = went.get(going.what, 0) + await self._let_go(going, going.before, actor)
        for what, count in went.items():
            metrics.AGED.labels(what).inc(count)
        await self._db.do(lambda tx: _end(tx, actor, went))

    async def _going(self) -> list[Going]:
        """Everything that ages. A text goes by its category, where that has a period of its own."""
        periods, now = self._periods, self._clock.now()
        found = [Going("inactive_guests", None, periods.inactive_guests, aged_before(periods.inactive_guests, now))]
        for category in await self._db.read(ageing.categories):
            own = periods.categories.get(category)
            after = own.bodies if own else periods.bodies
            found.append(Going("bodies", category, after, aged_before(after, now)))
        found += [
            Going("replies", None, periods.bodies, aged_before(periods.bodies, now)),
            Going("events", None, periods.events, aged_before(periods.events, now)),
            Going("consents", None, periods.consents, aged_before(periods.consents, now)),
        ]
        return found

    # -- what has aged ------------------------------------------------------------------------------------------------

    async def _due(self, going: Going) -> Due:
        if going.before is None:
            return Due(0, 0)
        if going.what == "bodies":
            return await self._db.read(ageing.texts_due, going.category, going.before)
        if going.what == "replies":
            return await self._db.read(ageing.replies_due, going.before)
        if going.what == "events":
            return await self._db.read(ageing.events_due, going.before)
        if going.what == "consents":
            return Due(await self._db.read(ageing.consents_due, going.before), 0)
        free = kept = 0
        async for guests, held in self._quiet(going.before):
            free, kept = free + len(guests), kept + held
        return Due(free + kept, kept)

    async def _quiet(self, before: int) -> AsyncIterator[tuple[list[bytes], int]]:
        """Guests nobody has heard of since then, and how many more of them are held; a few at a time."""
        behind: int | None = 0
        while behind is not None:
            guests, held, behind = await self._db.read(ageing.guests_due, before, behind)
            yield guests, held

    # -- letting go ---------------------------------------------------------------------------------------------------

    async def _let_go(self, going: Going, before: int, actor: str) -> int:
        """How many went."""
        if going.what == "inactive_guests":
            still = partial(ageing.is_quiet, before=before)
            return sum([await self._erasure.forget(some, actor, still) async for some, _ in self._quiet(before)])
        if going.what == "bodies":
            age = partial(ageing.age_texts, category=going.category or "", before=before, why=going.after)
            return await self._slices("messages.text_aged", actor, age)
        if going.what == "replies":
            return await self._slices("replies.text_aged", actor, partial(ageing.age_replies, before=before))
        if going.what == "events":
            return await self._slices("messages.events_aged", actor, partial(ageing.age_events, before=before))
        return await self._let_consents_go(before, actor)

    async def _slices(self, action: str, actor: str, age: Callable[..., Slice]) -> int:
        """Slice after slice, each with an entry in the record."""
        gone, behind = 0, BEGINNING

        def work(tx: Tx) -> Slice:
            slice_ = age(tx, behind=behind)
            if slice_.gone:
                tx.audit(actor, action, "retention", slice_.digest)
            return slice_

        while behind is not None:
            done = await self._db.do(work)
            gone, behind = gone + done.gone, done.behind
        return gone

    async def _let_consents_go(self, before: int, actor: str) -> int:
        gone = 0
        while rows := await self._db.read(ageing.consents_over, before):
            await self._db.do(partial(_age_consents, rows=rows, actor=actor))
            gone += len(rows)
        return gone


def _age_consents(tx: Tx, rows: Sequence[tuple[int, bytes]], actor: str) -> None:
    tx.audit(actor, "consents.aged", "retention", ageing.age_consents(tx, rows))


def _end(tx: Tx, actor: str, went: dict[str, int]) -> None:
    """Texts that nobody has a part of any more go, and the run is noted."""
    ageing.age_shared_texts(tx)
    ageing.note_run(tx, actor, went)
    told = ",".join(f"{what}={count}" for what, count in sorted(went.items()))
    tx.audit(actor, "retention.ran", "retention", sha256(told.encode()).digest())
