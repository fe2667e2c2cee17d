"""Tells the guests of a breach (GDPR Art. 34; BRE-2): a batch of class `legal`, to those it is about."""

from msgspec import json

from gateway.answers import Answer
from gateway.bulk import Admit, Bulk
from gateway.callers import Caller
from gateway.channel import Sender
from gateway.compose import Declared
from gateway.errors import Conflict
from gateway.orders import BulkAnswer, BulkOrder, BulkRecipient, Recipient
from gateway.privacy.breach_forms import NoticeOrder
from gateway.privacy.breaches import Breaches
from gateway.recipients import Listed
from gateway.repeats import Repeat
from gateway.stationery import Cabinet
from gateway.stationery.starters import starters
from gateway.store import templates
from gateway.store.breaches import Breach
from gateway.store.db import Database


class Notices:
    """Sends notices. `sender` is the venue's own."""

    def __init__(self, db: Database, breaches: Breaches, bulk: Bulk, cabinet: Cabinet, sender: Sender):
        self._db, self._breaches, self._bulk, self._cabinet, self._sender = db, breaches, bulk, cabinet, sender

    async def send(
        self, breach: Breach, order: NoticeOrder, caller: Caller, repeat: Repeat | None, admit: Admit
    ) -> Answer:
        """Queue the notice for every guest of the breach who is still there; `admit(how many)` is asked first. Raises
        Forbidden without `send.legal`, Conflict for a breach without guests, and as a bulk does."""
        many = await self._listed(breach, order, caller)
        return await self._bulk.accept(self._ordered(order), many, caller, repeat, admit)

    async def rehearse(self, breach: Breach, order: NoticeOrder, caller: Caller) -> BulkAnswer:
        """What would become of it. Raises as `send` does."""
        return await self._bulk.rehearse(self._ordered(order), await self._listed(breach, order, caller), caller)

    async def _listed(self, breach: Breach, order: NoticeOrder, caller: Caller) -> Listed:
        """The guests; and the words for them are there."""
        caller.need("send.legal")
        guests = await self._breaches.guests(breach)
        if not guests:
            raise Conflict("There are no guests in it; add them first.")
        if not templates.named(self._db.reader, order.template):
            for starter in starters(order.template):
                await self._cabinet.add(starter, caller)
        return Listed([(at, BulkRecipient(Recipient(guest_id=public))) for at, public in enumerate(guests)], [])

    async def sent(self, breach: Breach, answer: Answer, caller: Caller) -> None:
        """Note the batch that an answer tells of with the breach. Safe to repeat."""
        batch = json.decode(answer.body, type=BulkAnswer).id
        if batch is not None:
            await self._breaches.told(breach, batch, caller)

    def _ordered(self, order: NoticeOrder) -> BulkOrder:
        """The bulk order; whom to ask is the venue, unless somebody else is named."""
        known = {"venue": self._sender.name, "contact": self._sender.contact}
        return BulkOrder(recipients=[], channel=order.channel, template=order.template, class_="legal",
                         category="breach", sender=order.sender, variables=known | order.variables,
                         declares=Declared(contains_promotion=False))  # fmt: skip
