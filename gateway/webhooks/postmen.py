"""Brings events to webhooks: one postman each, so that none waits for another's.

A postman reads what was committed since he last looked, notes what his webhook is to hear of, and brings it: what is
about the same message one after the other, everything else side by side. Nobody who writes a message waits for him, and
where there is no webhook nothing is read or written at all.
"""

import asyncio

from gateway import ids
from gateway.clock import Clock
from gateway.egress import Reply
from gateway.errors import GatewayError
from gateway.logs import Log
from gateway.store import batches, deliveries, feed, webhooks
from gateway.store.db import Database, Tx
from gateway.store.feed import Fact, Marks
from gateway.store.webhooks import Webhook
from gateway.webhooks.post import LONGEST, NOTHING_LEFT, Post

LOOK_EVERY = 0.25
AT_ONCE = 8
"""How many requests a webhook gets side by side; one that fails gets one, until it takes it."""
SLICE = 500
BACKLOG = 10_000
"""How many deliveries may wait for a webhook; what is beyond stays where it is, in the events."""
LONGEST_PAUSE = 60.0
KEEP_DAYS = 30


class Postman:
    """Serves one webhook until it is switched off or taken away."""

    def __init__(self, webhook_id: int, db: Database, post: Post, ids_: ids.Ids, clock: Clock):
        self._id, self._db, self._post, self._ids, self._clock = webhook_id, db, post, ids_, clock
        self._flying: dict[int, asyncio.Task[Reply]] = {}
        self._failures = 0
        self._not_before = 0.0
        self.stopping = False

    async def work(self) -> None:
        """Look, note, bring; again and again."""
        while not self.stopping and (webhook := webhooks.get(self._db.reader, self._id)):
            if webhook.disabled_at is not None:
                break
            moved = feed.ahead(self._db.reader, webhook.seen) and await self._note(webhook)
            await self._bring(webhook)
            if self._flying:
                await asyncio.wait(self._flying.values(), timeout=LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)
                self._land()
            elif not moved:
                await asyncio.sleep(LOOK_EVERY)
        if self._flying:
            await asyncio.wait(self._flying.values())

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._flying)

    async def give_up(self) -> None:
        """Leave what is under way: it will be sent once more after the next start."""
        for task in self._flying.values():
            task.cancel()
        if self._flying:
            await asyncio.wait(self._flying.values())

    async def _note(self, webhook: Webhook) -> bool:
        """Turn what came after the marks into deliveries; whether there was any, and room for it."""
        if await self._db.read(deliveries.waiting, webhook.id, BACKLOG) >= BACKLOG:
            return False
        facts, marks = await self._db.read(feed.after, webhook.seen, SLICE)
        named = [(self._ids.new(), fact) for fact in facts if wants(webhook, fact)]
        await self._db.do(lambda tx: _note(tx, webhook, named, marks))
        return marks != webhook.seen

    async def _bring(self, webhook: Webhook) -> None:
        """Send what is due, as far as there is room."""
        room = (1 if self._failures else AT_ONCE) - len(self._flying)
        if room <= 0 or self._clock.monotonic() < self._not_before:
            return
        due = await self._db.read(deliveries.due, webhook.id, self._clock.now(), room + len(self._flying))
        for delivery in [one for one in due if one.id not in self._flying][:room]:
            self._flying[delivery.id] = asyncio.create_task(self._post.attempt(webhook, delivery), name="webhook")

    def _land(self) -> None:
        """Hear how the attempts that have ended went."""
        for row_id, task in [one for one in self._flying.items() if one[1].done()]:
            del self._flying[row_id]
            reply = task.result()
            if reply.taken:
                self._failures = 0
            elif reply.code != NOTHING_LEFT:
                self._pause(min(reply.retry_after or 0.0, LONGEST))

    def _pause(self, asked: float) -> None:
        """After a failure wait for a while, longer each time, and as long as we were asked to. What was under way when
        the pause began and fails as well is the same failure."""
        now = self._clock.monotonic()
        if now >= self._not_before:
            self._failures += 1
        pause = min(2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        self._not_before = max(self._not_before, now + max(pause, asked))


class Postmen:
    """All postmen: each webhook that is switched on has one."""

    def __init__(self, db: Database, post: Post, ids_: ids.Ids, clock: Clock, log: Log):
        self._db, self._post, self._ids, self._clock, self._log = db, post, ids_, clock, log
        self._at_work: dict[int, tuple[Postman, asyncio.Task[None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on where an earlier process left off."""
        self._task = asyncio.create_task(self._run(), name="postmen")

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except GatewayError as error:  # a full disk, a lock from outside: in a moment again
                self._log.warning("webhooks wait", code=error.code)
                await asyncio.sleep(1)
            except Exception as error:  # noqa: BLE001 a defect of ours: told, and the next look may be better
                self._log.error("webhooks wait", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self) -> None:
        """Give a postman to whoever has none, and note which batches have finished."""
        wanted = webhooks.enabled(self._db.reader)
        for row_id, (_, task) in list(self._at_work.items()):
            if task.done():
                del self._at_work[row_id]
        for row_id in wanted - self._at_work.keys():
            postman = Postman(row_id, self._db, self._post, self._ids, self._clock)
            self._at_work[row_id] = postman, asyncio.create_task(self._serve(postman), name="postman")
        if wanted and batches.finished(self._db.reader):
            await self._db.do(batches.end)

    async def _serve(self, postman: Postman) -> None:
        """A postman's life. What goes wrong ends it, and the next look begins another."""
        try:
            await postman.work()
        except GatewayError as error:
            self._log.warning("a webhook waits", code=error.code)
            await asyncio.sleep(1)
        except Exception as error:  # noqa: BLE001 a defect of ours holds up one webhook, and is seen
            self._log.error("a webhook waits", error=type(error).__name__)
            await asyncio.sleep(LONGEST_PAUSE)
        finally:
            await postman.give_up()

    async def drain(self, seconds: float) -> None:
        """Finish what is under way, within `seconds`; what is not heard by then is sent again after the next start."""
        tasks = [self._task] if self._task else []
        for postman, task in self._at_work.values():
            postman.stopping = True
            if postman.busy:
                tasks.append(task)
            else:
                task.cancel()
        if self._task:
            self._task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        await end([*tasks, *(task for _, task in self._at_work.values())])

    async def forget_old(self) -> None:
        """Take what is old out of the log."""
        before = self._clock.now() - KEEP_DAYS * 86_400_000
        while await self._db.write(deliveries.forget_old, before):
            pass


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel what still runs, and wait until it has stopped."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def wants(webhook: Webhook, fact: Fact) -> bool:
    """Whether a webhook is to hear of this."""
    return "*" in webhook.events or fact.type in webhook.events


def _note(tx: Tx, webhook: Webhook, named: list[tuple[bytes, Fact]], marks: Marks) -> None:
    if webhooks.told(tx, webhook.id, webhook.seen, marks):
        deliveries.add(tx, webhook.id, named, tx.now)
