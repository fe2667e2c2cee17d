"""What can still be done about a message: cancel it, let a held one go, send one again."""

from collections.abc import Callable, Sequence

from msgspec import json

from gateway import ids
from gateway.answers import Answer
from gateway.batches import Batches
from gateway.callers import Caller
from gateway.clock import date_of
from gateway.drafts import Origin
from gateway.errors import Conflict
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.orders import Recipient, SendOrder
from gateway.store import events, messages, outbox
from gateway.store.db import Database, Tx
from gateway.store.messages import Stored
from gateway.stories import Stories

NOTHING = b"\0" * 32
OVER = ("failed", "bounced", "cancelled", "expired")
"""States after which the same words may be sent again."""


class Recall:
    """Acts on messages that exist."""

    def __init__(self, db: Database, stories: Stories, letters: Letters, batches: Batches, intake: Intake):
        self._db, self._stories, self._letters, self._batches, self._intake = db, stories, letters, batches, intake

    async def cancel(self, public: str, caller: Caller) -> None:
        """Stop a message that has not left. Raises NotFound, or Conflict when it is being sent or has ended."""
        await self._db.write(self._work(self._stories.find(public), caller, _cancel))

    async def release(self, public: str, caller: Caller) -> None:
        """Let a held message go, past the ceiling of costs if that holds it. Raises NotFound, or Conflict where nothing
        is held."""
        stored = self._stories.find(public)
        await self._db.write(self._work(stored, caller, _release))
        self._intake.wake(stored.channel, 0)

    async def retry(self, public: str, caller: Caller) -> Answer:
        """Send the same words to the same guest as a new message, judged anew. Raises NotFound, Conflict, Blocked."""
        stored = self._stories.find(public)
        sealed = messages.content(self._db.reader, stored.id)
        if stored.state not in OVER or sealed is None or stored.guest_uuid is None:
            raise Conflict(f"A message that is {stored.state} cannot be sent again.")
        content = self._letters.open(sealed.key_id, sealed.uuid, sealed.content_sealed)
        await self._batches.ready(sealed.batch_id, sealed.template_version_id)
        letter = self._batches.letter(sealed.batch_id, sealed.template_version_id, content)
        envelope = self._letters.envelope(stored.envelope)
        order = SendOrder(
            channel=stored.channel,
            to=Recipient(
                guest_id=ids.public("gst", stored.guest_uuid), country=envelope.country, region=envelope.region,
                timezone=envelope.timezone,
            ),
            text=letter.text,
            class_=stored.class_,
            category=stored.category,
            subject=letter.subject or None,
            html=letter.html or None,
            sender=stored.sender,
            reference=stored.reference,
            metadata=content.metadata or None,
            declares=envelope.declares,
            event_date=date_of(stored.event_date),
        )  # fmt: skip
        return await self._intake.accept(
            order, caller, None, Origin(stored.uuid, template_version_id=stored.template_version_id)
        )

    def _work(self, stored: Stored, caller: Caller, act: Callable[[Tx, Stored], str]) -> Callable:
        """A work that acts on one message and tells its story."""

        def work(tx: Tx, items: Sequence[None]) -> list[None]:
            state = act(tx, stored)
            events.append(tx, [events.Event(stored.id, state, tx.now, json.encode({"by": caller.actor}).decode())])
            tx.audit(caller.actor, f"message.{state}", ids.public("msg", stored.uuid), NOTHING)
            return [None] * len(items)

        return work


def call_off(tx: Tx, waiting: Sequence[tuple[int, bytes]], actor: str) -> None:
    """Cancel messages (id and uuid) that wait or are held, each with its story and its entry in the record."""
    numbers = [number for number, _ in waiting]
    outbox.remove(tx, numbers)
    messages.settle(tx, [("cancelled", None, None, tx.now, number) for number in numbers])
    why = json.encode({"by": actor}).decode()
    events.append(tx, [events.Event(number, "cancelled", tx.now, why) for number in numbers])
    for _, uuid in waiting:
        tx.audit(actor, "message.cancelled", ids.public("msg", uuid), NOTHING)


def let_go(tx: Tx, held: Sequence[tuple[int, bytes]], actor: str) -> None:
    """Let held messages (id and uuid) go, each with its story and its entry in the record; they are judged again."""
    outbox.put_back(tx, [(outbox.WAITING, tx.now, 0, None, None, False, number) for number, _ in held])
    messages.settle(tx, [("queued", None, None, None, number) for number, _ in held])
    why = json.encode({"by": actor}).decode()
    events.append(tx, [events.Event(number, "released", tx.now, why) for number, _ in held])
    for _, uuid in held:
        tx.audit(actor, "message.released", ids.public("msg", uuid), NOTHING)


def _cancel(tx: Tx, stored: Stored) -> str:
    row = outbox.state_of(tx, stored.id)
    if row is None:
        raise Conflict(f"The message is {stored.state}; nothing is left to cancel.")
    if row[0] == outbox.LEASED:
        raise Conflict("The message is being handed over right now.")
    outbox.remove(tx, [stored.id])
    messages.settle(tx, [("cancelled", None, None, tx.now, stored.id)])
    return "cancelled"


def _release(tx: Tx, stored: Stored) -> str:
    row = outbox.state_of(tx, stored.id)
    if row is None or row[0] != outbox.HELD:
        raise Conflict("The message is not held.")
    outbox.put_back(tx, [(outbox.WAITING, tx.now, 0, None, None, False, stored.id)])
    if stored.reason == "cost":
        outbox.lift_ceiling(tx, stored.id)
    messages.settle(tx, [("queued", None, None, None, stored.id)])
    return "released"
