"""Who a bulk order is for: its list or its segment, each person once, with what his message is printed with."""

from typing import Any, NamedTuple

from msgspec import structs

from gateway import ids
from gateway.addresses import Named
from gateway.callers import Caller
from gateway.clock import date_of
from gateway.compose import Declared, declared
from gateway.drafts import Drafts, permit
from gateway.errors import BadInput, Conflict, Fault, Invalid
from gateway.letters import Content, Letters
from gateway.model import CONTACT_OF
from gateway.orders import MOST_RECIPIENTS, BulkOrder, BulkRecipient, Metadata, Recipient, Segment, SendOrder
from gateway.pace import Pace
from gateway.stationery.printing import Printing
from gateway.store import batches, guestbook
from gateway.store.batches import Stored
from gateway.store.db import Database
from gateway.tally import SHOWN
from gateway.wording import Wording, wording_of


class Listed(NamedTuple):
    """The recipients of a request, each with his place in it: those whose form is right, and the first fault of each
    who is left out."""

    understood: list[tuple[int, BulkRecipient]]
    faulty: list[tuple[int, Fault]]


class One(NamedTuple):
    """A recipient who was understood: his place in the request, how he was called and who he is, with what his message
    is printed and what is declared of it, and the message that is sent again."""

    place: int
    to: str | Recipient
    named: Named
    metadata: Metadata | None
    variables: dict[str, Any]
    version_id: int | None = None
    declares: Declared | None = None
    retry_of: bytes | None = None

    def order(self, ordered: SendOrder) -> SendOrder:
        """What is ordered for him, as far as it is judged."""
        if self.declares is None:
            return ordered
        return structs.replace(ordered, declares=declared(self.declares, ordered.declares))

    def content(self, ordered: SendOrder) -> Content:
        """What is sealed for him alone."""
        return Content(metadata=self.metadata or ordered.metadata or {}, variables=self.variables)


class Many(NamedTuple):
    """A bulk order as it will be written: what is the same for all, the words they share, who gets it, who does not."""

    ordered: SendOrder
    shared: Content
    people: list[One]
    faulty: list[tuple[int, Fault]]


class Recipients:
    """Finds them. `language` is the venue's."""

    def __init__(self, db: Database, drafts: Drafts, letters: Letters, printing: Printing, language: str):
        self._db, self._drafts, self._letters = db, drafts, letters
        self._printing, self._language = printing, language

    async def of(self, order: BulkOrder, listed: Listed | Segment, caller: Caller) -> Many:
        """Everybody an order is for. Raises Invalid where nobody is left, or somebody is left out and that is to refuse
        all; BadTemplate for words that cannot be used; Forbidden."""
        wording = await wording_of(order, self._printing, self._language)
        ordered = one_of(order, wording)
        permit(ordered, caller, "send.bulk")
        self._drafts.check(ordered)
        understood, faulty = await self._chosen(wording, listed) if isinstance(listed, Segment) else listed
        people: list[One] = []
        seen, pace = set(), Pace()
        for place, recipient in understood:
            try:
                one = self._one(place, recipient, ordered, wording)
                if one.named.blind in seen:
                    raise Invalid(faults=[Fault(f"/recipients/{place}/to", "duplicate", "each address once")])
            except BadInput as wrong:
                faulty.append((place, wrong.faults[0]))
            else:
                seen.add(one.named.blind)
                people.append(one)
            await pace()
        faulty.sort()
        if faulty and (order.on_fault == "refuse" or not people):
            raise Invalid(faults=[fault for _, fault in faulty[:SHOWN]])
        return Many(ordered, wording.content, people, faulty)

    def _one(self, place: int, recipient: BulkRecipient, ordered: SendOrder, wording: Wording) -> One:
        at = f"/recipients/{place}"
        named = self._drafts.find(recipient.to, ordered.channel, f"{at}/to")
        variables, version_id, declares = wording.prove(named, recipient.variables, at)
        return One(place, recipient.to, named, recipient.metadata, variables, version_id, declares)

    async def _chosen(self, wording: Wording, segment: Segment) -> Listed:
        """Whoever is in a segment now and can be reached over the channel. Raises Invalid for one that says nothing,
        has nobody, or too many in it."""
        if not (segment.tags or segment.language or segment.country):
            raise Invalid(faults=[Fault("/recipients/filter", "missing", "tags, language or country")])
        uuids = await self._db.read(
            guestbook.segment, CONTACT_OF[wording.channel], segment.tags, segment.language, segment.country,
            MOST_RECIPIENTS + 1,
        )  # fmt: skip
        if not uuids:
            raise Invalid(faults=[Fault("/recipients/filter", "nobody", "a segment with guests in it")])
        if len(uuids) > MOST_RECIPIENTS:
            raise Invalid(faults=[Fault("/recipients/filter", "too-many", f"at most {MOST_RECIPIENTS} guests")])
        named = (Recipient(guest_id=ids.public("gst", uuid)) for uuid in uuids)
        return Listed([(place, BulkRecipient(one)) for place, one in enumerate(named)], [])

    async def failed(self, stored: Stored, caller: Caller) -> Many:
        """Those whom a batch did not reach, for another one with the same words. Raises Conflict where there are none,
        Forbidden."""
        if not stored.content_sealed:
            raise Conflict("The text of this batch was deleted: its time was over.")
        shared = self._letters.open_shared(stored.uuid, stored.content_sealed)
        ordered = SendOrder(channel=stored.channel, to="", text=shared.text or "-", class_=stored.class_,
                            category=stored.category, sender=stored.sender)  # fmt: skip
        permit(ordered, caller, "send.bulk")
        people: list[One] = []
        pace = Pace()
        while rows := await self._db.read(batches.failed, stored.id, people[-1].place if people else 0):
            for row in rows:
                ordered = structs.replace(ordered, event_date=date_of(row.event_date))  # the same for all of a batch
                envelope = self._letters.envelope(row.envelope)
                own = self._letters.open(row.key_id, row.uuid, row.content_sealed)
                to = Recipient(guest_id=ids.public("gst", row.guest_uuid), country=envelope.country,
                               region=envelope.region, timezone=envelope.timezone)  # fmt: skip
                named = self._drafts.find(to, stored.channel)
                people.append(One(row.id, to, named, own.metadata or None, own.variables, row.template_version_id,
                                  envelope.declares, row.uuid))  # fmt: skip
                await pace()
        if not people:
            raise Conflict("None of its messages has failed.")
        return Many(ordered, shared, people, [])


def one_of(order: BulkOrder, wording: Wording) -> SendOrder:
    """A bulk order as that of one of its messages, to nobody yet. A dash stands for words that are printed later."""
    printed = wording.content.ready is not None or wording.stocks is not None
    subject = order.subject if order.template is None else "-" if wording.channel == "email" else None
    return SendOrder(
        channel=wording.channel, to="", text="-" if printed else wording.content.text, class_=order.class_,
        category=order.category, subject=subject, deliver_at=order.deliver_at, deliver_zone=order.deliver_zone,
        expires_at=order.expires_at, sender=order.sender, reference=order.reference, metadata=order.metadata,
        declares=order.declares, event_date=order.event_date,
    )  # fmt: skip
