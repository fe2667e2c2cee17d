"""What a guest is asked to agree to: the words, the message they go in, and the note that it was asked."""

from hashlib import sha256
from typing import Any, Literal, NamedTuple

from gateway import catalogue, ids
from gateway.addresses import Named
from gateway.callers import Caller
from gateway.clock import Clock, rfc3339
from gateway.compose import Declared
from gateway.errors import Conflict
from gateway.intake import Along
from gateway.letters import DAY_MS, Letters
from gateway.model import ChannelName
from gateway.orders import SendOrder
from gateway.privacy.forms import AskFirstOrder, AskOrder
from gateway.privacy.wordings import Wordings
from gateway.store import asks, guests
from gateway.store.asks import Ask
from gateway.store.db import Tx
from gateway.store.messages import NewMessage
from gateway.store.wordings import Wording

LIFE_DAYS = 30
"""How long a guest may take to answer."""
CATEGORY = "consent"
Channel = Literal["email", "sms"]


class Question(NamedTuple):
    """A question to a guest: over which channel, in which words, and what he agrees to if he says yes. `first`: he had
    not asked for it; `form`: where he had; `by`: whose doing it is."""

    uuid: bytes
    named: Named
    via: Channel
    wording: Wording
    channels: list[ChannelName]
    categories: list[str]
    first: bool
    form: str | None
    by: str

    def like(self, ask: Ask) -> bool:
        """Whether this was asked before, and has not been answered."""
        same = (ask.blind, ask.channels, ask.categories) == (self.named.blind, self.channels, self.categories)
        return same and ask.confirmed_as is None


class Questions:
    """Puts questions together. `house` is the venue's name."""

    def __init__(self, wordings: Wordings, letters: Letters, ids_: ids.Ids, clock: Clock, house: str):
        self._wordings, self._letters, self._ids, self._clock, self._house = wordings, letters, ids_, clock, house

    def possible(self) -> None:
        """Raise Conflict while nobody could open the page that a question leads to."""
        if not self._letters.link_base:
            raise Conflict("Set public_url in section server of config.toml: until then nobody could open the page.")

    async def to(self, named: Named, via: Channel, order: AskOrder | AskFirstOrder, by: str) -> Question:
        """The question to a guest, in his language. Raises Invalid for words that are not kept here, or do not speak of
        what he is asked."""
        language = (named.guest.language if named.guest else None) or named.said.language
        wording = await self._wordings.to_show(order.wording_version, language, order.channels, order.categories)
        channels, categories = order.channels or wording.channels, order.categories or wording.categories
        first = isinstance(order, AskFirstOrder)
        form = None if isinstance(order, AskFirstOrder) else order.proof_ref
        return Question(self._ids.new(), named, via, wording, list(channels), list(categories), first, form, by)

    def message(self, question: Question, order: AskOrder | AskFirstOrder, to: object) -> SendOrder:
        """The message that asks. To whoever asked for it, it is the answer to that; for everyone else it says that it
        asks for a consent, which some laws see as an advertisement."""
        spoken = catalogue.spoken(question.wording.language) or catalogue.spoken(self._letters.language) or "en"
        words, kind = catalogue.catalogue(spoken), "ask_mail" if question.first else "confirm_mail"
        wording, link = self._wordings.text(question.wording), self._link(question)
        known: dict[str, Any] = {"venue": self._house, "days": LIFE_DAYS, "wording": wording, "link": link}
        mail = question.via == "email"
        return SendOrder(
            channel=question.via,
            to=to,  # type: ignore[arg-type]
            text=words.say(f"{kind}.text" if mail else f"{kind}.short", **known),
            class_="informational" if question.first else "transactional",
            category=CATEGORY,
            subject=words.say(f"{kind}.subject", **known) if mail else None,
            sender=order.sender,
            declares=self._declared(question),
        )

    def _declared(self, question: Question) -> Declared:
        if question.first:
            return Declared(contains_promotion=False, asks_consent=True)
        return Declared(contains_promotion=False, solicited_at=rfc3339(self._clock.now()))

    def _link(self, question: Question) -> str:
        day = self._clock.now() // DAY_MS
        token = self._letters.vault.links.make("confirm", question.named.blind, question.via, question.uuid, day)
        return f"{self._letters.link_base}/c/{token}"

    def along(self, question: Question, asked: list[Ask]) -> Along:
        """Writes the question down, with the message that asks it; `asked` then has it. Raises Conflict in there for
        somebody who had been asked first in the meantime."""

        def write(tx: Tx, message: NewMessage) -> None:
            guest_id, uuid = message.guest_id or 0, question.uuid
            if question.first and asks.asked_first(tx.connection, guest_id, question.via):
                raise Conflict()
            key_id, form = guests.key_of(tx.connection, guest_id), question.form
            sealed = self._letters.vault.seal(key_id, "asks", "form", uuid, form.encode()) if form else None
            ask = Ask(
                0, uuid, guest_id, question.named.blind, message.uuid, question.via, question.channels,
                question.categories, question.wording.id, sealed, question.first, question.by, tx.now,
                tx.now + LIFE_DAYS * DAY_MS, None,
            )  # fmt: skip
            asks.add(tx, ask)
            digest = sha256(uuid + message.uuid + (sealed or b"")).digest()
            tx.audit(question.by, "consent.asked", ids.public("ask", uuid), digest)
            asked.append(ask)

        return write


def sending(by: str) -> Caller:
    """Who sends a question: whoever asks for it, though he may send nothing else."""
    return Caller(by, b"", frozenset({"send"}))
