"""When there is more to do than can be done: what matters least is refused first, at once and at no cost.

Judged by three marks: how long the oldest write has waited for the store, how many wait, and how late a request is
begun with. At a mark bulk is refused, at twice the mark offers too, at four times all that can be asked again. Nobody's
stop, no withdrawal and no emergency ever is.
"""

import asyncio
import random
from enum import IntEnum
from typing import NoReturn

from gateway import metrics
from gateway.clock import Clock
from gateway.config import Overload as Marks
from gateway.entrance import Entrance
from gateway.errors import Unavailable
from gateway.logs import Log
from gateway.model import MessageClass
from gateway.store.db import Database

TICK = 0.05
RISES_AFTER = 3
"""Looks in a row above a mark that make it so: one slow turn of the loop is no overload."""
FALLS_AFTER = 20
"""Looks in a row below half a mark that end it, while there was room for all who came."""
A_FEW = 64
"""So many writes are worth a commit: while fewer wait, and fewer requests, what is refused as the last is let in, so
that clients who never pause cannot bring the work to a halt."""
RETRY = (2.0, 6.0)
"""Seconds after which to ask again, drawn between: those refused together shall not come back together."""


class Importance(IntEnum):
    """What a request is worth when not all can be taken; `FIRST` is never refused."""

    BULK = 1
    OFFER = 2
    USUAL = 3
    FIRST = 4


def importance(class_: MessageClass, many: bool = False) -> Importance:
    """What a message of this class is worth, or a bulk of `many`."""
    if class_ == "emergency":
        return Importance.FIRST
    if many:
        return Importance.BULK
    return Importance.OFFER if class_ == "marketing" else Importance.USUAL


TIMES = {Importance.BULK: 1, Importance.OFFER: 2, Importance.USUAL: 4}
"""At how many times a mark what is so important, and no more, is refused."""


class Overload:
    """Looks twenty times a second how much waits, and refuses accordingly."""

    def __init__(self, db: Database, entrance: Entrance, marks: Marks, clock: Clock, log: Log):
        self.marks, self.refusing = marks, 0
        """`refusing`: the highest importance that is refused; 0 for none."""
        self._db, self._entrance, self._clock, self._log = db, entrance, clock, log
        self._above = self._below = 0
        self._without_room = 0
        """How many found no room since the last look who would have been let in if there had been some."""
        self._looking: asyncio.Task | None = None

    def start(self) -> None:
        self._looking = asyncio.create_task(self._look(), name="overload")

    def stop(self) -> None:
        if self._looking:
            self._looking.cancel()

    def admit(self, importance: Importance) -> None:
        """Raise Unavailable for what is not important enough now."""
        if importance < self.refusing or (importance == self.refusing and not self._has_room(importance, 2 * A_FEW)):
            self._refuse(importance)

    def call_in(self, importance: Importance) -> None:
        """The same for whoever is still outside, where it costs least to refuse: whoever is called in finds room at the
        doors. Raises Unavailable."""
        if importance < self.refusing or (
            importance == self.refusing and not (self._has_room(importance, A_FEW) and self._entrance.call_in())
        ):
            self._refuse(importance)

    def _refuse(self, importance: Importance) -> NoReturn:
        self._without_room += importance == self.refusing != Importance.BULK
        metrics.of(metrics.SHED, importance.name.lower()).inc()
        later = random.uniform(*RETRY)  # noqa: S311 nobody gains by guessing it
        raise Unavailable("There is too much to do; what matters more goes first.", retry_after=later)

    def _has_room(self, importance: Importance, most: int) -> bool:
        """Whether the store would run dry if all of this were refused: then some of it is let in."""
        waiting = max(self._db.waiting, self._entrance.waiting)
        return waiting < most and self._db.oldest_wait() < self.marks.oldest_write and importance > Importance.BULK

    @property
    def standing(self) -> str:
        """`calm`, or what is refused: `refusing bulk`, and all that matters less."""
        return f"refusing {Importance(self.refusing).name.lower()}" if self.refusing else "calm"

    async def _look(self) -> None:
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(TICK)
            self._judge(self._pressure(max(0.0, self._clock.monotonic() - before - TICK)))

    def _pressure(self, lag: float) -> float:
        """How many times its mark the worst of the three has reached."""
        waiting, oldest, late = self._db.waiting, self._db.oldest_wait(), lag + self._entrance.oldest_wait()
        metrics.WRITES_WAITING.set(waiting)
        metrics.OLDEST_WRITE.set(oldest)
        return max(oldest / self.marks.oldest_write, waiting / self.marks.waiting_writes, late / self.marks.loop_lag)

    def _judge(self, pressure: float) -> None:
        """One step up or down at a time, each only after the pressure has lasted."""
        higher = min(self.refusing + 1, Importance.USUAL)
        self._above = self._above + 1 if pressure >= TIMES[Importance(higher)] else 0
        calm = self.refusing and not self._without_room and pressure < TIMES[Importance(self.refusing)] / 2
        self._without_room = 0
        self._below = self._below + 1 if calm else 0
        if self._above >= RISES_AFTER and higher > self.refusing:
            self._turn_to(higher)
        elif self._below >= FALLS_AFTER:
            self._turn_to(self.refusing - 1)

    def _turn_to(self, level: int) -> None:
        self.refusing, self._above, self._below = level, 0, 0
        metrics.REFUSING.set(level)
        self._log.warning("overload", code=self.standing)
