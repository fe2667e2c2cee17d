"""What a person makes of an answer that can be read in two ways: a stop, or none."""

from hashlib import sha256

from gateway import ids
from gateway.callers import Caller
from gateway.errors import Conflict, NotFound
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.model import CHANNELS
from gateway.privacy.opt_outs import enter
from gateway.privacy.replies.answering import Answering, address_behind
from gateway.privacy.replies.forms import Decision
from gateway.privacy.replies.taking import entered
from gateway.recall import let_go
from gateway.rules import IN_REVIEW, REVIEW, Inbound, Rulebook, Stop, country_of_phone
from gateway.store import outbox, replies, suppressions
from gateway.store.db import Database, Tx
from gateway.store.replies import Reply
from gateway.store.suppressions import NewSuppression

PLAIN = "stop"
"""What a person found an answer to mean, in the one word that everybody understands."""


class Reviews:
    """Takes decisions down."""

    def __init__(self, db: Database, letters: Letters, rulebook: Rulebook, answering: Answering, intake: Intake,
                 ids_: ids.Ids):  # fmt: skip
        self._db, self._letters, self._rulebook, self._ids = db, letters, rulebook, ids_
        self._answering, self._intake = answering, intake

    async def decide(self, reply: Reply, decision: Decision, caller: Caller) -> None:
        """Note it: a stop counts from when it was said. What was held meanwhile is judged anew. Raises Conflict where
        nothing is left to decide."""
        stop = entered(self._meant(reply), reply.blind, reply.received_at, caller, self._ids)

        def work(tx: Tx) -> None:
            now = replies.find(tx.connection, reply.uuid) or reply
            if now.status != "review":
                raise Conflict("There is nothing left to decide.")
            entry = self._end(tx, now, stop if decision == "opt_out" else None)
            replies.decide(tx, now.uuid, decision, entry)
            let_go(tx, outbox.in_review(tx, now.blind, now.channel, IN_REVIEW), caller.actor)
            digest = sha256(decision.encode() + now.uuid).digest()
            tx.audit(caller.actor, "reply.decided", ids.public("rep", now.uuid), digest)

        await self._db.do(work, may_use_reserve=decision == "opt_out")
        channel = next(one for one in CHANNELS if one == reply.channel)
        self._intake.wake(channel, 0)
        await self._answering.answer(self.get(reply.uuid))

    def find(self, public: str) -> Reply:
        """The row behind a public id. Raises NotFound."""
        return self.get(ids.parse("rep", public) or b"")

    def get(self, uuid: bytes) -> Reply:
        """The row of a uuid. Raises NotFound."""
        found = replies.find(self._db.reader, uuid)
        if found is None:
            raise NotFound()
        return found

    def _meant(self, reply: Reply) -> Stop:
        """The stop it is if it is one, by the law of its number."""
        country = country_of_phone(address_behind(self._db, self._letters, reply.blind))[0]
        channel = next(one for one in CHANNELS if one == reply.channel)
        heard = self._rulebook.hear(Inbound(channel=channel, text=PLAIN, now=reply.received_at, country=country))
        assert heard.suppression is not None  # noqa: S101 it is the plainest of all
        return heard.suppression

    def _end(self, tx: Tx, reply: Reply, stop: NewSuppression | None) -> bytes | None:
        """Lift the hold, and enter the stop if it is one; what stands now. A stop that only was to be looked at stays
        as it is."""
        entry = suppressions.find(tx.connection, reply.suppression) if reply.suppression else None
        if entry is not None and entry.source != REVIEW:
            return entry.uuid
        if entry is not None:
            suppressions.lift(tx, entry)
        if stop is None:
            return None
        enter(tx, stop, self._ids, around=False)
        return stop.uuid
