"""Guests who said yes on a form confirm it by a link in a mail of its own (double opt-in)."""

from gateway import ids
from gateway.addresses import Addresses
from gateway.callers import Caller
from gateway.clock import Clock, rfc3339
from gateway.errors import Conflict
from gateway.intake import Intake
from gateway.letters import DAY_MS
from gateway.privacy.forms import AskAnswer, AskOrder
from gateway.privacy.opt_outs import GUEST
from gateway.privacy.questions import Question, Questions, sending
from gateway.store import asks
from gateway.store.asks import Ask
from gateway.store.db import Database

AGAIN_MS = 3_600_000
"""Whoever asks for the same within this time gets no second mail: the first may still be on its way."""
MOST_A_DAY = 5
"""How many such mails one guest is sent in a day, whatever they are about."""
FORGOTTEN = 500
"""How many questions are forgotten in one transaction."""


class Asks:
    """Sends mails to be confirmed."""

    def __init__(self, db: Database, addresses: Addresses, intake: Intake, questions: Questions, clock: Clock):
        self._db, self._addresses, self._intake, self._questions = db, addresses, intake, questions
        self._clock = clock

    async def ask(self, order: AskOrder, caller: Caller | None) -> AskAnswer:
        """Send the guest a mail to confirm what he asked for; without a caller he did so himself, on a page of ours.
        The same once more within the hour sends nothing new. Raises Invalid, Blocked, and Conflict where he was sent
        many of them today or nobody could open the link."""
        self._questions.possible()
        named = self._addresses.find(order.guest, order.via, "/guest") if order.via else None
        named = named or self._addresses.anyone(order.guest)
        via = order.via or ("email" if named.kind == "email" else "sms")
        by = caller.actor if caller else GUEST
        question = await self._questions.to(named, via, order, by)
        ask = self._asked_already(question)
        if ask is None:
            asked: list[Ask] = []
            message = self._questions.message(question, order, order.guest)
            await self._intake.accept(message, sending(by), None, along=self._questions.along(question, asked))
            (ask,) = asked
        message_id = ids.public("msg", ask.message_uuid)
        return AskAnswer(ids.public("ask", ask.uuid), "pending", message_id, rfc3339(ask.expires_at))

    def _asked_already(self, question: Question) -> Ask | None:
        """What the guest was asked just now, if it was the same. Raises Conflict when he was asked often enough."""
        guest, now = question.named.guest, self._clock.now()
        if guest is None:
            return None
        today = asks.since(self._db.reader, guest.id, question.via, now - DAY_MS)
        for ask in today:
            if question.like(ask) and ask.asked_at > now - AGAIN_MS:
                return ask
        if len(today) >= MOST_A_DAY:
            raise Conflict(f"This guest was sent {MOST_A_DAY} mails to confirm something today.")
        return None

    async def tidy(self) -> None:
        """Forget what nobody answered in time, and what was answered long ago: the ledger has the answer."""
        while not await self._db.do(lambda tx: asks.forget_old(tx, FORGOTTEN)):
            pass
