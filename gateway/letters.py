"""What is inside a message: sealed under its guest's key at acceptance, opened when it goes out or is asked for."""

from typing import Any

from msgspec import Struct, json

from gateway import ids
from gateway.clock import Clock
from gateway.compose import Declared, Letter, Ways
from gateway.store.outbox import Due
from gateway.store.suppressions import NewSuppression
from gateway.templates import Ready
from gateway.vault import Vault

DAY_MS = 86_400_000


class Content(Struct, frozen=True, omit_defaults=True):
    """The sealed part of a message. One of a batch has its own variables here; the words are the batch's, whose own
    content is words, or Liquid made `ready` to be printed with these variables."""

    subject: str = ""
    text: str = ""
    html: str = ""
    metadata: dict[str, str] = {}
    variables: dict[str, Any] = {}
    ready: Ready | None = None

    @property
    def letter(self) -> Letter:
        return Letter(self.subject, self.text, self.html)


class Envelope(Struct, frozen=True, omit_defaults=True):
    """The open part of a message that only judging and sending need; nothing in it is about a person.

    `country`, `region` and `timezone` came with the request: they add to what is known of the guest, never replace it.
    `in_reply_to_suppression`: which stop this confirms.
    """

    declares: Declared = Declared()
    country: str | None = None
    region: str | None = None
    timezone: str | None = None
    approved_by: str | None = None
    in_reply_to_suppression: str | None = None


PLAIN = Envelope()


class Letters:
    """Seals and opens. `link_base` is what guests' links begin with, `language` the venue's."""

    def __init__(self, vault: Vault, ids: ids.Ids, clock: Clock, link_base: str, language: str):
        self.vault, self.ids, self.clock, self.link_base, self.language = vault, ids, clock, link_base, language
        self._content = json.Decoder(Content)
        self._envelope = json.Decoder(Envelope)

    def seal(self, key_id: int, uuid: bytes, content: Content) -> bytes:
        """Seal a message's content; `uuid` is the message's."""
        return self.vault.seal(key_id, "messages", "content", uuid, json.encode(content))

    def seal_shared(self, uuid: bytes, content: Content) -> bytes:
        """Seal what the messages of a batch share; it belongs to no guest. `uuid` is the batch's."""
        return self.vault.seal_venue("batches", "content", uuid, json.encode(content))

    def open_shared(self, uuid: bytes, sealed: bytes) -> Content:
        """Open it again."""
        return self._content.decode(self.vault.open_venue("batches", "content", uuid, sealed))

    def open(self, key_id: int, uuid: bytes, sealed: bytes) -> Content:
        """Open it again. Raises CannotOpen when the guest's key is gone or the bytes are another row's."""
        return self._content.decode(self.vault.unseal(key_id, "messages", "content", uuid, sealed))

    def seal_address(self, key_id: int, uuid: bytes, address: str) -> bytes:
        """Seal the address of a contact point; `uuid` is the contact point's."""
        return self.vault.seal(key_id, "contacts", "address", uuid, address.encode())

    def open_address(self, key_id: int, uuid: bytes, sealed: bytes) -> str:
        return self.vault.unseal(key_id, "contacts", "address", uuid, sealed).decode()

    def seal_words(self, key_id: int, uuid: bytes, words: str) -> bytes:
        """Seal what a provider said of a message: its free text may name the guest."""
        return self.vault.seal(key_id, "events", "words", uuid, words[:2000].encode())

    def envelope(self, text: str) -> Envelope:
        """The envelope of a row."""
        return PLAIN if text == "{}" else self._envelope.decode(text)

    def ways_out(self, due: Due, mailbox: str) -> Ways:
        """The guest's own ways out: each link opens one page for one address and survives the guest's erasure. A mail
        to the `mailbox` carries the token of the link, so that whoever reads it needs nothing else."""
        stop = self._token(due, "unsubscribe")
        if due.channel != "email":
            return Ways(f"{self.link_base}/u/{stop}")
        mail = f"mailto:{mailbox}?subject=unsubscribe%20{stop}" if mailbox else ""
        return Ways(f"{self.link_base}/u/{stop}", f"{self.link_base}/p/{self._token(due, 'preferences')}", mail)

    def _token(self, due: Due, purpose: str) -> str:
        return self.vault.links.make(purpose, due.blind, due.channel, due.uuid, self.clock.now() // DAY_MS)

    def receipt_link(self, blind: bytes, consent: bytes) -> str | None:
        """The guest's own link to the receipt of an entry of the consent ledger; None while nobody could open it."""
        day = self.clock.now() // DAY_MS
        token = self.vault.links.make("receipt", blind, "", consent, day)
        return f"{self.link_base}/r/{token}" if self.link_base else None

    def bounced(self, due: Due, now: int) -> NewSuppression:
        """The entry that keeps an address from being tried again: it does not exist."""
        return NewSuppression(
            self.ids.new(), due.blind, "channel", (due.channel,), (), ("marketing",), "hard_bounce", False, now,
            due.blind, "gateway",
        )  # fmt: skip
