"""What guests said yes to. Recorded at once and for good, in a ledger that only grows."""

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
from gateway.model import CONTACT_OF
from gateway.privacy.forms import ConsentAnswer, ConsentOrder, ConsentQuery
from gateway.rules import ConsentEvent, in_force, missing_proof
from gateway.store import consents, guests, suppressions
from gateway.store.db import Database, Tx
from gateway.store.suppressions import NewSuppression
from gateway.views import ConsentState

MOMENTS = ("granted_at", "confirmed_at", "event_at", "ends_at", "expires_at", "last_used_at")


class Consents:
    """Takes down what guests agreed to, and answers what they have agreed to."""

    def __init__(self, db: Database, addresses: Addresses, letters: Letters, ids_: ids.Ids, clock: Clock):
        self._db, self._addresses, self._letters, self._ids, self._clock = db, addresses, letters, ids_, clock

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


def _told(consent: Any) -> dict[str, Any]:
    """A consent as callers see it: times in words, nothing of the proof itself."""
    members = {name: value for name, value in structs.asdict(consent).items() if value not in (None, False)}
    return {
        name: rfc3339(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in members.items()
    }
