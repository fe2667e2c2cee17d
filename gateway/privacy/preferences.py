"""What a guest gets as far as it is up to him: topic by topic, channel by channel, as the rules see it now."""

from collections.abc import Sequence

from msgspec import Struct, structs

from gateway import config
from gateway.clock import Clock
from gateway.facts import Facts
from gateway.model import CONTACT_OF, ChannelName, MessageClass
from gateway.privacy.topics import Topic, Topics
from gateway.privacy.visitors import Visitor, Visitors, masked
from gateway.rules import Consent, Features, Given, MessageFacts, RecipientFacts, Rulebook, Venue
from gateway.store import guestbook
from gateway.store.db import Database
from gateway.store.guestbook import Contact

STOPPED = "CORE-SUP"
WHOLE = Features(
    promo_in_subject=False, transactional_first=True, unsubscribe=True, unsubscribe_steps="one_click",
    unsubscribe_valid_days=9999, list_unsubscribe_post=True, sender_identity=True, postal_address=True,
    contact_point=True, ad_label=True,
)  # fmt: skip
"""A message with nothing missing: whether it may go is then a question of the guest's word."""


class Box(Struct, frozen=True):
    """One topic over one channel, at one address of the guest; `ticked`: he gets it."""

    topic: Topic
    channel: ChannelName
    contact: Contact
    ticked: bool

    @property
    def name(self) -> str:
        """What its field in the form is called."""
        return f"{self.topic.category}:{self.channel}"


class Preferences:
    """Reads what guests want. `channels`: those the venue can write over."""

    def __init__(self, db: Database, facts: Facts, visitors: Visitors, topics: Topics, rulebook: Rulebook,
                 venue: config.Venue, channels: Sequence[ChannelName], clock: Clock):  # fmt: skip
        self._db, self._facts, self._visitors, self._topics = db, facts, visitors, topics
        self._rulebook, self._channels, self._clock = rulebook, channels, clock
        self._venue = Venue(country=venue.country, region=venue.region, timezone=venue.timezone)

    def boxes(self, visitor: Visitor) -> list[list[Box]]:
        """A list of boxes for every topic; nothing for somebody nobody knows (any more)."""
        reached = self.reached(visitor)
        topics = self._topics.all() if reached else []
        return [
            [
                Box(topic, channel, contact, self.wanted(visitor, contact, channel, topic.category, topic.class_))
                for channel, contact in reached.items()
            ]
            for topic in topics
        ]

    def reached(self, visitor: Visitor) -> dict[ChannelName, Contact]:
        """Over which channels the guest is reached, and where: first at the address his link was sent to. If others
        have that address too it is this one only, since nobody knows who of them looks at the page."""
        guest = guestbook.find(self._db.reader, visitor.guest.uuid) if visitor.guest else None
        contacts = sorted(guest.contacts if guest else [], key=lambda one: one.blind != visitor.link.blind)
        first: dict[str, Contact] = {}
        for contact in contacts[:1] if visitor.shared else contacts:
            first.setdefault(contact.kind, contact)
        return {channel: first[CONTACT_OF[channel]] for channel in self._channels if CONTACT_OF[channel] in first}

    def addresses(self, visitor: Visitor) -> list[str]:
        """The addresses that the boxes are about, masked."""
        contacts = dict.fromkeys(self.reached(visitor).values())
        return [masked(self.address(visitor, contact)) for contact in contacts]

    def address(self, visitor: Visitor, contact: Contact) -> str:
        """The address of a contact point of the visitor, in clear."""
        assert visitor.guest is not None  # noqa: S101 he has a contact point
        return self._visitors.address(visitor.guest, contact.uuid, contact.address_sealed)

    def wanted(
        self, visitor: Visitor, contact: Contact, channel: ChannelName, category: str, class_: MessageClass
    ) -> bool:
        """Whether he gets such messages as far as it is up to him: he has not stopped them, and where a law asks for
        his yes, it was given."""
        given = self._given(visitor, contact, channel, category, class_)
        result = self._rulebook.judge(given)
        if any(reason.startswith(STOPPED) for reason in result.reasons):
            return False
        if result.decision != "deny":
            return True
        yes = Consent(
            kind="express_written", channels=[channel], categories=["*"], granted_at=given.now,
            confirmed_at=given.now, source="double_opt_in", wording_version="1", proof_ref="1", optout_offered=True,
        )  # fmt: skip
        return self._rulebook.judge(structs.replace(given, consents=[yes], suppressions=[])).decision == "deny"

    def _given(
        self, visitor: Visitor, contact: Contact, channel: ChannelName, category: str, class_: MessageClass
    ) -> Given:
        guest = visitor.guest
        assert guest is not None  # noqa: S101 he has a contact point
        known = self._facts.of(guest._replace(blind=contact.blind))
        address = self.address(visitor, contact)
        return Given(
            now=self._clock.now(),
            venue=self._venue,
            recipient=RecipientFacts(
                country=guest.country, region=guest.region, timezone=guest.timezone, status=guest.status,
                email=address if contact.kind == "email" else None,
                phone=address if contact.kind == "phone" else None,
            ),
            message=MessageFacts(
                channel=channel, class_=class_, category=category,
                features=structs.replace(WHOLE, contains_promotion=class_ == "marketing"),
            ),
            consents=known.consents,
            suppressions=known.suppressions,
        )  # fmt: skip
