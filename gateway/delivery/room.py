"""A thread with an event loop and one channel in it. It can be left from outside, whatever the channel does."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gateway.channel import Channel
from gateway.delivery.defects import Hung
from gateway.logs import Log

MARGIN = 0.5
"""How long the loop may take to show that it turns (s)."""
CALLS_AT_MOST = 1000
"""Calls of `asyncio.to_thread` in one room that may be under way."""

Work = Callable[[Channel], Awaitable[Any]]
WHATEVER = (Exception, asyncio.CancelledError, SystemExit, KeyboardInterrupt)
"""All that a channel can raise; it is told to whoever waits for it, here."""


class Room:
    """What comes out of it after `leave` is not heard. Built on the gateway's loop (*here*); the channel is *there*."""

    def __init__(self, provider: str, build: Callable[[], Channel], log: Log):
        self._provider, self._build, self._log = provider, build, log
        self._here, self._there = asyncio.get_running_loop(), asyncio.new_event_loop()
        self._asked: set[asyncio.Future] = set()
        self._tasks: dict[asyncio.Future, asyncio.Task] = {}
        self._over = asyncio.Event()
        self.left = False
        self.opened: asyncio.Future[BaseException | None] = self._here.create_future()
        """Done when it is open (None), or cannot be."""
        self.thread = threading.Thread(target=self._run, name=f"channel {provider}", daemon=True)
        self.thread.start()

    # -- here ---------------------------------------------------------------------------------------------------------

    async def ask(self, work: Work) -> Any:
        """What `work` makes of the channel, over there. Raises what it raised, and Hung once the room was left."""
        if self.left:
            raise Hung()
        answer = self._here.create_future()
        self._asked.add(answer)
        self._tell(self._begin, work, answer)
        try:
            result, error = await answer
        finally:
            self._asked.discard(answer)
            if answer.cancelled():
                self._tell(self._cancel, answer)
        if error is not None:
            raise error
        return result

    async def answers(self) -> bool:
        """Whether the loop over there turns."""
        sign = self._here.create_future()
        self._tell(self._say, resolve, sign, True)
        turned, _ = await asyncio.wait([sign], timeout=MARGIN)
        return bool(turned)

    def leave(self) -> None:
        """End it, or if it cannot be ended, turn away from it: everybody who waits for it hears `Hung`."""
        self.left = True
        self._tell(self._over.set)
        resolve(self.opened, Hung())
        for answer in self._asked:
            resolve(answer, (None, Hung()))

    def _tell(self, call: Callable, *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended
            self._there.call_soon_threadsafe(call, *arguments)

    # -- there --------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with contextlib.suppress(BaseException), asyncio.Runner(loop_factory=lambda: self._there) as runner:
            runner.run(self._live())
        self._say(self.leave)

    async def _live(self) -> None:
        """Open the channel and stay, until the room is left. Whatever still runs then is cancelled."""
        self._there.set_default_executor(Workers())
        self._there.set_exception_handler(self._complain)
        self._opening = asyncio.create_task(self._open())
        await self._over.wait()

    async def _open(self) -> None:
        error: BaseException | None = None
        try:
            self._channel = self._build()
            await self._channel.open()
        except WHATEVER as raised:
            error = raised
        self._say(resolve, self.opened, error)

    def _begin(self, work: Work, answer: asyncio.Future) -> None:
        self._tasks[answer] = asyncio.create_task(self._work(work, answer))

    def _cancel(self, answer: asyncio.Future) -> None:
        if task := self._tasks.get(answer):
            task.cancel()

    async def _work(self, work: Work, answer: asyncio.Future) -> None:
        try:
            said: tuple[Any, Exception | None] = await work(self._channel), None
        except WHATEVER as error:
            said = None, error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
        finally:
            del self._tasks[answer]
        self._say(resolve, answer, said)

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task nobody waits for has failed: by default asyncio would print its words."""
        error = type(context.get("exception")).__name__
        self._log.warning("channel's own task raised", provider=self._provider, error=error)

    def _say(self, call: Callable, *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the gateway has ended
            self._here.call_soon_threadsafe(call, *arguments)


class Workers(ThreadPoolExecutor):
    """For `asyncio.to_thread` over there: daemons, because the end of the process would wait for any other thread."""

    def __init__(self):
        super().__init__(1)
        self._free = threading.Semaphore(CALLS_AT_MOST)

    def submit(self, call: Callable, /, *arguments: Any, **named: Any) -> Future:
        if not self._free.acquire(blocking=False):
            raise RuntimeError("too many calls have not come back")
        future: Future = Future()
        threading.Thread(target=self._do, args=(future, call, arguments, named), daemon=True).start()
        return future

    def _do(self, future: Future, call: Callable, arguments: tuple, named: dict[str, Any]) -> None:
        try:
            if future.set_running_or_notify_cancel():
                future.set_result(call(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 it belongs to whoever waits
            future.set_exception(error)
        finally:
            self._free.release()


def resolve(future: asyncio.Future, result: Any) -> None:
    """Give a future its result, unless it has one or nobody waits."""
    if not future.done():
        future.set_result(result)
