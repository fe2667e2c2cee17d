"""What went to a webhook, what goes again, and a try-out."""

from msgspec import Struct

from gateway import ids
from gateway.callers import Caller
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.errors import Conflict, NotFound
from gateway.pages import PageQuery, cursor
from gateway.store import deliveries, webhooks
from gateway.store.db import Database, Tx
from gateway.store.deliveries import Delivery
from gateway.store.feed import Fact
from gateway.store.webhooks import Webhook
from gateway.webhooks.collection import Collection
from gateway.webhooks.payload import TEST
from gateway.webhooks.post import Post

NOTHING = b"\0" * 32


class DeliveryView(Struct, frozen=True):
    """One event for one webhook. `code`: how the last attempt ended, a status or a word."""

    id: str
    type: str
    status: str
    code: str | None
    attempts: int
    created_at: str
    tried_at: str | None
    next_try_at: str | None


class DeliveryList(Struct, frozen=True):
    """A page of deliveries, newest first."""

    items: list[DeliveryView]
    next_cursor: str | None


class Letterbox:
    """The deliveries of every webhook. Raises NotFound."""

    def __init__(self, db: Database, collection: Collection, post: Post, ids_: ids.Ids):
        self._db, self._webhooks, self._post, self._ids = db, collection, post, ids_

    async def many(self, public: str, query: PageQuery) -> DeliveryList:
        """A page of a webhook's deliveries."""
        webhook = self._webhooks.find(public)
        before, limit = query.before, query.limit
        rows = await self._db.read(deliveries.page, webhook.id, before, limit + 1)
        last = cursor(rows[limit - 1].id) if len(rows) > limit else None
        return DeliveryList([_view(row) for row in rows[:limit]], last)

    async def replay(self, public: str, event: str, caller: Caller) -> DeliveryView:
        """Send an event again, under the same id, be it heard, failed or waiting. Raises Conflict for a webhook that is
        switched off."""
        webhook = self._webhooks.find(public)
        delivery = self._find(webhook, event)
        if webhook.disabled_at is not None:
            raise Conflict("The webhook is switched off.")

        def work(tx: Tx) -> None:
            deliveries.again(tx, delivery.id)
            tx.audit(caller.actor, "webhook.replayed", event, NOTHING)

        await self._db.do(work)
        return _view(self._find(webhook, event))

    async def test(self, public: str, caller: Caller) -> DeliveryView:
        """Send a test event now, once, and say how it was taken. A webhook that is switched off can be tried too."""
        webhook = self._webhooks.find(public)
        uuid = self._ids.new()

        def work(tx: Tx) -> None:
            if webhooks.get(tx.connection, webhook.id) is None:
                raise NotFound()
            deliveries.add(tx, webhook.id, [(uuid, Fact("tests", 0, 0, TEST, tx.now))], None)
            tx.audit(caller.actor, "webhook.tested", ids.public("evt", uuid), NOTHING)

        await self._db.do(work)
        event = ids.public("evt", uuid)
        await self._post.attempt(webhook, self._find(webhook, event), retry=False)
        return _view(self._find(webhook, event))

    def _find(self, webhook: Webhook, event: str) -> Delivery:
        uuid = ids.parse("evt", event)
        delivery = deliveries.find(self._db.reader, webhook.id, uuid) if uuid else None
        if delivery is None:
            raise NotFound()
        return delivery


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        ids.public("evt", delivery.uuid), delivery.fact.type, delivery.state, delivery.code, delivery.attempts,
        rfc3339(delivery.fact.at), rfc3339_or_none(delivery.tried_at), rfc3339_or_none(delivery.next_try),
    )  # fmt: skip
