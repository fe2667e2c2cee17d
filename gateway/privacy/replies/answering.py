"""The one message that may answer a guest's word: that his stop was heard (CORE-OPT-5; 47 CFR 64.1200(a)(12)), or who
writes here and how to reach them (CORE-OPT-6). Both are judged like every message.
"""

from gateway import ids
from gateway.catalogue import words_of
from gateway.channel import Sender
from gateway.clock import Clock, rfc3339
from gateway.compliance import Compliance
from gateway.compose import Declared
from gateway.drafts import Origin
from gateway.errors import Blocked, Conflict, Unavailable
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.model import ChannelName
from gateway.orders import SendOrder
from gateway.privacy.questions import sending
from gateway.privacy.replies.forms import NotSent
from gateway.store import replies
from gateway.store.db import Database, Tx
from gateway.store.guests import behind
from gateway.store.messages import NewMessage
from gateway.store.replies import Reply
from gateway.vault import CannotOpen

CATEGORY = "reply"
NUMBERS: dict[str, ChannelName] = {"sms": "sms", "whatsapp": "whatsapp"}
"""Channels on which a word is answered by a message of the same kind."""


class Answering:
    """Answers. `sender` is the house's own."""

    def __init__(self, db: Database, intake: Intake, compliance: Compliance, letters: Letters, sender: Sender,
                 venue: str, clock: Clock):  # fmt: skip
        self._db, self._intake, self._compliance, self._letters = db, intake, compliance, letters
        self._contact, self._venue, self._clock = sender.contact or sender.email, venue or sender.name, clock

    async def answer(self, reply: Reply) -> None:
        """Answer a stop or a HELP on a channel of short messages; or note why that is not done. Safe to repeat."""
        stopped = reply.action == "opt_out" or reply.decision == "opt_out"
        done = reply.message is not None or reply.not_sent is not None
        if reply.channel in NUMBERS and (stopped or reply.action == "help") and not done:
            why = await self._answer(reply, stopped)
            if why is not None:
                await self._db.do(lambda tx: replies.answered(tx, reply.uuid, None, why), may_use_reserve=True)

    async def _answer(self, reply: Reply, stopped: bool) -> NotSent | None:
        channel = NUMBERS[reply.channel]
        if not self._compliance.serves(channel):
            return "no-provider"
        address = address_behind(self._db, self._letters, reply.blind)
        if address is None:
            return "unknown-address"
        if stopped and (why := self._no_confirmation(reply)):
            return why
        order, origin = self._order(reply, channel, address, stopped)

        def along(tx: Tx, message: NewMessage) -> None:
            if stopped and reply.suppression and replies.confirmed(tx.connection, reply.suppression):
                raise Conflict()
            if not replies.answered(tx, reply.uuid, message.uuid, None):
                raise Conflict()

        try:
            await self._intake.accept(order, sending(reply.actor), None, origin, along)
        except Blocked:
            return "refused"
        except Conflict:
            return "second"
        except Unavailable:
            return "not-stored"
        return None

    def _no_confirmation(self, reply: Reply) -> NotSent | None:
        """Why a stop cannot be confirmed; the rules would refuse it for the same."""
        if reply.suppression is None or replies.confirmed(self._db.reader, reply.suppression):
            return "second"
        return "too-late" if self._clock.now() > self._until(reply) else None

    def _until(self, reply: Reply) -> int:
        return reply.received_at + self._compliance.rulebook.policy.confirmation_seconds * 1000

    def _order(self, reply: Reply, channel: ChannelName, address: str, stopped: bool) -> tuple[SendOrder, Origin]:
        guest = behind(self._db.reader, reply.blind)
        words = words_of((guest.language if guest else None) or self._letters.language)
        if not stopped:
            text = words.say("reply.help", venue=self._venue, contact=self._contact)
            declares = Declared(contains_promotion=False, solicited_at=rfc3339(reply.received_at))
            order = SendOrder(channel=channel, to=address, text=text, class_="transactional", category=CATEGORY,
                              declares=declares)  # fmt: skip
            return order, Origin()
        order = SendOrder(
            channel=channel,
            to=address,
            text=words.say("reply.stopped", venue=self._venue),
            class_="optout_confirmation",  # type: ignore[arg-type]  # only the gateway itself sends one
            category=CATEGORY,
            expires_at=rfc3339(self._until(reply) + 1),
            declares=Declared(contains_promotion=False),
        )
        return order, Origin(in_reply_to_suppression=ids.public("sup", reply.suppression or b""))


def address_behind(db: Database, letters: Letters, blind: bytes) -> str | None:
    """The address behind a blind index, if a guest has it now."""
    guest = behind(db.reader, blind)
    try:
        return letters.open_address(guest.key_id, guest.contact_uuid, guest.address_sealed) if guest else None
    except CannotOpen:
        return None
