"""What has to be done from time to time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from gateway.errors import GatewayError, StorageFailed
from gateway.logs import Log

Chore = Callable[[], Awaitable[object]]


class Housekeeping:
    """Does chores, one after the other, again and again. One that fails is told of, and keeps none of the others from
    being done.

    `fatal` ends the process when storage has failed; `defect` is shown what should not have happened.
    """

    def __init__(self, log: Log, fatal: Callable[[str], None], defect: Callable[[Exception], None]):
        self._log, self._fatal, self._defect = log, fatal, defect

    async def every(self, seconds: float, chores: Callable[[], Iterable[Chore]], first: float = 0.0) -> None:
        """Do what `chores` then names every so many seconds, beginning in `first` seconds, until this is cancelled."""
        await asyncio.sleep(first)
        while True:
            for chore in chores():
                await self._do(chore)
            await asyncio.sleep(seconds)

    async def _do(self, chore: Chore) -> None:
        try:
            await chore()
        except StorageFailed:
            self._fatal("what a chore had to write cannot be written")
        except GatewayError as error:  # a full disk, a lock from outside: another time
            self._log.warning("a chore waits", code=error.code)
        except Exception as error:  # noqa: BLE001 a chore that is broken must not end the others
            self._log.error("a chore failed", error=type(error).__name__)
            self._defect(error)
