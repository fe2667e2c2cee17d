"""From an order to a queued message: draft it, and write it all at once.

An answer of success means that message, decision, story, audit entry and the answer itself are on disk together.
"""

from collections.abc import Callable, Sequence

from msgspec import Raw, Struct

from gateway import ids, metrics
from gateway.answers import Answer
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.compliance import Compliance, Judgement, count
from gateway.drafts import (
    ORDERED,
    Draft,
    Drafts,
    Origin,
    Taken,
    content_of,
    digest_of_refusal,
    permit,
)
from gateway.errors import Blocked
from gateway.orders import SendOrder
from gateway.repeats import Repeat, Repeats
from gateway.store import events, messages, outbox
from gateway.store.db import Database, Tx
from gateway.store.idempotency import Answer as Kept
from gateway.store.messages import NewMessage

Along = Callable[[Tx, NewMessage], None]
"""What is written together with a message, or not at all: if it raises, nothing is taken."""


class Acceptance(Struct):
    """One message to be written, by its public id, with what goes along with it and the answer to be kept for whoever
    asks again."""

    taken: Taken
    public: str
    kept: Kept | None = None
    along: Along | None = None


class Intake:
    """Takes orders, one at a time."""

    def __init__(self, db: Database, drafts: Drafts, compliance: Compliance, repeats: Repeats):
        self._db, self._drafts, self._compliance, self._repeats = db, drafts, compliance, repeats
        self.wake: Callable[[str, int], None] = lambda channel, due_at: None
        """Called with the channel of what was taken, and when it is due (ms)."""

    async def accept(
        self, order: SendOrder, caller: Caller, repeat: Repeat | None, origin: Origin = ORDERED,
        along: Along | None = None,
    ) -> Answer:  # fmt: skip
        """Take one message. Returns the 202; raises Blocked (with the decision, kept as a `blocked` message), Invalid
        or Forbidden."""
        permit(order, caller, "send")
        self._drafts.check(order)
        content = content_of(order, origin)
        while True:
            draft = self._drafts.judge(order, self._drafts.find(order.to, order.channel), caller, origin)
            count(draft.judgement)
            if draft.judgement.decision == "deny":
                await self._refuse(draft, caller)
            taken = self._drafts.take(draft, caller, content, origin)
            public = ids.public("msg", taken.message.uuid)
            answer = accepted(taken.message, public)
            kept = Kept(*repeat, answer.status, answer.body, answer.headers[0][1]) if repeat else None
            if await self._db.write(self.write, Acceptance(taken, public, kept, along)):
                break
        self.announce(taken.message)
        return answer

    def announce(self, message: NewMessage) -> None:
        """Say that a message was written: somebody may be waiting to bring it."""
        self.wake(message.channel, message.due_at or 0)
        metrics.of(metrics.MESSAGES, message.channel, message.state).inc()

    def whom(self, order: SendOrder) -> bytes:
        """Who it is for: the blind index of his address. Raises Invalid."""
        return self._drafts.find(order.to, order.channel).blind

    def check(self, order: SendOrder, caller: Caller) -> Judgement:
        """What `accept` would decide now; nothing is stored."""
        self._drafts.check(order, "/message")
        named = self._drafts.find(order.to, order.channel, "/message/to")
        return self._drafts.judge(order, named, caller).judgement

    def write(self, tx: Tx, accepted: Sequence[Acceptance]) -> list[int | None]:
        """The work of acceptance. None for a message whose guest somebody else made meanwhile: it is judged anew."""
        done = self._drafts.write(tx, [one.taken for one in accepted])
        good = [(row_id, one, one.taken.message) for row_id, one in zip(done, accepted, strict=True) if row_id]
        outbox.add(tx, [(row_id, row.channel, outbox.WAITING, row.due_at or 0, row.reason) for row_id, _, row in good])
        events.append(tx, [events.Event(row_id, "accepted", row.created_at) for row_id, _, row in good])
        self._repeats.keep(tx, [one.kept for _, one, _ in good if one.kept])
        for _, one, row in good:
            if one.taken.guest is not None:
                tx.audit(row.actor, "guest.created", ids.public("gst", one.taken.guest.uuid), one.taken.digest)
            tx.audit(row.actor, "message.accepted", one.public, one.taken.digest)
            if one.along is not None:
                one.along(tx, row)
        return done

    async def _refuse(self, draft: Draft, caller: Caller) -> None:
        """Keep the skeleton of a refused message, then say no."""
        message = self._drafts.refuse(draft, caller)
        await self._db.write(_write_refused, message)
        metrics.of(metrics.MESSAGES, message.channel, "blocked").inc()
        raise Blocked(
            message_id=ids.public("msg", message.uuid),
            compliance=Raw(message.decision.encode()),
            hint=self._compliance.hint(draft.judgement),
        )


def _write_refused(tx: Tx, refused: Sequence[NewMessage]) -> list[None]:
    """The work of a refusal: a skeleton, its story, its audit entry with the digest."""
    rows = messages.insert(tx, refused)
    events.append(
        tx, [events.Event(row_id, "blocked", row.created_at) for row_id, row in zip(rows, refused, strict=True)]
    )
    for row in refused:
        tx.audit(row.actor, "message.blocked", ids.public("msg", row.uuid), digest_of_refusal(row))
    return [None] * len(refused)


def accepted(message: NewMessage, public: str) -> Answer:
    """The 202, as bytes."""
    body = (
        f'{{"id":"{public}","status":"{message.state}","channel":"{message.channel}",'
        f'"compliance":{message.decision},"created_at":"{rfc3339(message.created_at)}"}}'
    )
    return Answer(body.encode(), 202, (("Location", f"/communications/messages/{public}"),))
