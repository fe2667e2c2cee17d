"""From an order to a queued message: find the guest, gather the facts, ask the rules, and write it all at once.

An answer of success means that message, decision, story, audit entry and the answer itself are on disk together.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from msgspec import Raw, Struct, json

from gateway import html, ids, metrics
from gateway.addresses import Addresses, Named
from gateway.answers import Answer
from gateway.callers import Caller
from gateway.clock import Clock, parse_rfc3339, rfc3339
from gateway.compliance import Compliance, Judgement, count
from gateway.errors import Blocked, Fault, Forbidden, Invalid
from gateway.letters import PLAIN, Content, Envelope, Letters
from gateway.orders import Recipient, SendOrder
from gateway.repeats import Repeat, Repeats
from gateway.routing import Routes
from gateway.store import events, guests, messages, outbox, suppressions
from gateway.store.db import Database, Tx
from gateway.store.guests import NewContact, NewGuest
from gateway.store.idempotency import Answer as Kept
from gateway.store.messages import NewMessage

SCOPE_OF_CLASS = {"emergency": "send.emergency", "legal": "send.legal"}


NOBODY = Recipient()


class Taken(Struct):
    """Everything one accepted message writes. It has no row id yet, and no guest if he is new."""

    message: NewMessage
    due_at: int
    digest: bytes
    kept: Kept | None = None
    guest: NewGuest | None = None


class Origin(Struct, frozen=True):
    """Where a message comes from, when it is not simply an order: a retry of another, words printed from a template's
    version (its row)."""

    retry_of: bytes | None = None
    template_version_id: int | None = None


ORDERED = Origin()


class Intake:
    """Takes orders."""

    def __init__(self, db: Database, addresses: Addresses, compliance: Compliance, letters: Letters, repeats: Repeats,
                 routes: Routes, ids_: ids.Ids, clock: Clock):  # fmt: skip
        self._db, self._addresses, self._compliance, self._letters = db, addresses, compliance, letters
        self._repeats, self._routes, self._ids, self._clock = repeats, routes, ids_, clock
        self.wake: Callable[[str, int], None] = lambda channel, due_at: None
        """Called with the channel of what was taken, and when it is due (ms)."""

    # -- one message --------------------------------------------------------------------------------------------------

    async def accept(self, order: SendOrder, caller: Caller, repeat: Repeat | None, origin: Origin = ORDERED) -> Answer:
        """Take one message. Returns the 202; raises Blocked (with the decision, kept as a `blocked` message), Invalid
        or Forbidden."""
        scope = SCOPE_OF_CLASS.get(order.class_, "send")
        if scope not in caller.scopes:
            raise Forbidden(f"A message of this class needs the scope {scope}.")
        self._check(order)
        while True:
            named = self._addresses.find(order.to, order.channel)
            envelope = self._envelope(order, named, caller)
            judgement = self._compliance.judge_order(order, named, envelope)
            count(judgement)
            if judgement.decision == "deny":
                await self._refuse(order, named, judgement, caller)
            taken, answer = self._take(order, named, envelope, judgement, caller, repeat, origin)
            if await self._db.write(self._write, taken):
                break
        self.wake(order.channel, taken.due_at)
        metrics.MESSAGES.labels(order.channel, taken.message.state).inc()
        return answer

    def check(self, order: SendOrder, caller: Caller) -> Judgement:
        """What `accept` would decide now; nothing is stored."""
        self._check(order, "/message")
        named = self._addresses.find(order.to, order.channel, "/message/to")
        return self._compliance.judge_order(order, named, self._envelope(order, named, caller))

    def _check(self, order: SendOrder, pointer: str = "") -> None:
        """What the type cannot say."""
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
        faults += [
            Fault(f"{pointer}/{name}", "bad-time", "RFC 3339 with a zone, such as 2026-11-24T08:00:00Z")
            for name in ("deliver_at", "expires_at")
            if (text := getattr(order, name)) is not None and parse_rfc3339(text) is None
        ]
        if faults:
            raise Invalid(faults=faults)

    def _envelope(self, order: SendOrder, named: Named, caller: Caller) -> Envelope:
        """What judging and sending need besides the row's columns. What was said of a new guest becomes his own."""
        approved_by = caller.actor if order.class_ in SCOPE_OF_CLASS else None
        said = named.said if named.guest is not None else NOBODY
        if order.declares is None and approved_by is None and not (said.country or said.region or said.timezone):
            return PLAIN
        return Envelope(order.declares or PLAIN.declares, said.country, said.region, said.timezone, approved_by)

    # -- yes ----------------------------------------------------------------------------------------------------------

    def _take(self, order: SendOrder, named: Named, envelope: Envelope, judgement: Judgement, caller: Caller,
              repeat: Repeat | None, origin: Origin) -> tuple[Taken, Answer]:  # fmt: skip
        uuid, now = self._ids.new(), judgement.at
        known = named.guest
        whose = known or self._new_guest(named)
        wanted = time_of(order.deliver_at) or now
        due_at = max(now, wanted, judgement.defer_until or 0)
        state, reason = ("queued", None) if due_at <= now else ("deferred", "law" if due_at > wanted else "schedule")
        sealed = self._letters.seal(whose.key_id, uuid, content_of(order, origin))
        message = NewMessage(
            0, uuid, state, reason, order.channel, order.class_, order.category,
            known.id if known else None, known.contact_id if known else None,
            order.sender, order.reference, now, due_at, time_of(order.expires_at),
            origin.retry_of, None, caller.actor, json.encode(envelope).decode(), judgement.json, sealed, None,
            origin.template_version_id,
        )  # fmt: skip
        answer = accepted(message)
        kept = Kept(*repeat, answer.status, answer.body, answer.headers[0][1]) if repeat else None
        new = whose if isinstance(whose, NewGuest) else None
        return Taken(message, due_at, sha256(sealed).digest(), kept, new), answer

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

    def _write(self, tx: Tx, taken: Sequence[Taken]) -> list[bool]:
        """The work of acceptance. False for a message whose guest somebody else made meanwhile: it is judged anew."""
        done: list[bool] = []
        rows: list[NewMessage] = []
        next_id = tx.next_id("messages")
        for one in taken:
            done.append(one.guest is None or self._welcome(tx, one, one.guest))
            if done[-1]:
                rows.append(one.message._replace(id=next_id + len(rows)))
        good = [one for one, ok in zip(taken, done, strict=True) if ok]
        messages.insert(tx, rows)
        outbox.add(tx, [(row.id, row.channel, outbox.WAITING, row.due_at or 0, row.reason) for row in rows])
        events.append(tx, [events.Event(row.id, "accepted", row.created_at) for row in rows])
        self._repeats.keep(tx, [one.kept for one in good if one.kept])
        for one in good:
            tx.audit(one.message.actor, "message.accepted", ids.public("msg", one.message.uuid), one.digest)
        return done

    def _welcome(self, tx: Tx, one: Taken, guest: NewGuest) -> bool:
        """Write the new guest, unless the address has got one since. Who said stop for everything with one of his
        addresses has said it for all of them."""
        if guests.behind(tx.connection, guest.contacts[0].blind) is not None:
            return False
        guest_id, contact_id = guests.add(tx, guest)
        one.message = one.message._replace(guest_id=guest_id, contact_id=contact_id)
        if len(guest.contacts) > 1:
            suppressions.inherit(tx, [contact.blind for contact in guest.contacts], self._ids)
        tx.audit(one.message.actor, "guest.created", ids.public("gst", guest.uuid), one.digest)
        return True

    # -- no -----------------------------------------------------------------------------------------------------------

    async def _refuse(self, order: SendOrder, named: Named, judgement: Judgement, caller: Caller) -> None:
        """Keep the skeleton of a refused message, then say no."""
        uuid = self._ids.new()
        guest = named.guest
        message = NewMessage(
            0, uuid, "blocked", None, order.channel, order.class_, order.category, guest.id if guest else None, None,
            order.sender, order.reference, judgement.at, None, None, None, None, caller.actor, "{}", judgement.json,
            None, named.blind,
        )  # fmt: skip
        digest = sha256(judgement.json.encode() + named.blind).digest()
        await self._db.write(write_refused, (message, digest))
        metrics.MESSAGES.labels(order.channel, "blocked").inc()
        raise Blocked(
            message_id=ids.public("msg", uuid),
            compliance=Raw(judgement.json.encode()),
            hint=self._compliance.hint(judgement),
        )


