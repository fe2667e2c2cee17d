"""Answers to what guests were asked. Looking at a question changes nothing; a yes is an entry of the consent ledger."""

from typing import NamedTuple

from gateway import ids
from gateway.clock import Clock, rfc3339
from gateway.letters import Letters
from gateway.privacy.consents import append
from gateway.privacy.opt_outs import GUEST
from gateway.privacy.wordings import Wordings
from gateway.rules import ConsentEvent
from gateway.store import asks, guests
from gateway.store.asks import Ask
from gateway.store.consents import NewConsent
from gateway.store.db import Database, Tx
from gateway.store.guests import Guest


class Asked(NamedTuple):
    """A question as its guest sees it: the words and their language; the link of the receipt once he has said yes."""

    words: str
    language: str
    receipt: str | None


class Yes(NamedTuple):
    """An answer that says yes to a question, to be written."""

    ask: Ask
    new: NewConsent

    def take(self, tx: Tx) -> bytes | None:
        """Write it, unless the question was answered meanwhile; the uuid of the ledger's entry."""
        now = asks.find(tx.connection, self.ask.uuid)
        if now is None or now.confirmed_as is not None:
            return now.confirmed_as if now else None
        append(tx, self.new)
        asks.confirm(tx, self.ask, self.new.uuid)
        return self.new.uuid


class Confirmations:
    """Shows questions, and takes the answers."""

    def __init__(self, db: Database, letters: Letters, wordings: Wordings, ids_: ids.Ids, clock: Clock):
        self._db, self._letters, self._wordings, self._ids, self._clock = db, letters, wordings, ids_, clock

    def asked(self, token: str) -> Asked | None:
        """The question behind a link; None for a link that is forged, too old, or to somebody who is gone."""
        found = self._find(token)
        return self._told(found[0]) if found else None

    async def confirm(self, token: str, ip: str) -> Asked | None:
        """Say yes, from that network address ("" where nobody knows it); once more changes nothing. None as `asked`."""
        found = self._find(token)
        if found is None:
            return None
        ask, guest = found
        yes = Yes(ask, self._yes(ask, guest, self._clock.now(), "double_opt_in", self._proof(ask, guest), ip))
        if ask.confirmed_as is None:
            await self._db.do(yes.take)
        return self.asked(token)

    def pending(self, guest: Guest, via: str, at: int) -> Ask | None:
        """What a guest had last been asked over a channel at that time (ms), at this address of his, and has not
        answered."""
        open_ = [
            ask
            for ask in asks.of(self._db.reader, guest.id)
            if (ask.via, ask.blind, ask.confirmed_as) == (via, guest.blind, None)
            and ask.asked_at <= at < ask.expires_at
        ]
        return open_[-1] if open_ else None

    def by_word(self, ask: Ask, guest: Guest, at: int, reply: str) -> Yes:
        """The yes in an answer (its public id) that came then."""
        proof = f"{reply}; {self._proof(ask, guest)}"
        return Yes(ask, self._yes(ask, guest, at, "inbound_keyword", proof, ""))

    def _find(self, token: str) -> tuple[Ask, Guest] | None:
        link = self._letters.vault.links.read("confirm", token)
        ask = asks.find(self._db.reader, link.message) if link else None
        if ask is None or link is None or ask.blind != link.blind or ask.expires_at <= self._clock.now():
            return None
        guest = guests.at(self._db.reader, ask.guest_id, ask.blind)
        return (ask, guest) if guest else None

    def _told(self, ask: Ask) -> Asked:
        wording = self._wordings.of_row(ask.wording_id)
        receipt = self._letters.receipt_link(ask.blind, ask.confirmed_as) if ask.confirmed_as else None
        return Asked(self._wordings.text(wording), wording.language, receipt)

    def _yes(self, ask: Ask, guest: Guest, at: int, source: str, proved_by: str, ip: str) -> NewConsent:
        """The entry of a yes: the guest's own word, given then, at the address where he was asked."""
        uuid, seal = self._ids.new(), self._letters.vault.seal
        event = ConsentEvent(
            action="grant", at=self._clock.now(), kind="express", channels=ask.channels, categories=ask.categories,
            granted_at=at, confirmed_at=at, source=source,
            wording_version=self._wordings.of_row(ask.wording_id).version, proof_ref="sealed",
        )  # fmt: skip
        proof = seal(guest.key_id, "consents", "proof", uuid, proved_by.encode())
        ip_sealed = seal(guest.key_id, "consents", "ip", uuid, ip.encode()) if ip else None
        return NewConsent(uuid, guest.id, event, proof, GUEST, ask.wording_id, ip_sealed)

    def _proof(self, ask: Ask, guest: Guest) -> str:
        """What proves it: the form it began with, and the mail whose link was followed."""
        mail = f"{ids.public('msg', ask.message_uuid)}, asked {rfc3339(ask.asked_at)}"
        if ask.form_sealed is None:
            return mail
        form = self._letters.vault.unseal(guest.key_id, "asks", "form", ask.uuid, ask.form_sealed)
        return f"{form.decode()}; {mail}"
