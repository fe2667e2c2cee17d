"""The kept connections of a provider: opened when needed, used again and again, never more than it has slots."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway import Failure

from .session import Session

LONGEST_REST = 60.0
"""Seconds after which an idle connection is not trusted any more: something on the way may have forgotten it."""


class Pool:
    """Lends sessions. The one used last is lent first, so that those too many grow old and are ended."""

    def __init__(self, slots: int, open_one: Callable[[], Awaitable[Session]], seconds: Callable[[], float]):
        self._open, self._seconds = open_one, seconds
        self._slots = asyncio.Semaphore(slots)
        self._resting: list[Session] = []
        self._taken = 0
        self._withheld = 0

    async def take(self) -> Session:
        """A session for one mail, to be given back. Waits for a slot; raises `Failure` when none can be opened.

        A server that turns one more connection away while others are busy has enough of them: that slot is withheld
        until one of the others ends, and the mail waits for one of these.
        """
        while True:
            await self._slots.acquire()
            self._taken += 1
            try:
                return self._rested() or await self._open()
            except BaseException as reason:
                self._taken -= 1
                if self._taken and isinstance(reason, Failure) and (reason.status_code or "").startswith("4"):
                    self._withheld += 1
                    continue
                self._slots.release()
                self._fewer()
                raise

    def give(self, session: Session) -> None:
        """Back to rest, or away with it."""
        self._taken -= 1
        self._slots.release()
        if session.ready:
            session.rests_since = self._seconds()
            self._resting.append(session)
        else:
            self._end(session)

    def close(self) -> None:
        """End those at rest politely."""
        while self._resting:
            self._resting.pop().quit()

    def _rested(self) -> Session | None:
        while self._resting:
            session = self._resting.pop()
            if session.ready and self._seconds() - session.rests_since < LONGEST_REST:
                return session
            self._end(session)
        return None

    def _end(self, session: Session) -> None:
        session.abort()
        self._fewer()

    def _fewer(self) -> None:
        """A connection less at the server: a slot that was withheld may be tried again."""
        if self._withheld:
            self._withheld -= 1
            self._slots.release()
