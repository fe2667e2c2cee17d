"""What a guest changes about what he gets. A no counts at once; a yes to what is no offer does too; a yes to offers
counts once he has confirmed it by a mail of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from gateway import ids
from gateway.callers import Caller
from gateway.clock import Clock, rfc3339
from gateway.errors import Blocked, Conflict, Invalid
from gateway.guestbook import Entries
from gateway.guestbook.forms import GuestEdit
from gateway.model import ChannelName
from gateway.orders import Recipient
from gateway.privacy.asks import Asks
from gateway.privacy.consents import Consents
from gateway.privacy.forms import AskOrder, ConsentOrder
from gateway.privacy.opt_outs import GUEST, enter
from gateway.privacy.preferences import Box, Preferences
from gateway.privacy.visitors import Visitor
from gateway.store import guests
from gateway.store.db import Database, Tx
from gateway.store.suppressions import NewSuppression

SOURCE = "preferences"
Via = Literal["email", "sms"]
HIMSELF = Caller(GUEST, b"", frozenset())


class Saved(Struct, frozen=True):
    """What came of a change. `asked`: over this channel a message is on its way, to confirm a yes to offers. `left`:
    topics that could not be switched on here, since an address is dead or a complaint stands against it."""

    asked: Via | None
    left: list[Box]


class Wishes:
    """Takes changes down."""

    def __init__(self, db: Database, preferences: Preferences, consents: Consents, asks: Asks, entries: Entries,
                 ids_: ids.Ids, clock: Clock):  # fmt: skip
        self._db, self._preferences, self._consents, self._asks = db, preferences, consents, asks
        self._entries, self._ids, self._clock = entries, ids_, clock

    async def save(self, visitor: Visitor, changed: Mapping[str, bool], language: str | None, shown_in: str) -> Saved:
        """Take down what was ticked (True) and unticked (False), by the names of boxes, and the language, if another
        one was chosen. `shown_in`: the language of the page."""
        boxes = {box.name: box for row in self._preferences.boxes(visitor) for box in row}
        await self._stop([boxes[name] for name, ticked in changed.items() if name in boxes and not ticked])
        new = [boxes[name] for name, ticked in changed.items() if ticked and name in boxes and not boxes[name].ticked]
        if language is not None:
            await self._speak(visitor, language)
        await self._agree(visitor, [box for box in new if box.topic.about != "offers"], shown_in)
        asked = await self._ask(visitor, [box for box in new if box.topic.about == "offers"])
        return Saved(asked, list(self._left(visitor, new, asked)))

    def _left(self, visitor: Visitor, new: Sequence[Box], asked: Via | None) -> Iterable[Box]:
        now = {box.name: box.ticked for row in self._preferences.boxes(visitor) for box in row}
        return (box for box in new if not now.get(box.name) and not (asked and box.topic.about == "offers"))

    # -- no -----------------------------------------------------------------------------------------------------------

    async def _stop(self, boxes: Sequence[Box]) -> None:
        if boxes:
            entries = [self._entry(box, box.topic.stops, self._clock.now()) for box in boxes]
            await self._db.write(self._enter, entries, may_use_reserve=True)

    def _entry(self, box: Box, classes: Sequence[str], at: int) -> NewSuppression:
        blind = box.contact.blind
        return NewSuppression(
            self._ids.new(), blind, "channel_category", (box.channel,), (box.topic.category,), tuple(classes), SOURCE,
            False, at, blind, GUEST,
        )  # fmt: skip

    def _enter(self, tx: Tx, items: Sequence[Sequence[NewSuppression]]) -> list[None]:
        for entries in items:
            for entry in entries:
                enter(tx, entry, self._ids, around=False)
        return [None] * len(items)

    # -- yes ----------------------------------------------------------------------------------------------------------

    async def _agree(self, visitor: Visitor, boxes: Sequence[Box], language: str) -> None:
        """Take down a yes to what is no offer. A yes is about a category, whatever its messages are: so that no offer
        comes with it, offers in that category are stopped at the same moment, which a yes of that moment does not
        lift."""
        now = self._clock.now()
        closed = [
            self._entry(box, ("marketing",), now)
            for box in boxes
            if not self._preferences.wanted(visitor, box.contact, box.channel, box.topic.category, "marketing")
        ]
        if closed:
            await self._db.write(self._enter, closed)
        for box in boxes:
            await self._consents.record(self._yes(visitor, box, now, language), HIMSELF)

    def _yes(self, visitor: Visitor, box: Box, at: int, language: str) -> ConsentOrder:
        return ConsentOrder(
            guest=Recipient(**{box.contact.kind: self._preferences.address(visitor, box.contact)}),
            action="grant",
            kind="express",
            channels=[box.channel],
            categories=[box.topic.category],
            source="web_form",
            wording_version=f"preferences-{language}",
            proof_ref=f"the preferences page, by the link in {visitor.message}",
            granted_at=rfc3339(at),
        )

    async def _ask(self, visitor: Visitor, boxes: Sequence[Box]) -> Via | None:
        """Have a yes to offers confirmed by a message to the address of the link; over which channel that goes, or None
        if there is nothing to be confirmed or no such message may go."""
        wanted: dict[ChannelName, list[str]] = {}
        for box in boxes:
            wanted.setdefault(box.channel, []).append(box.topic.category)
        asked = [await self._asked(visitor, channel, categories) for channel, categories in wanted.items()]
        return next(filter(None, asked), None)

    async def _asked(self, visitor: Visitor, channel: ChannelName, categories: list[str]) -> Via | None:
        here = next(
            (one for one in self._preferences.reached(visitor).values() if one.blind == visitor.link.blind), None
        )
        if here is None:
            return None
        via: Via = "email" if here.kind == "email" else "sms"
        guest = Recipient(**{here.kind: self._preferences.address(visitor, here)})
        try:
            await self._asks.ask(AskOrder(guest=guest, channels=[channel], categories=categories, via=via), None)
        except (Blocked, Conflict, Invalid):  # the page names what was not saved
            return None
        return via

    # -- language -----------------------------------------------------------------------------------------------------

    async def _speak(self, visitor: Visitor, language: str) -> None:
        """Write in this language from now on to everyone who has the address."""
        blind = visitor.link.blind
        for uuid in guests.owners(self._db.reader, [blind]).get(blind, ()):
            await self._entries.edit(ids.public("gst", uuid), GuestEdit(language=language), None, HIMSELF)
