"""A stranger's channel, kept apart: in a room of its own, which is left behind when it blocks.

Two loops meet here. What runs on the gateway's is called *here*, what runs on the stranger's *there*. Here never waits
for there without an end; there waits for here only in `handing_over`, and not for ever either.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from msgspec import structs

from gateway.channel import Channel, Message, Sent
from gateway.delivery.defects import NotOpen
from gateway.delivery.room import Room, Work
from gateway.errors import Failure, Stopped
from gateway.logs import Log

GATE_SECONDS = 5.0
"""How long `handing_over` waits for a busy gateway; after that the message stays."""
LEFT_AT_MOST = 3
"""So many blocked threads of a provider are left behind; when one more blocks, the provider stays down."""
LONGEST_PAUSE = 86_400.0
LONGEST_WORDS = 10_000
CODE = re.compile(r"[\w.-]{1,32}", re.ASCII)


class Apart(Channel):
    """Looks like a channel; the real one is over there. Raises what that raises, `NotOpen`, or `Hung`.

    A call whose time is over is cancelled, and then we look whether the loop over there still turns. If it does not,
    all other calls to it end in `Hung`, and the next one gets a new room with a new channel object.
    """

    def __init__(self, provider: str, kind: type[Channel], build: Callable[[], Channel], log: Log):
        self.carries_headers, self.deduplicates = kind.carries_headers, kind.deduplicates  # type: ignore[misc]
        self._provider, self._build, self._log = provider, build, log
        self._rooms: list[Room] = []
        self._doubt: asyncio.Task | None = None
        self.spent: Callable[[], None] = lambda: None
        """Called when too many rooms are blocked to try another one."""

    async def open(self) -> None:
        """Begin to open it. Whether that works shows at the first message: nobody else waits for a stranger."""
        self._fresh()

    async def compose(self, message: Message) -> bytes:  # type: ignore[override]  # the courier awaits it
        """As the stranger's, but to be awaited."""
        copy = structs.replace(message, before_handover=None)
        return await self._ask(lambda channel: composed(channel, copy))

    async def send(self, message: Message) -> Sent:
        gate = Gate(message)
        copy = structs.replace(message, before_handover=gate)
        try:
            return await self._ask(lambda channel: sent(channel, copy))
        finally:
            gate.shut()

    async def close(self) -> None:
        """Close it if it can still be reached; leave it in any case."""
        if self._doubt:
            await asyncio.wait([self._doubt])
        room = self._rooms[-1]
        try:
            if room.opened.done() and not room.left:
                await room.ask(lambda channel: channel.close())
        finally:
            room.leave()

    async def _ask(self, work: Work) -> Any:
        room = await self._enter()
        try:
            return await room.ask(work)
        except asyncio.CancelledError:
            if self._doubt is None:
                self._doubt = asyncio.create_task(self._look(room), name=f"look after {self._provider}")
            raise

    async def _enter(self) -> Room:
        """The room in use, once it is known to be sound and open."""
        if self._doubt:
            await asyncio.wait([self._doubt])
        room = self._fresh() if self._rooms[-1].left else self._rooms[-1]
        try:
            error = await asyncio.shield(room.opened)
        except asyncio.CancelledError:
            room.leave()
            raise NotOpen() from None
        if error is not None:
            room.leave()
            raise NotOpen() from error
        return room

    def _fresh(self) -> Room:
        """A new room, unless too many old ones are still blocked."""
        blocked = [room for room in self._rooms if room.thread.is_alive()]
        if len(blocked) > LEFT_AT_MOST:
            self.spent()
            raise NotOpen()
        room = Room(self._provider, self._build, self._log)
        self._rooms = [*blocked, room]
        return room

    async def _look(self, room: Room) -> None:
        """Leave a room that does not answer."""
        if not room.left and not await room.answers():
            self._log.error("channel blocks its thread", provider=self._provider, count=len(self._rooms))
            room.leave()
        self._doubt = None


class Gate:
    """Where `handing_over`, called over there, asks here whether the message may still go.

    The answer is made on the gateway's loop, and there it is noted that the message is out. Shut, when nobody waits for
    what becomes of it any more: whoever comes late does not get through.
    """

    def __init__(self, message: Message):
        self._message, self._here, self._open = message, asyncio.get_running_loop(), True

    def __call__(self, _: Message) -> None:
        verdict: Future[None] = Future()
        try:
            self._here.call_soon_threadsafe(self._look, verdict)
        except RuntimeError:  # the gateway has ended
            raise Stopped() from None
        try:
            verdict.result(GATE_SECONDS)
        except TimeoutError:
            if verdict.cancel():
                raise Stopped() from None
            verdict.result()

    def shut(self) -> None:
        self._open = False

    def _look(self, verdict: "Future[None]") -> None:
        if not verdict.set_running_or_notify_cancel():
            return
        try:
            if not self._open:
                raise Stopped()
            self._message.handing_over()
        except Exception as error:  # noqa: BLE001 it belongs to whoever asked
            verdict.set_exception(error)
        else:
            verdict.set_result(None)


# -- what a stranger says ---------------------------------------------------------------------------------------------


async def composed(channel: Channel, message: Message) -> bytes:
    """The bytes it made."""
    payload = channel.compose(message)
    if not isinstance(payload, bytes):
        raise TypeError("compose gives bytes")
    return payload


async def sent(channel: Channel, message: Message) -> Any:
    """Its answer, made of nothing but plain text."""
    try:
        answer = await channel.send(message)
    except Failure as failure:
        raise plain(failure) from None
    return Sent(str(answer.provider_id), str(answer.words)[:LONGEST_WORDS]) if isinstance(answer, Sent) else answer


def plain(failure: Failure) -> Failure:
    """The same failure with what the contract allows and nothing else."""
    code = str(failure.status_code)
    return Failure(
        failure.kind,
        bool(failure.maybe_sent),
        seconds(failure.retry_after),
        code if failure.status_code is not None and CODE.fullmatch(code) else None,
        str(failure.words or "")[:LONGEST_WORDS],
        bool(failure.destination),
    )


def seconds(asked: Any) -> float | None:
    """A pause that was asked for, a day at most; None when it is no number, as the date of a Retry-After."""
    try:
        wanted = float(asked)
    except (TypeError, ValueError):
        return None
    return min(wanted, LONGEST_PAUSE) if wanted > 0 else None
