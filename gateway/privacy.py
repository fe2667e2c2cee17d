"""What guests said: yes, no, stop. Recorded at once and for good, and in force from that moment."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from msgspec import structs

from gateway import ids
from gateway.addresses import Addresses, Named
from gateway.callers import Caller
from gateway.clock import Clock, milliseconds, parse_rfc3339, rfc3339
from gateway.errors import Fault, Invalid, NotFound
from gateway.letters import Letters
from gateway.model import CHANNELS, CONTACT_OF
from gateway.orders import ConsentAnswer, ConsentOrder, ConsentQuery, UnsubscribeAnswer, UnsubscribeOrder
from gateway.rules import ConsentEvent, in_force, missing_proof
from gateway.store import consents, guests, suppressions
from gateway.store.db import Database, Tx
from gateway.store.suppressions import NewSuppression
from gateway.views import ConsentState

GUEST = "guest"
"""The actor of what a guest does by himself, through a link."""
MOMENTS = ("granted_at", "confirmed_at", "event_at", "ends_at", "expires_at", "last_used_at")


class Privacy:
    """Takes what guests said and answers what they have said."""

    def __init__(self, db: Database, addresses: Addresses, letters: Letters, ids_: ids.Ids, clock: Clock):
        self._db, self._addresses, self._letters, self._ids, self._clock = db, addresses, letters, ids_, clock

    # -- consent ------------------------------------------------------------------------------------------------------

    async def record(self, order: ConsentOrder, caller: Caller) -> ConsentAnswer:
        """Append to the guest's ledger, whether or not it will count. Raises Invalid for a guest nobody knows."""
        named = self._addresses.anyone(order.guest)
        if named.guest is None:
            raise Invalid(faults=[Fault("/guest", "unknown-guest", "nobody has this address yet")])
        event = self._event(order)
        uuid = self._ids.new()
        proof = order.proof_ref.encode() if order.proof_ref else None
        sealed = self._letters.vault.seal(named.guest.key_id, "consents", "proof", uuid, proof) if proof else None
        new = consents.NewConsent(uuid, named.guest.id, event, sealed, caller.actor)
        stops = self._withdrawal(order, named, caller) if order.action == "withdraw" else []

        def work(tx: Tx, items: Sequence[None]) -> list[None]:
            consents.add(tx, new)
            suppressions.add(tx, stops)
            tx.audit(caller.actor, f"consent.{order.action}", ids.public("con", uuid), sha256(sealed or uuid).digest())
            return [None] * len(items)

        await self._db.write(work, may_use_reserve=order.action == "withdraw")
        missing = [] if order.action == "withdraw" else missing_proof(event)
        return ConsentAnswer(ids.public("con", uuid), order.action, not missing, missing)

    def _event(self, order: ConsentOrder) -> ConsentEvent:
        """The order as the ledger has it: times in milliseconds, the proof only as a mark that there is one."""
        members = {name: getattr(order, name) for name in order.__struct_fields__ if name != "guest"}
        faults = []
        for name in MOMENTS:
            if members[name] is not None:
                members[name] = parse_rfc3339(members[name])
                if members[name] is None:
                    faults.append(Fault(f"/{name}", "bad-time", "RFC 3339 with a zone, such as 2026-11-24T08:00:00Z"))
        if faults:
            raise Invalid(faults=faults)
        if members["granted_at"] is None and order.action == "grant":
            members["granted_at"] = self._clock.now()
        members["proof_ref"] = "sealed" if order.proof_ref else None
        return ConsentEvent(at=self._clock.now(), **members)

    def _withdrawal(self, order: ConsentOrder, named: Named, caller: Caller) -> list[NewSuppression]:
        """Taking a consent back also says stop, for the addresses it was about."""
        everything = "*" in order.categories
        scope = "channel" if everything else "channel_category"
        categories = () if everything else tuple(order.categories)
        return [
            NewSuppression(
                self._ids.new(), blind, scope, tuple(order.channels), categories, ("marketing",), "withdrawal", False,
                self._clock.now(), blind, caller.actor,
            )
            for blind, kind in guests.addresses_around(self._db.reader, named.blind)
            if kind in {CONTACT_OF[channel] for channel in order.channels}
        ]  # fmt: skip

    async def state(self, query: ConsentQuery) -> ConsentState:
        """A guest's consents as they stood at a time (now, when left out). Raises NotFound."""
        uuid = ids.parse("gst", query.guest)
        known = guests.named(self._db.reader, uuid, "email") if uuid else None
        if known is None:
            raise NotFound()
        moment = milliseconds(query.at) if query.at else self._clock.now()
        ledger = consents.of(self._db.reader, known.id)
        told = [_told(consent) for consent in in_force(ledger, moment)]
        return ConsentState(query.guest, rfc3339(moment), told, len(ledger))

    # -- stop ---------------------------------------------------------------------------------------------------------

    def link(self, token: str, purpose: str) -> Any:
        """What a guest's link says, or None for one that is forged, foreign or for something else."""
        return self._letters.vault.links.read(purpose, token)

    async def unsubscribe(self, order: UnsubscribeOrder, caller: Caller | None) -> UnsubscribeAnswer:
        """Stop, at once. The answer is the same whether the address was known or not. Raises Invalid, and NotFound for
        a dead link."""
        blind, channel = self._whom(order)
        received = parse_rfc3339(order.received_at) if order.received_at else self._clock.now()
        if received is None or received > self._clock.now() + 60_000:
            raise Invalid(faults=[Fault("/received_at", "bad-time", "RFC 3339 with a zone, and not in the future")])
        entry = NewSuppression(
            self._ids.new(), blind, order.scope, self._channels(order, channel), tuple(order.categories or ()),
            tuple(order.classes), order.source, False, received, blind, caller.actor if caller else GUEST,
        )  # fmt: skip
        if entry.scope in ("category", "channel_category") and not entry.categories:
            raise Invalid(faults=[Fault("/categories", "missing", "a scope by category needs at least one")])
        await self._db.write(self._stop, entry, may_use_reserve=True)
        return UnsubscribeAnswer(
            ids.public("sup", entry.uuid), entry.scope, list(entry.channels), list(entry.categories),
            list(entry.classes), rfc3339(received),
        )  # fmt: skip

    def _whom(self, order: UnsubscribeOrder) -> tuple[bytes, str]:
        """Blind index of the address that said stop, and the channel it was said about."""
        if order.token is not None:
            link = self.link(order.token, "unsubscribe")
            if link is None:
                raise NotFound()
            return link.blind, link.scope
        if order.guest is None:
            raise Invalid(faults=[Fault("/guest", "missing", "a guest, or a token")])
        named = self._addresses.anyone(order.guest)
        return named.blind, "email" if named.kind == "email" else "sms"

    def _channels(self, order: UnsubscribeOrder, channel: str) -> tuple[str, ...]:
        if order.channels:
            return tuple(order.channels)
        return CHANNELS if order.scope in ("global", "category") else (channel,)

    def _stop(self, tx: Tx, entries: Sequence[NewSuppression]) -> list[None]:
        """The work of a stop. A global one covers every contact point of everyone behind the address."""
        for entry in entries:
            rows = [entry]
            if entry.scope == "global":
                around = [
                    blind for blind, _ in guests.addresses_around(tx.connection, entry.blind) if blind != entry.blind
                ]
                rows += [entry._replace(uuid=self._ids.new(), blind=blind) for blind in around]
            suppressions.add(tx, rows)
            digest = sha256(b"".join(row.uuid for row in rows)).digest()
            tx.audit(entry.actor, "suppression.added", ids.public("sup", entry.uuid), digest)
        return [None] * len(entries)


def _told(consent: Any) -> dict[str, Any]:
    """A consent as callers see it: times in words, nothing of the proof itself."""
    members = {name: value for name, value in structs.asdict(consent).items() if value not in (None, False)}
    return {
        name: rfc3339(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in members.items()
    }
