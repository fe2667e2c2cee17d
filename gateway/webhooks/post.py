"""One attempt to tell a webhook something: signed at this moment, sent, and what came of it written down."""

import asyncio
import random
from hashlib import sha256

from gateway import ids, metrics
from gateway.clock import Clock
from gateway.egress import Egress, Reply
from gateway.errors import Unavailable
from gateway.store import deliveries
from gateway.store.db import Database, Tx
from gateway.store.deliveries import Delivery, Tried
from gateway.store.webhooks import Webhook
from gateway.vault import Vault
from gateway.webhooks.collection import switch_off
from gateway.webhooks.payload import Payloads
from gateway.webhooks.target import signed, unseal

SCHEDULE = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each attempt after the first, as Standard Webhooks proposes: three days and some hours in all."""
JITTER = 0.1
"""Each wait is drawn between itself and so much more, so that what failed together does not come back together."""
LONGEST = 86_400.0
"""Nobody is waited for longer than this on his own word."""

NOTHING_LEFT = "nothing-left"
"""How an attempt ends whose event is gone: no fault of the other side's."""


class Post:
    """Sends deliveries."""

    def __init__(self, db: Database, vault: Vault, payloads: Payloads, egress: Egress, clock: Clock):
        self._db, self._vault, self._payloads, self._egress, self._clock = db, vault, payloads, egress, clock

    async def attempt(self, webhook: Webhook, delivery: Delivery, retry: bool = True) -> Reply:
        """Try once, and write down how it ended: delivered, to be tried again at a time, or failed for good. A 410
        switches the webhook off."""
        reply = await self._send(webhook, delivery)
        tried = self._outcome(delivery, reply, retry)
        await self._record(tried)
        if reply.code == "410":
            await self._db.do(lambda tx: _gone(tx, webhook))
        ended = "retry" if tried.next_try else tried.state
        metrics.of(metrics.WEBHOOK_ATTEMPTS, "gone" if reply.code == "410" else ended).inc()
        return reply

    async def _record(self, tried: Tried) -> None:
        """Put it on disk. While the store refuses we wait here, and the next is not sent unrecorded."""
        while True:
            try:
                return await self._db.write(deliveries.tried, tried)
            except Unavailable:
                if self._db.broken:
                    raise
                await asyncio.sleep(1)

    async def _send(self, webhook: Webhook, delivery: Delivery) -> Reply:
        body = await self._db.read(self._payloads.of, delivery.fact, webhook.include_metadata)
        if body is None:
            return Reply(NOTHING_LEFT)
        now, began = self._clock.now(), self._clock.monotonic()
        target = unseal(self._vault, webhook.uuid, webhook.target_sealed)
        headers = signed(ids.public("evt", delivery.uuid), now // 1000, body, target.live(now))
        reply = await self._egress.post(target.url, body, headers)
        metrics.WEBHOOK_SECONDS.observe(self._clock.monotonic() - began)
        return reply

    def _outcome(self, delivery: Delivery, reply: Reply, retry: bool) -> Tried:
        if reply.taken:
            return Tried("delivered", reply.code, None, delivery.id)
        over = delivery.attempts >= len(SCHEDULE) or reply.code in ("410", NOTHING_LEFT) or not retry
        if over:
            return Tried("failed", reply.code, None, delivery.id)
        wait = SCHEDULE[delivery.attempts] * (1 + random.random() * JITTER)  # noqa: S311 not a secret
        asked = min(reply.retry_after or 0.0, LONGEST)
        return Tried("waiting", reply.code, self._clock.now() + int(max(wait, asked) * 1000), delivery.id)


def _gone(tx: Tx, webhook: Webhook) -> None:
    """The other side wants nothing more, ever."""
    if switch_off(tx, webhook.id):
        tx.audit("gateway", "webhook.disabled", ids.public("whk", webhook.uuid), sha256(webhook.target_sealed).digest())
