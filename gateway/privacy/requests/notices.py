"""Letters to guests about their requests: of class legal, by the usual way out, in the guest's own language."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import structs

from gateway import ids
from gateway.addresses import Named
from gateway.callers import Caller
from gateway.catalogue import Catalogue, catalogue, spoken
from gateway.config import Config
from gateway.drafts import Draft, Drafts, content_of
from gateway.errors import Invalid
from gateway.guestbook.seals import Seals
from gateway.intake import Acceptance, Intake
from gateway.model import ChannelName
from gateway.orders import Recipient, SendOrder
from gateway.privacy.requests.proofs import Drawn
from gateway.store import guests
from gateway.store.data_requests import Request
from gateway.store.db import Database, Tx
from gateway.store.guestbook import Contact, Whole
from gateway.store.guests import Guest
from gateway.store.messages import NewMessage

GATEWAY = Caller("gateway", b"gateway", frozenset({"send.legal"}))
"""Who writes such letters, on whoever's order."""
CATEGORY = "privacy"
BY: tuple[tuple[str, ChannelName], ...] = (("email", "email"), ("phone", "sms"))
LETTERS: dict[str, tuple[str, ...]] = {
    "verify": ("verify", "code", "link", "until", "not_you"),
    "copy": ("copy", "code", "link", "until"),
    "corrected": ("corrected",),
    "restricted": ("restricted",),
    "unrestricted": ("unrestricted",),
    "objected": ("objected",),
    "grace": ("grace", "stays", "undo"),
    "held": ("held", "complain"),
    "kept": ("kept", "not_you_call"),
    "extended": ("extended", "complain"),
    "refused": ("refused", "complain"),
    "withdrawn": ("withdrawn", "not_you_call"),
}
"""What is written on each occasion, paragraph by paragraph; one about a link is left out where there is none."""


class Way(NamedTuple):
    """How a guest is written to: a draft that the law lets go, its words still missing. `alone`: nobody else has the
    address. `draft.named.guest` is None for somebody nobody knows, to whom nothing is written."""

    draft: Draft
    alone: bool

    @property
    def channel(self) -> ChannelName:
        return self.draft.order.channel

    @property
    def blind(self) -> bytes:
        return self.draft.named.blind


class Notices:
    """Writes them, in the transaction of what they tell of."""

    def __init__(self, db: Database, drafts: Drafts, intake: Intake, seals: Seals, config: Config):
        self._db, self._drafts, self._intake, self._seals, self._config = db, drafts, intake, seals, config

    # -- by which way -------------------------------------------------------------------------------------------------

    def way(self, guest: Whole, first: bytes | None = None) -> Way | None:
        """The way to a guest: an address that is his alone before one he shares, the one he asked from before others,
        e-mail before texts, the oldest first. None where there is none that works."""
        ways = list(self._ways(guest, first))
        return next((way for way in ways if way.alone), ways[0] if ways else None)

    def _ways(self, guest: Whole, first: bytes | None) -> Iterator[Way]:
        owners = guests.owners(self._db.reader, [contact.blind for contact in guest.contacts] or [b""])
        for contact in sorted(guest.contacts, key=lambda one: (one.blind != first, one.kind, one.id)):
            named = Named(
                contact.kind, self._seals.open_address(guest.key_id, contact), contact.blind, _at(guest, contact),
                Recipient(guest_id=ids.public("gst", guest.uuid)),
            )  # fmt: skip
            if draft := self._drafted(named):
                yield Way(draft, len(owners.get(contact.blind, ())) <= 1)

    def way_to_nobody(self, kind: str, address: str, blind: bytes) -> Way | None:
        """As `way`, of an address nobody has."""
        draft = self._drafted(Named(kind, address, blind, None, Recipient()))
        return Way(draft, True) if draft else None

    def _drafted(self, named: Named) -> Draft | None:
        channel = dict(BY)[named.kind]
        order = SendOrder(channel=channel, to="", text="-", class_="legal", category=CATEGORY, subject="-")
        try:
            self._drafts.check(order)
        except Invalid:  # nobody delivers there, or no sender is configured
            return None
        draft = self._drafts.judge(order, named, GATEWAY)
        return None if draft.judgement.decision == "deny" else draft

    # -- what is written ----------------------------------------------------------------------------------------------

    def post(self, tx: Tx, way: Way, letter: str, request: Request, **values: str) -> NewMessage:
        """Write a letter about a request as it now stands; tell `announce` of it after the commit."""
        speaks = self.speaks(way)
        text = self._text(speaks, letter, request, values)
        short = way.channel != "email"
        order = structs.replace(
            way.draft.order,
            subject=None if short else speaks.say("request_letters.subject", request=number(request)),
            text=f"{self._config.sender.name or self._config.venue.name}: {text}" if short else text,
        )
        taken = self._drafts.take(way.draft._replace(order=order), GATEWAY, content_of(order))
        self._intake.write(tx, [Acceptance(taken, ids.public("msg", taken.message.uuid))])
        return taken.message

    def announce(self, letters: Sequence[NewMessage]) -> None:
        """After the commit: they may leave."""
        for message in letters:
            self._intake.announce(message)

    def speaks(self, way: Way) -> Catalogue:
        """The words in which this guest is written to."""
        guest = way.draft.named.guest
        return catalogue(spoken(guest.language if guest else None) or spoken(self._config.venue.language) or "en")

    def day(self, speaks: Catalogue, moment: int) -> str:
        """A day on the venue's calendar, in words."""
        return speaks.day(moment, self._config.venue.timezone)

    def proven_by(self, way: Way, drawn: Drawn) -> dict[str, str]:
        """What a letter with a code says of it."""
        until = self.speaks(way).minute(drawn.proof.expires_at, self._config.venue.timezone)
        return {"code": drawn.code, "link": drawn.link, "until": until}

    def _text(self, speaks: Catalogue, letter: str, request: Request, values: dict[str, str]) -> str:
        known = {
            "wish": speaks.say(f"request_kinds.{request.kind}"),
            "request": number(request),
            "due": self.day(speaks, request.due_at - 1),
        } | self._house() | values  # fmt: skip
        parts = [part for part in LETTERS[letter] if not (part in ("link", "undo") and not known[part])]
        return "\n\n".join(speaks.say(f"request_letters.{part}", **known) for part in parts)

    def _house(self) -> dict[str, str]:
        sender, venue = self._config.sender, self._config.venue
        return {"venue": sender.name or venue.name, "contact": sender.contact or sender.email or venue.name}


def number(request: Request) -> str:
    """What the guest is told: short enough to be said on the phone."""
    return f"R-{request.id}"


def _at(guest: Whole, contact: Contact) -> Guest:
    return Guest(
        guest.id, guest.uuid, guest.key_id, guest.status, guest.country, guest.region, guest.timezone, guest.language,
        contact.id, contact.uuid, contact.address_sealed, contact.blind,
    )  # fmt: skip
