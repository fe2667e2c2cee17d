"""One provider's messages: leased in windows, handed over by as many slots as it has connections."""

import asyncio
import contextlib
from collections.abc import Callable

from gateway import metrics
from gateway.channel import Sent
from gateway.clock import Clock
from gateway.config import Delivery as Timetable
from gateway.delivery.defects import NONSENSE, Defect, made_of
from gateway.delivery.lanes import Lanes
from gateway.delivery.outcomes import Outcomes
from gateway.delivery.prepare import Parcel, Preparation
from gateway.delivery.settle import Settled, limited, settle, unbegun
from gateway.delivery.spending import Spending
from gateway.delivery.turns import Turns
from gateway.delivery.warm_up import WarmUp
from gateway.errors import Failure, GatewayError, Stopped
from gateway.letters import Letters
from gateway.logs import Log
from gateway.pacing import AHEAD
from gateway.routing import Provider, Routes
from gateway.store import outbox
from gateway.store.db import Database
from gateway.store.outbox import HELD, Due, Window
from gateway.store.spending import Purchase

WINDOW = 128
LONGEST_SLEEP = 30.0
CLOSE_SECONDS = 1.0


class Courier:
    """Moves the due messages of one provider's channel, never more at once than the provider has connections.

    A slot takes its next message only when what became of the last one is on disk: after a kill at most
    `connections` guests can get a message twice.
    """

    def __init__(self, provider: Provider, routes: Routes, db: Database, preparation: Preparation, letters: Letters,
                 warm_up: WarmUp, spending: Spending, lanes: Lanes, timetable: Timetable, log: Log,
                 clock: Clock):  # fmt: skip
        self.provider, self.routes, self.db, self.preparation = provider, routes, db, preparation
        self.warm_up, self.spending, self.lanes, self.log, self.clock = warm_up, spending, lanes, log, clock
        self._outcomes = Outcomes(provider, routes, letters, lanes, timetable, log, clock)
        self._turns = Turns(lanes, self._address, clock)
        self._filled, self._low, self._wake = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._paced, self._over = asyncio.Lock(), asyncio.Event()
        self._turns.again = self._filled.set
        self._draining = False
        self._alarm = float("inf")
        """When we look again by ourselves (ms); never, while we are at it."""
        self.requeued: Callable[[str, int], None] = lambda channel, due_at: self.wake(due_at)
        """Called with the channel and the time when a message was put back to go out later."""
        self._tasks: list[asyncio.Task] = []

    # -- life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the channel and begin."""
        await self.provider.plugin.open()
        self._tasks = [asyncio.create_task(self._feed(), name=f"lease {self.provider.name}")]
        self._tasks += [
            asyncio.create_task(self._slot(), name=f"slot {self.provider.name}")
            for _ in range(self.provider.connections)
        ]

    def wake(self, due_at: int) -> None:
        """A message will be due then (ms): look again, if that is before we would."""
        if due_at < self._alarm:
            self._wake.set()

    async def drain(self, seconds: float) -> None:
        """Finish what is being handed over, give the rest back, close the channel; all within `seconds`."""
        self._draining = True
        loop, (feed, *slots) = asyncio.get_running_loop(), self._tasks
        last_call = loop.time() + seconds - 2 * CLOSE_SECONDS
        feed.cancel()
        await asyncio.wait([feed], timeout=CLOSE_SECONDS)
        await self._give_back()
        self._filled.set()
        self._over.set()
        _, late = await asyncio.wait(slots, timeout=max(0.0, last_call - loop.time()))
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CLOSE_SECONDS)
        await self._close()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.provider.plugin.close()
        except Exception as error:  # noqa: BLE001 a defect of the plugin, and the last one
            self.log.error("channel does not close", provider=self.provider.name, error=type(error).__name__)

    async def _give_back(self) -> None:
        """Return what was leased and not begun; it costs no attempt."""
        waiting = self._turns.withdraw()
        await asyncio.gather(*[self.db.write(settle, unbegun(due, self.clock.now())) for due in waiting])

    # -- leasing ------------------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        """Keep a window of due messages ready for the slots."""
        while not self._draining:
            if not self.provider.healthy and self._turns:
                await self._give_back()
            turn = self.routes.turn_of(self.provider)
            resting = self.provider.paused or self.provider.pacing.wait() > AHEAD
            if turn is not None and not resting and await self._lease(*turn):
                self._low.clear()
                self._filled.set()
                await self._low.wait()
            else:
                await self._sleep()

    async def _lease(self, only_after: str | None, never_after: str | None) -> bool:
        """Fetch the next window; False when nothing is due. An unhealthy provider gets one message, as a probe."""
        limit = self.provider.pacing.ahead(WINDOW) if self.provider.healthy else 1
        if len(self._turns) > limit // 2:
            return True
        first = outbox.next_due(self.db.reader, self.provider.channel)
        if first is None or first > self.clock.now():
            return bool(self._turns)
        try:
            return await self._take(Window(self.provider.channel, limit, only_after, never_after))
        except GatewayError as error:
            self.log.warning("lease failed", provider=self.provider.name, code=error.code)
            await asyncio.sleep(1)
            return False

    async def _take(self, window: Window) -> bool:
        """Lease a window. What was asked for is taken though we are cancelled: nobody else knows that it is leased."""
        leasing = asyncio.ensure_future(self.db.write(outbox.lease, window))
        try:
            await asyncio.shield(leasing)
        finally:
            due = await leasing
            self._turns.add(due)
        return bool(due)

    async def _sleep(self) -> None:
        """Until something is due, somebody wakes us, or the provider may be tried again."""
        due = outbox.next_due(self.db.reader, self.provider.channel)
        seconds = LONGEST_SLEEP if due is None else max(0.0, (due - self.clock.now()) / 1000)
        if not self.provider.healthy:
            seconds = max(0.01, self.provider.paused_until - self.clock.monotonic())
        elif seconds == 0.0:  # due, but not yet by the pace, or another provider's turn
            seconds = max(0.5, self.provider.pacing.wait() - AHEAD)
        self._wake.clear()
        self._alarm = self.clock.now() + seconds * 1000
        try:
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP)):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._alarm = float("inf")

    # -- handing over -------------------------------------------------------------------------------------------------

    async def _slot(self) -> None:
        """Hand messages over, one after the other."""
        while not self._draining:
            if not self._turns:
                self._low.set()
                self._filled.clear()
                await self._filled.wait()
                continue
            if self.provider.pacing.rate is not None:
                await self._keep_pace()
                if self._draining or not self._turns:
                    continue
            if not self.provider.admit():
                await self._give_back()
                self._low.set()
                continue
            due, later = self._turns.next()
            if len(self._turns) < WINDOW // 2:
                self._low.set()
            if due is None:
                self.provider.released()
            else:
                self.provider.pacing.leaves(self.clock.monotonic())
            await self._come_back(later)
            if due is not None:
                await self._deal_with(due)

    async def _come_back(self, later: list[tuple[Due, float]]) -> None:
        """Put messages back for so many seconds, because of the pace of their sender or of where they go."""
        metrics.of(metrics.PACED, self.provider.channel).inc(len(later))
        now = self.clock.now()
        await asyncio.gather(*[self._record(limited(due, now + int(seconds * 1000))) for due, seconds in later])

    def _address(self, due: Due) -> str:
        """Where it goes, for its pace; what is wrong with an address that cannot be opened comes to light later."""
        with contextlib.suppress(Exception):
            return self.preparation.address(due)
        return ""

    async def _keep_pace(self) -> None:
        """Wait until one more may leave, one slot after the other, or until the courier is on his way out."""
        async with self._paced:
            turn = asyncio.ensure_future(self.provider.pacing.turn())
            over = asyncio.ensure_future(self._over.wait())
            try:
                await asyncio.wait((turn, over), return_when=asyncio.FIRST_COMPLETED)
            finally:
                turn.cancel()
                over.cancel()

    async def _deal_with(self, due: Due) -> None:
        """One leased message, to its settlement on disk."""
        parcel = await self._prepare(due)
        if isinstance(parcel, Settled):
            self.provider.released()
            await self._record(parcel)
            return
        self.preparation.departs(parcel)  # before anything is waited for: what comes next to the guest counts it
        try:
            await self._record(await self._bring(parcel))
        finally:
            self.preparation.arrived(parcel)

    async def _bring(self, parcel: Parcel) -> Settled:
        """What becomes of a parcel: it stays, by a limit of ours, or it is handed over."""
        paid = await self._within_limits(parcel)
        if isinstance(paid, Settled):
            self.provider.released()
            return paid
        began = self.clock.monotonic()
        try:
            result = await self._hand_over(parcel)
        except asyncio.CancelledError:
            result = self._cut_off(parcel.message.handed)
        took = self.clock.monotonic() - began
        metrics.of(metrics.HANDOVER_SECONDS, self.provider.name).observe(took)
        settled = self._outcomes.of(parcel, result, int(took * 1000))
        taken = isinstance(result, Sent) or (not isinstance(result, Stopped) and result.maybe_sent)
        return settled if taken else settled._replace(unspent=paid)

    async def _prepare(self, due: Due) -> Parcel | Settled:
        """The parcel; a message that cannot even be prepared is held, and the queue goes on."""
        try:
            await self.preparation.ready(due)
            return self.preparation.prepare(due, self.provider.plugin)
        except Exception as error:  # noqa: BLE001 a poisoned message: nobody else shall suffer
            self.log.error("message cannot be prepared", error=type(error).__name__, provider=self.provider.name)
            return Settled(due.id, due.uuid, "held", "quarantined", self.provider.name, due.attempt,
                           due_at=self.clock.now(), lease=HELD)  # fmt: skip

    async def _within_limits(self, parcel: Parcel) -> Purchase | Settled | None:
        """What was paid for a message, if it costs anything; or how it ends where a limit of ours is in its way."""
        due = parcel.due
        price = self.spending.price(self.provider.name, due.channel, parcel.message.text)
        try:
            paid = await self.spending.pay(due, price) if price else None
        except GatewayError:
            return unbegun(due, self.clock.now())
        if isinstance(paid, Settled):
            return paid
        later = await self._warm(due)
        return paid if later is None else later._replace(unspent=paid)

    async def _warm(self, due: Due) -> Settled | None:
        """How a message ends that its new sender may not send today, or that could not be counted."""
        if due.class_ == "emergency" or not self.warm_up.watches(due.sender):
            return None
        try:
            tomorrow = await self.warm_up.admit(due.sender)
        except GatewayError:
            return unbegun(due, self.clock.now())
        return None if tomorrow is None else limited(due, tomorrow)

    async def _hand_over(self, parcel: Parcel) -> Sent | Failure | Defect | Stopped:
        """The channel's answer, or what is wrong with it."""
        message, plugin = parcel.message, self.provider.plugin
        deadline = asyncio.timeout(self.provider.timeout)
        try:
            async with deadline:
                payload = plugin.compose(message)
                message.payload = payload if isinstance(payload, bytes) else await payload  # of one that is kept apart
                self.preparation.check(parcel)
                answer = await plugin.send(message)
                return answer if isinstance(answer, Sent) else Defect("raised", message.handed, NONSENSE)
        except Exception as error:  # noqa: BLE001 whatever a plugin does is contained here
            if isinstance(error, Stopped) and parcel.stopped:
                return error
            return made_of(error, message.handed, isinstance(error, TimeoutError) and deadline.expired())

    def _cut_off(self, handed: bool) -> Failure | Defect | Stopped:
        """What a cancelled hand-over comes to: the drain's deadline is there, or the plugin makes it up."""
        if not self._draining:
            return Defect("raised", handed, "CancelledError")
        return Failure("unknown", maybe_sent=True, code="drained") if handed else Stopped()

    # -- what became of it --------------------------------------------------------------------------------------------

    async def _record(self, settled: Settled) -> None:
        """Put it on disk. While the store refuses, the slot waits here: nothing more leaves unrecorded."""
        while True:
            try:
                await self.db.write(settle, settled)
                break
            except GatewayError as error:
                if self.db.broken or self._draining:
                    return
                self.log.warning("outcome waits for the store", code=error.code, provider=self.provider.name)
                await asyncio.sleep(1)
        metrics.of(metrics.MESSAGES, self.provider.channel, settled.state).inc()
        if settled.due_at is not None:
            self.requeued(self.provider.channel, settled.due_at)
