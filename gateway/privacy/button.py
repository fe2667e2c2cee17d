"""The button of the opt-out page: what it offers to stop, the stop, and taking that back while it was a slip."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from gateway import ids
from gateway.clock import Clock
from gateway.letters import DAY_MS
from gateway.model import CHANNELS
from gateway.privacy.opt_outs import GUEST, enter
from gateway.privacy.topics import Topic, Topics
from gateway.privacy.visitors import Visitor
from gateway.rules import BY_CONSENT
from gateway.store import messages, suppressions
from gateway.store.db import Database, Tx
from gateway.store.suppressions import NewSuppression, Stored
from gateway.vault.links import Links

SOURCE = "unsubscribe_link"
UNDO_MS = 10 * 60_000
"""How long a press can be taken back. Pressed again within it, nothing new is written."""
What = Literal["mail_program", "offers", "only", "topic", "all"]

Extent = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""How far a stop goes: scope, channels, categories, classes."""


class Choice(Struct, frozen=True):
    """One thing to stop. `only` is one topic of several offers, `topic` everything about an event or a booking."""

    what: What
    topic: Topic | None = None

    @property
    def name(self) -> str:
        """What its field in the form is called."""
        return f"{self.what}:{self.topic.category}" if self.topic else self.what


class Pressed(Struct, frozen=True):
    """A press that counts. `number` is what its receipt shows; with `undo` it can be taken back."""

    choice: Choice
    uuid: bytes
    at: int
    undo: str

    @property
    def number(self) -> str:
        """Short enough to be read out; `GET suppressions?receipt=` finds it."""
        return receipt(self.uuid)


class Button:
    """Takes presses, and takes them back."""

    def __init__(self, db: Database, links: Links, topics: Topics, ids_: ids.Ids, clock: Clock):
        self._db, self._links, self._topics, self._ids, self._clock = db, links, topics, ids_, clock

    def choices(self, visitor: Visitor) -> list[Choice]:
        """What can be stopped, first what the visitor's message was about."""
        topics = self._topics.all()
        mine = next((topic for topic in topics if topic.category == visitor.category), None)
        found = [Choice("offers"), Choice("all")]
        if mine and mine.about == "offers" and not mine.alone:
            found.insert(1, Choice("only", mine))
        if mine and mine.about != "offers" and visitor.class_ != "marketing":
            return [Choice("topic", mine), *found]
        events = [topic for topic in topics if topic.about == "event" and self._got(visitor, topic)]
        return [*found[:-1], *(Choice("topic", topic) for topic in events), found[-1]]

    def _got(self, visitor: Visitor, topic: Topic) -> bool:
        """Whether the visitor has had messages about it."""
        return bool(visitor.guest and messages.had(self._db.reader, visitor.guest.id, topic.category))

    async def press(self, visitor: Visitor, name: str) -> Pressed:
        """Stop what is called so. Anything else, and nothing, is what a mail program's own button means (RFC 8058):
        this channel."""
        choice = next((one for one in self.choices(visitor) if one.name == name), Choice("mail_program"))
        entry = self._entry(visitor, choice)
        standing = await self._db.write(self._stop, entry, may_use_reserve=True)
        uuid, at = (standing.uuid, standing.created_at) if standing else (entry.uuid, entry.created_at)
        undo = self._links.make("undo", visitor.link.blind, visitor.channel, uuid, self._clock.now() // DAY_MS)
        return Pressed(choice, uuid, at, undo)

    def _entry(self, visitor: Visitor, choice: Choice) -> NewSuppression:
        """The stop that a choice comes to."""
        scope, channels, categories, classes = self._extent(visitor, choice)
        blind = visitor.link.blind
        return NewSuppression(
            self._ids.new(), blind, scope, channels, categories, classes, SOURCE, False, self._clock.now(), blind, GUEST
        )

    def _extent(self, visitor: Visitor, choice: Choice) -> Extent:
        if choice.topic:
            return "category", CHANNELS, (choice.topic.category,), choice.topic.stops
        if choice.what == "mail_program":
            classes = tuple(one for one in BY_CONSENT if one in ("marketing", visitor.class_))
            return "channel", (visitor.channel,), (), classes
        return "global", CHANNELS, (), BY_CONSENT if choice.what == "all" else ("marketing",)

    def _stop(self, tx: Tx, entries: Sequence[NewSuppression]) -> list[Stored | None]:
        """The work of presses: what stands already, of one that was pressed just before."""
        found = []
        for entry in entries:
            standing = suppressions.said_before(tx, entry, tx.now - UNDO_MS)
            if standing is None:
                enter(tx, entry, self._ids, around=entry.scope != "channel")
            found.append(standing)
        return found

    async def undo(self, visitor: Visitor, token: str) -> bool:
        """Take back what one press wrote, for every address it wrote it for; whether it was still in time. False for a
        token that is of no press by this visitor."""
        link = self._links.read("undo", token)
        if link is None or link.blind != visitor.link.blind:
            return False

        def work(tx: Tx, items: Sequence[None]) -> list[bool]:
            entry = suppressions.find(tx.connection, link.message)
            in_time = entry is not None and tx.now < entry.recorded_at + UNDO_MS
            if entry is not None and in_time and entry.lifted_at is None:
                suppressions.lift(tx, entry)
                tx.audit(GUEST, "suppression.lifted", ids.public("sup", entry.uuid), sha256(entry.uuid).digest())
            return [in_time] * len(items)

        return await self._db.write(work)


def receipt(uuid: bytes) -> str:
    """The number of a receipt: the end of the stop's own id, in hexadecimal digits."""
    end = uuid[-4:].hex().upper()
    return f"G-{end[:4]}-{end[4:]}"
