"""From an order to what will be written of it: find the guest, gather the facts, ask the rules, seal the words.

One message is drafted like one of fifty thousand. Nothing here waits for the disk.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct, json

from gateway import html, ids
from gateway.addresses import UNSAID, Addresses, Named, zones
from gateway.callers import Caller
from gateway.clock import day, parse_local, parse_rfc3339
from gateway.compliance import Compliance, Judgement
from gateway.errors import Fault, Invalid
from gateway.letters import PLAIN, Content, Envelope, Letters
from gateway.orders import Recipient, SendOrder
from gateway.routing import Routes
from gateway.rules import instant_of
from gateway.store import guests, messages, suppressions
from gateway.store.db import Tx
from gateway.store.guests import NewContact, NewGuest
from gateway.store.messages import NewMessage
from gateway.store.series import Series, series

GUESTS = "guest"
"""Stands for the zone of whoever gets the message."""
SCOPE_OF_CLASS = {"emergency": "send.emergency", "legal": "send.legal"}


class Draft(NamedTuple):
    """An order with all that is needed to take or refuse it. If it may go, it is due then (ms), and waits for the law,
    for its schedule, or (None) for nothing."""

    order: SendOrder
    named: Named
    envelope: Envelope
    judgement: Judgement
    due_at: int
    waits_for: str | None


class Taken(Struct):
    """Everything one accepted message writes. It has no guest yet if he is new."""

    message: NewMessage
    digest: bytes
    guest: NewGuest | None = None


class Origin(Struct, frozen=True):
    """Where a message comes from, when it is not simply an order: a retry of another, one of a batch, words printed
    from a version of a template (their rows), the answer to a stop (its public id)."""

    retry_of: bytes | None = None
    batch_id: int | None = None
    template_version_id: int | None = None
    in_reply_to_suppression: str | None = None


ORDERED = Origin()


def permit(order: SendOrder, caller: Caller, usually: str) -> None:
    """Raise Forbidden unless the caller may send this class: by a scope of its own, or by the one `usually` asked."""
    caller.need(SCOPE_OF_CLASS.get(order.class_, usually))


class Drafts:
    """Draws up messages. `home` is the venue's time zone."""

    def __init__(self, addresses: Addresses, compliance: Compliance, letters: Letters, routes: Routes, ids_: ids.Ids,
                 home: str):  # fmt: skip
        self._addresses, self._compliance, self._letters = addresses, compliance, letters
        self._routes, self._ids, self._home = routes, ids_, home

    def check(self, order: SendOrder, pointer: str = "") -> None:
        """What neither the type nor the guest can say. Raises Invalid with every fault."""
        faults = []
        if order.channel == "email" and not order.subject:
            faults.append(Fault(f"{pointer}/subject", "missing", "an e-mail needs a subject"))
        sender = self._compliance.sender(order.sender)
        if sender is None:
            faults.append(Fault(f"{pointer}/sender", "unknown-sender", "a slug of [senders.<slug>] in config.toml"))
        elif order.channel == "email" and not sender.email:
            faults.append(Fault(f"{pointer}/sender", "no-address", "a sender that has an email in config.toml"))
        if not self._routes.has(order.channel):
            faults.append(
                Fault(f"{pointer}/channel", "no-provider", "a channel that a [providers.<name>] table serves")
            )
        faults += [fault._replace(pointer=pointer + fault.pointer) for fault in faults_of_times(order)]
        if faults:
            raise Invalid(faults=faults)

    def find(self, to: str | Recipient, channel: str, pointer: str = "/to") -> Named:
        """The guest. Raises Invalid with the pointer of what is wrong."""
        return self._addresses.find(to, channel, pointer)

    def judge(self, order: SendOrder, named: Named, caller: Caller, origin: Origin = ORDERED) -> Draft:
        """The draft, judged on what is known at this moment."""
        envelope = self._envelope(order, named, caller, origin.in_reply_to_suppression)
        judgement = self._compliance.judge_order(order, named, envelope)
        return Draft(order, named, envelope, judgement, *self._due(order, named, judgement))

    def _due(self, order: SendOrder, named: Named, judgement: Judgement) -> tuple[int, str | None]:
        """When it is due, and what it waits for."""
        now = judgement.at
        wanted = self._wanted(order, named) or now
        due_at = max(now, wanted, judgement.result.defer_until or 0)
        return due_at, None if due_at <= now else "law" if due_at > wanted else "schedule"

    def _wanted(self, order: SendOrder, named: Named) -> int | None:
        """When it is to be delivered, if that was said; of a guest whose zone nobody knows, by the venue's clock."""
        if order.deliver_at is None or order.deliver_zone is None:
            return time_of(order.deliver_at)
        theirs = (named.guest.timezone if named.guest else None) or named.said.timezone
        name = (theirs or self._home) if order.deliver_zone == GUESTS else order.deliver_zone
        local = parse_local(order.deliver_at)
        return instant_of(local, ZoneInfo(name)) if local else None

    def _envelope(self, order: SendOrder, named: Named, caller: Caller, answers: str | None) -> Envelope:
        """What judging and sending need besides the row's columns. What was said of a new guest becomes his own."""
        approved_by = caller.actor if order.class_ in SCOPE_OF_CLASS else None
        said = named.said if named.guest is not None else UNSAID
        plain = not (approved_by or answers or said.country or said.region or said.timezone)
        if order.declares is None and plain:
            return PLAIN
        declares = order.declares or PLAIN.declares
        return Envelope(declares, said.country, said.region, said.timezone, approved_by, answers)

    def _series(self, draft: Draft) -> Series:
        """What the message is counted under: the language it goes out in, and the laws it was first judged by."""
        order, language = draft.order, (draft.named.guest or draft.named.said).language or self._letters.language
        return series(order.channel, order.class_, order.category, language, draft.judgement.result.jurisdictions)

    # -- yes ----------------------------------------------------------------------------------------------------------

    def take(self, draft: Draft, caller: Caller, content: Content, origin: Origin = ORDERED) -> Taken:
        """What is written of a message that may go, now or later; `content` is sealed for its guest alone."""
        order, named, envelope, judgement, due_at, waits_for = draft
        uuid = self._ids.new()
        known = named.guest
        whose = known or self._new_guest(named)
        sealed = self._letters.seal(whose.key_id, uuid, content)
        message = NewMessage(
            uuid, "queued" if waits_for is None else "deferred", waits_for, order.channel, order.class_, order.category,
            known.id if known else None, known.contact_id if known else None,
            order.sender, order.reference, judgement.at, due_at, time_of(order.expires_at),
            origin.retry_of, None, caller.actor, json.encode(envelope).decode(), judgement.json, sealed, None,
            origin.batch_id, origin.template_version_id, day(order.event_date), self._series(draft),
        )  # fmt: skip
        new = whose if isinstance(whose, NewGuest) else None
        return Taken(message, sha256(sealed).digest(), new)

    def _new_guest(self, named: Named) -> NewGuest:
        """A guest nobody knew, under a key of his own."""
        key_id = self._letters.vault.keys.next_key()
        said = named.said
        uuid = self._ids.new()
        contacts = [self._contact(key_id, named.kind, named.address, named.blind)]
        if named.other:
            contacts.append(self._contact(key_id, *named.other))
        profile = json.encode({"name": said.name}) if said.name else None
        sealed = self._letters.vault.seal(key_id, "guests", "profile", uuid, profile) if profile else None
        return NewGuest(uuid, key_id, said.country, said.region, said.timezone, said.language, sealed, contacts)

    def _contact(self, key_id: int, kind: str, address: str, blind: bytes) -> NewContact:
        uuid = self._ids.new()
        return NewContact(uuid, kind, blind, self._letters.seal_address(key_id, uuid, address))

    def write(self, tx: Tx, taken: Sequence[Taken]) -> list[int | None]:
        """Write new guests and the messages; the ids of their rows. None for a message whose guest somebody else made
        meanwhile: it must be drafted anew."""
        good = [one.guest is None or self._welcome(tx, one, one.guest) for one in taken]
        rows = iter(messages.insert(tx, [one.message for one, ok in zip(taken, good, strict=True) if ok]))
        return [next(rows) if ok else None for ok in good]

    def _welcome(self, tx: Tx, one: Taken, guest: NewGuest) -> bool:
        """Write the new guest, unless the address has got one since. Who said stop for everything with one of his
        addresses has said it for all of them."""
        if guests.behind(tx.connection, guest.contacts[0].blind) is not None:
            return False
        guest_id, contact_id = guests.add(tx, guest, one.message.batch_id)
        one.message = one.message._replace(guest_id=guest_id, contact_id=contact_id)
        if len(guest.contacts) > 1:
            suppressions.inherit(tx, [contact.blind for contact in guest.contacts], self._ids)
        return True

    # -- no -----------------------------------------------------------------------------------------------------------

    def refuse(self, draft: Draft, caller: Caller, origin: Origin = ORDERED) -> NewMessage:
        """The skeleton that is kept of a message that may not go: neither address nor words."""
        order, guest, judgement = draft.order, draft.named.guest, draft.judgement
        return NewMessage(
            self._ids.new(), "blocked", None, order.channel, order.class_, order.category,
            guest.id if guest else None, None, order.sender, order.reference, judgement.at, None, None,
            origin.retry_of, None, caller.actor, "{}", judgement.json, None, draft.named.blind,
            origin.batch_id, origin.template_version_id, day(order.event_date), self._series(draft),
        )  # fmt: skip


