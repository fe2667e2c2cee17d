"""From a leased row to a message that may be handed over: judged, opened, finished, and checked byte by byte."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway import compose, ids
from gateway.batches import Batches
from gateway.channel import Channel, Message
from gateway.compliance import Compliance, Judgement, count
from gateway.delivery.settle import Settled
from gateway.errors import Stopped
from gateway.letters import Envelope, Letters
from gateway.rules import History
from gateway.store.changes import Changes
from gateway.store.outbox import HELD, Due
from gateway.vault import KeyDestroyed

LINKED = frozenset({"unsubscribe", "unsubscribe_easy", "list_unsubscribe_post"})
"""Elements that need the guest's own link."""
NO_WAYS = compose.Ways()
GOOD_FOR_MS = 1000
"""How long a judgement may be relied on."""


@dataclass(slots=True)
class Parcel:
    """A leased message on its way through a provider, with the judgement it travels under; `mark` tells how far the
    changes had come when it was judged, `lacking` names what the law requires and the composed bytes have not, `gone`
    is what it is to the other messages of its guest while it is on its way."""

    due: Due
    envelope: Envelope
    message: Message
    judgement: Judgement
    mark: int
    lacking: Callable[[], list[str]]
    stopped: Settled | None = None
    gone: History | None = None


class Preparation:
    """Makes parcels. Everything here runs between two turns of the loop and is over in a fraction of a millisecond."""

    def __init__(self, compliance: Compliance, letters: Letters, batches: Batches, changes: Changes,
                 now: Callable[[], int]):  # fmt: skip
        self.compliance, self.letters, self.batches, self.changes, self.now = compliance, letters, batches, changes, now
        self.going: dict[int, list[History]] = {}
        """Per guest, what is being handed over right now: it counts as history for his next message."""

    async def ready(self, due: Due) -> None:
        """Have at hand what printing a message of a batch takes; call it right before `prepare`."""
        if due.batch_id is not None:
            await self.batches.ready(due.batch_id, due.template_version_id)

    def prepare(self, due: Due, plugin: Channel) -> Parcel | Settled:
        """The parcel, its message to be composed; or how the message is settled instead of leaving."""
        over = self._over(due, self.now())
        if over is not None:
            return over
        envelope = self.letters.envelope(due.envelope)
        mark = self.changes.mark
        address = self.address(due)
        judgement = self._judge(due, envelope, address, plugin, self.going.get(due.guest_id, ()))
        if not judgement.goes:
            return not_now(due, judgement)
        message, lacking = self._finish(due, address, frozenset(judgement.required_elements), plugin)
        parcel = Parcel(due, envelope, message, judgement, mark, lacking)
        message.before_handover = lambda _: self.look_again(parcel, plugin)
        return parcel

    def address(self, due: Due) -> str:
        """Where it goes; "" once its guest was erased, who is then judged without it."""
        if not due.address_sealed:
            return ""
        try:
            return self.letters.open_address(due.key_id, due.contact_uuid, due.address_sealed)
        except KeyDestroyed:
            return ""

    def _over(self, due: Due, now: int) -> Settled | None:
        """How it ends if its time is over, or its batch was called off."""
        if due.expires_at is not None and now >= due.expires_at:
            return Settled(due.id, due.uuid, "expired")
        if due.batch_id is not None and self.batches.words(due.batch_id).cancelled:
            return Settled(due.id, due.uuid, "cancelled")
        return None

    def _judge(
        self, due: Due, envelope: Envelope, address: str, plugin: Channel, going: Sequence[History]
    ) -> Judgement:
        return self.compliance.judge_due(due, envelope, address, plugin, going)

    def _finish(
        self, due: Due, address: str, required: frozenset[str], plugin: Channel
    ) -> tuple[Message, Callable[[], list[str]]]:
        """The finished message, and what tells whether all that is required is in what was composed of it."""
        content = self.letters.open(due.key_id, due.uuid, due.content_sealed)
        means = self.compliance.means(due.channel, due.sender, plugin)
        ways = self.letters.ways_out(due, means.sender.unsubscribe_email) if required & LINKED else NO_WAYS
        language = due.language or self.letters.language
        words = self.batches.letter(due.batch_id, due.template_version_id, content)
        letter = compose.finish(words, required, means, ways, language)
        message = Message(
            id=ids.public("msg", due.uuid),
            channel=due.channel,
            to=address,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            sender=means.sender,
            created_at=due.created_at,
            headers=letter.headers,
            attempt=due.attempt,
        )
        return (
            message,
            lambda: compose.missing(message.payload, required, means, ways.stop, language) if required else [],
        )

    def check(self, parcel: Parcel) -> None:
        """Search the composed bytes for what the law requires; raise Stopped if a part is missing."""
        if lacking := parcel.lacking():
            parcel.stopped = incomplete(parcel.due, parcel.judgement, lacking)
            raise Stopped()

    def look_again(self, parcel: Parcel, plugin: Channel) -> None:
        """Right before the hand-over: raise Stopped if the judgement no longer holds, and again each time one asks."""
        due, now = parcel.due, self.now()
        parcel.stopped = parcel.stopped or self._over(due, now)
        if parcel.stopped is not None:
            raise Stopped()
        if now - parcel.judgement.at <= GOOD_FOR_MS and not self.changes.since(due.blind, parcel.mark):
            return
        parcel.mark = self.changes.mark
        others = [one for one in self.going.get(due.guest_id, ()) if one is not parcel.gone]
        parcel.judgement = self._judge(due, parcel.envelope, parcel.message.to, plugin, others)
        if not parcel.judgement.goes:
            parcel.stopped = not_now(due, parcel.judgement)
            raise Stopped()

    def departs(self, parcel: Parcel) -> None:
        """Count a parcel as history for the other messages of its guest, from its judgement to its settlement."""
        due = parcel.due
        answers = parcel.envelope.in_reply_to_suppression
        parcel.gone = History(channel=due.channel, class_=due.class_, category=due.category, sent_at=self.now(),
                              in_reply_to_suppression=answers)  # fmt: skip
        self.going.setdefault(due.guest_id, []).append(parcel.gone)

    def arrived(self, parcel: Parcel) -> None:
        """It is settled: from now on the store tells of it."""
        others = [one for one in self.going.pop(parcel.due.guest_id, ()) if one is not parcel.gone]
        if others:
            self.going[parcel.due.guest_id] = others


def not_now(due: Due, judgement: Judgement) -> Settled:
    """A leased message that the law does not let go: later, never, or when a person has looked at a broken
    rule, or read what the guest has answered."""
    count(judgement)
    if judgement.broken or judgement.in_review:
        why = "rule_error" if judgement.broken else "needs_review"
        return Settled(due.id, due.uuid, "held", why, due_at=judgement.at, lease=HELD,
                       attempts_back=1, decision=judgement.json)  # fmt: skip
    if judgement.decision == "defer":
        return Settled(due.id, due.uuid, "deferred", "law", due_at=judgement.defer_until, attempts_back=1,
                       uncertain=bool(due.uncertain), decision=judgement.json)  # fmt: skip
    return Settled(due.id, due.uuid, "blocked", decision=judgement.json)


def incomplete(due: Due, judgement: Judgement, lacking: list[str]) -> Settled:
    """The finished bytes lack what the law requires: that denies, whatever was planned."""
    return Settled(due.id, due.uuid, "blocked", f"missing {', '.join(lacking)}", decision=judgement.json)
