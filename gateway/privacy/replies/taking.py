"""Takes in what guests answer, and acts on it in the same transaction: whoever said stop is not written to from the
moment it is on disk. What can be read in two ways holds offers at once, until a person has decided (CORE-OPT-3).
"""

from hashlib import sha256

from gateway import ids
from gateway.addresses import Addresses, Named
from gateway.answers import Answer
from gateway.callers import Caller
from gateway.clock import Clock, parse_rfc3339
from gateway.errors import Fault, Invalid
from gateway.logs import Log
from gateway.privacy.confirmations import Confirmations, Yes
from gateway.privacy.deadlines import Deadlines
from gateway.privacy.opt_outs import enter
from gateway.privacy.replies.forms import ReplyOrder
from gateway.repeats import Repeat, Repeats
from gateway.rules import REVIEW, Heard, Inbound, Rulebook, Stop, country_of_phone
from gateway.store import replies, suppressions
from gateway.store.db import Database, Tx
from gateway.store.idempotency import Answer as Kept
from gateway.store.replies import NewReply
from gateway.store.suppressions import NewSuppression
from gateway.vault import Vault

ABOUT_BOOKING = "CORE-OPT-4"
"""The rule by which a stop may have been about a booking besides: somebody is to ask."""
SOON_MS = 60_000
"""By how much another clock may be ahead."""


class Taking:
    """Takes answers down."""

    def __init__(self, db: Database, vault: Vault, addresses: Addresses, rulebook: Rulebook, deadlines: Deadlines,
                 confirmations: Confirmations, repeats: Repeats, ids_: ids.Ids, clock: Clock, log: Log):  # fmt: skip
        self._db, self._vault, self._addresses, self._rulebook = db, vault, addresses, rulebook
        self._deadlines, self._confirmations, self._repeats = deadlines, confirmations, repeats
        self._ids, self._clock, self._log = ids_, clock, log

    async def take(self, order: ReplyOrder, caller: Caller, repeat: Repeat | None) -> Answer:
        """Understand an answer and act on it. The body of the 201 is its public id alone, since how it stands is still
        to change. Raises Invalid."""
        named = self._addresses.find(order.from_, order.channel, "/from")
        received = self._received(order)
        asked = self._confirmations.pending(named.guest, order.channel, received) if named.guest else None
        heard = self._hear(order, named, received, asked is not None)
        uuid = self._ids.new()
        public = ids.public("rep", uuid)
        yes = None
        if asked is not None and named.guest is not None and heard.action == "opt_in":
            yes = self._confirmations.by_word(asked, named.guest, received, public)
        stop = self._stop(order, named, heard, received, caller)
        new = NewReply(
            uuid, named.guest.id if named.guest else None, named.blind, order.channel, heard.action, heard.reasons,
            "review" if _for_a_person(heard, yes) else "done", received, caller.actor,
            self._seal(named, uuid, order.text), None, None,
        )  # fmt: skip
        answer = Answer(public.encode(), 201, (("Location", f"/communications/replies/{public}"),))

        def act(tx: Tx) -> None:
            self._write(tx, new, stop, yes)
            if repeat is not None:
                self._repeats.keep(tx, [Kept(*repeat, answer.status, answer.body, answer.headers[0][1])])

        await self._db.do(act, may_use_reserve=stop is not None)
        self._say_late(uuid)
        return answer

    def _say_late(self, uuid: bytes) -> None:
        reply = replies.find(self._db.reader, uuid)
        if reply is not None and reply.late:
            self._log.warning("a stop was entered after its deadline", code="late-stop", actor=reply.actor)

    def _received(self, order: ReplyOrder) -> int:
        received = parse_rfc3339(order.received_at) if order.received_at else self._clock.now()
        if received is None or not 0 <= received <= self._clock.now() + SOON_MS:
            raise Invalid(faults=[Fault("/received_at", "bad-time", "RFC 3339 with a zone, and not in the future")])
        return received

    def _hear(self, order: ReplyOrder, named: Named, received: int, asked: bool) -> Heard:
        prompt = order.pending_optin_prompt
        country = country_of_phone(named.address)[0] or (named.guest.country if named.guest else None)
        said = Inbound(
            channel=order.channel,
            text=order.text,
            now=received,
            country=country,
            open_booking=order.open_booking,
            pending_optin_prompt=asked if prompt is None else prompt,
        )
        return self._rulebook.hear(said)

    def _stop(
        self, order: ReplyOrder, named: Named, heard: Heard, received: int, caller: Caller
    ) -> NewSuppression | None:
        """What is entered of it: the stop as the rules have it, or the hold of what a person is to read."""
        if heard.action == "hold_review":
            hold = Stop("channel", (order.channel,), ("marketing",), REVIEW)
            return entered(hold, named.blind, received, caller, self._ids)
        if heard.suppression is None:
            return None
        due = self._deadlines.of(named.kind, named.address, received) if order.received_at else None
        return entered(heard.suppression, named.blind, received, caller, self._ids, due)

    def _seal(self, named: Named, uuid: bytes, text: str) -> bytes:
        """The words, under the guest's key, so that they go with him; under the venue's where nobody is known."""
        if named.guest is None:
            return self._vault.seal_venue("replies", "text", uuid, text.encode())
        return self._vault.seal(named.guest.key_id, "replies", "text", uuid, text.encode())

    def _write(self, tx: Tx, new: NewReply, stop: NewSuppression | None, yes: Yes | None) -> None:
        """All of it, or nothing. The same stop said twice is one."""
        if stop is not None:
            before = suppressions.said_before(tx, stop, 0) if stop.source != REVIEW else None
            if before is None:
                enter(tx, stop, self._ids, around=False)
            new = new._replace(suppression=before.uuid if before else stop.uuid)
        if yes is not None:
            new = new._replace(consent=yes.take(tx))
        replies.add(tx, new)
        digest = sha256(new.text_sealed or new.uuid).digest()
        tx.audit(new.actor, "reply.taken", ids.public("rep", new.uuid), digest)


def entered(stop: Stop, blind: bytes, at: int, caller: Caller, ids_: ids.Ids, due: int | None = None) -> NewSuppression:
    """The entry of a stop that was said then for an address."""
    return NewSuppression(
        ids_.new(), blind, stop.scope, stop.channels, (), stop.classes, stop.source, False, at, blind, caller.actor, due
    )


def _for_a_person(heard: Heard, yes: Yes | None) -> bool:
    """Whether somebody has to look at it: it can be read in two ways, a booking may be meant, or a yes to nothing that
    was asked."""
    unasked = heard.action == "opt_in" and yes is None
    return heard.action == "hold_review" or unasked or ABOUT_BOOKING in heard.reasons