def digest_of_refusal(message: NewMessage) -> bytes:
    """What the audit entry of a refusal vouches for."""
    return sha256(message.decision.encode() + (message.blind or b"")).digest()


def faults_of_times(order: SendOrder) -> Iterator[Fault]:
    """What is wrong with the times of an order."""
    if order.deliver_zone is None:
        if order.deliver_at is not None and parse_rfc3339(order.deliver_at) is None:
            yield Fault("/deliver_at", "bad-time", "RFC 3339 with a zone, such as 2026-11-24T08:00:00Z")
    elif order.deliver_zone != GUESTS and order.deliver_zone not in zones():
        yield Fault("/deliver_zone", "unknown-zone", "guest, or an IANA name such as Europe/Lisbon")
    elif order.deliver_at is None or parse_local(order.deliver_at) is None:
        yield Fault("/deliver_at", "bad-time", "a time of that zone without an offset, such as 2026-11-24T08:00")
    expires = time_of(order.expires_at)
    if order.expires_at is not None and expires is None:
        yield Fault("/expires_at", "bad-time", "RFC 3339 with a zone, such as 2026-11-24T08:00:00Z")
    if expires is not None and order.deliver_zone is None and expires <= (time_of(order.deliver_at) or 0):
        yield Fault("/expires_at", "too-early", "a time after deliver_at")


def time_of(text: str | None) -> int | None:
    """A moment of an order that was found to be one."""
    return parse_rfc3339(text) if text else None


def content_of(order: SendOrder, origin: Origin = ORDERED) -> Content:
    """The sealed part of an order. A page printed from a template was found clean when the template was saved."""
    body = order.html or ""
    if body and origin.template_version_id is None:
        body = html.clean(body)
    return Content(order.subject or "", order.text, body, order.metadata or {})