def write_refused(tx: Tx, refused: Sequence[tuple[NewMessage, bytes]]) -> list[None]:
    """The work of a refusal: a skeleton, its story, its audit entry with the digest."""
    first = tx.next_id("messages")
    rows = [message._replace(id=first + offset) for offset, (message, _) in enumerate(refused)]
    messages.insert(tx, rows)
    events.append(tx, [events.Event(row.id, "blocked", row.created_at) for row in rows])
    for message, digest in refused:
        tx.audit(message.actor, "message.blocked", ids.public("msg", message.uuid), digest)
    return [None] * len(refused)


def time_of(text: str | None) -> int | None:
    """A moment of an order that was found to be one."""
    return parse_rfc3339(text) if text else None


def content_of(order: SendOrder, origin: Origin = ORDERED) -> Content:
    """The sealed part of an order. A page printed from a template was found clean when the template was saved."""
    body = order.html or ""
    if body and origin.template_version_id is None:
        body = html.clean(body)
    return Content(order.subject or "", order.text, body, order.metadata or {})


def accepted(message: NewMessage) -> Answer:
    """The 202, as bytes."""
    public = ids.public("msg", message.uuid)
    body = (
        f'{{"id":"{public}","status":"{message.state}","channel":"{message.channel}",'
        f'"compliance":{message.decision},"created_at":"{rfc3339(message.created_at)}"}}'
    )
    return Answer(body.encode(), 202, (("Location", f"/communications/messages/{public}"),))
