"""What guests said yes to. Recorded at once and for good, in a ledger that only grows."""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import structs

from gateway import ids, reading
from gateway.addresses import Addresses, Named
from gateway.callers import Caller
from gateway.clock import Clock, milliseconds, parse_rfc3339, rfc3339
from gateway.errors import Fault, Invalid, NotFound
from gateway.letters import Letters
from gateway.model import CONTACT_OF
from gateway.privacy.forms import ConsentAnswer, ConsentOrder, ConsentQuery
from gateway.privacy.wordings import Wordings
from gateway.rules import Consent, ConsentEvent, fails, in_force, missing_proof
from gateway.store import consents, guests, suppressions
from gateway.store.consents import Entry, NewConsent
from gateway.store.db import Database, Tx
from gateway.store.guests import Guest
from gateway.store.suppressions import NewSuppression
from gateway.vault import CannotOpen
from gateway.views import ConsentContent, ConsentState

MOMENTS = ("granted_at", "confirmed_at", "event_at", "ends_at", "expires_at", "last_used_at")
ASIDE = ("guest", "wording_language", "ip")
"""Members of an order that the ledger's facts do not have: they name somebody, or stand beside them."""
Status = Literal["counts", "withdrawn", "expired", "unproven", "not-yet"]
BY_RULE: dict[str | None, Status] = {
    None: "counts", "CORE-CON-4": "withdrawn", "CORE-CON-5": "expired", "CORE-CON-3": "unproven",
    "CORE-CON-8": "not-yet",
}  # fmt: skip


class Consents:
    """Takes down what guests agreed to, and answers what they have agreed to."""

    def __init__(self, db: Database, addresses: Addresses, letters: Letters, wordings: Wordings, ids_: ids.Ids,
                 clock: Clock):  # fmt: skip
        self._db, self._addresses, self._vault, self._wordings = db, addresses, letters.vault, wordings
        self._ids, self._clock = ids_, clock

    async def record(self, order: ConsentOrder, caller: Caller) -> ConsentAnswer:
        """Append to the guest's ledger, whether or not it will count. Raises Invalid for a guest nobody knows."""
        named = self._addresses.anyone(order.guest)
        if named.guest is None:
            raise Invalid(faults=[Fault("/guest", "unknown-guest", "nobody has this address yet")])
        new = self._new(order, named.guest, caller)
        stops = self._withdrawal(order, named, caller) if order.action == "withdraw" else []

        def work(tx: Tx, items: Sequence[None]) -> list[None]:
            suppressions.add(tx, stops)
            append(tx, new)
            return [None] * len(items)

        await self._db.write(work, may_use_reserve=order.action == "withdraw")
        missing = [] if order.action == "withdraw" else missing_proof(new.event)
        return ConsentAnswer(ids.public("con", new.uuid), order.action, not missing, missing)

    def _new(self, order: ConsentOrder, guest: Guest, caller: Caller) -> NewConsent:
        event = self._event(order)
        uuid = self._ids.new()
        sealed = {
            name: self._vault.seal(guest.key_id, "consents", name, uuid, text.encode()) if text else None
            for name, text in (("proof", order.proof_ref), ("ip", order.ip))
        }
        wording = self._wordings.shown(order.wording_version, order.wording_language or guest.language)
        return NewConsent(uuid, guest.id, event, sealed["proof"], caller.actor, wording, sealed["ip"])

    def _event(self, order: ConsentOrder) -> ConsentEvent:
        """The order as the ledger has it: times in milliseconds, the proof only as a mark that there is one."""
        members = {name: getattr(order, name) for name in order.__struct_fields__ if name not in ASIDE}
        faults = []
        for name in MOMENTS:
            if members[name] is not None:
                members[name] = parse_rfc3339(members[name])
                if members[name] is None:
                    faults.append(Fault(f"/{name}", "bad-time", "RFC 3339 with a zone, such as 2026-11-24T08:00:00Z"))
        if order.ip is not None and not _is_address(order.ip):
            faults.append(Fault("/ip", "bad-ip", "an IPv4 or IPv6 address"))
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

    # -- as it stood --------------------------------------------------------------------------------------------------

    async def state(self, query: ConsentQuery, caller: Caller) -> ConsentState:
        """A guest's consents as they stood at a time (now, when left out); with their proof for whoever may read it,
        which is noted. Raises NotFound, Forbidden."""
        uuid = ids.parse("gst", query.guest)
        known = guests.named(self._db.reader, uuid, "email") if uuid else None
        if known is None:
            raise NotFound()
        moment = milliseconds(query.at) if query.at else self._clock.now()
        ledger = consents.entries(self._db.reader, known.id)
        told = [told_of(consent, moment) for consent in as_it_stood(ledger, moment)]
        if query.include is not None:
            await reading.note(self._db, caller, query.guest, [entry.uuid for entry in ledger])
            proofs = await asyncio.to_thread(self._proofs, known.key_id, ledger)
            told = [one | ({"content": proofs[one["id"]]} if "id" in one else {}) for one in told]
        return ConsentState(query.guest, rfc3339(moment), told, len(ledger))

    def _proofs(self, key_id: int, ledger: Sequence[Entry]) -> dict[str, ConsentContent]:
        """The proof of every entry, by its public id; without it where the guest's key was destroyed."""

        def opened(entry: Entry, name: str, sealed: bytes | None) -> str | None:
            try:
                return self._vault.unseal(key_id, "consents", name, entry.uuid, sealed).decode() if sealed else None
            except CannotOpen:
                return None

        return {
            ids.public("con", entry.uuid): ConsentContent(
                opened(entry, "proof", entry.proof_sealed), opened(entry, "ip", entry.ip_sealed)
            )
            for entry in ledger
        }


def append(tx: Tx, new: NewConsent) -> None:
    """Append to the ledger, with its entry in the audit log."""
    consents.add(tx, new)
    tx.audit(new.actor, f"consent.{new.event.action}", ids.public("con", new.uuid), new.digest)


def as_it_stood(ledger: Sequence[Entry], moment: int) -> list[Consent]:
    """The consents of a ledger at a time, each with the public id of the entry that gave it."""
    return in_force(
        (structs.replace(entry.event, id=ids.public("con", entry.uuid)) for entry in ledger), moment
    )  # fmt: skip


def told_of(consent: Consent, moment: int) -> dict[str, Any]:
    """A consent as callers see it: times in words, whether it stood at that time, nothing of the proof itself."""
    members = {name: value for name, value in structs.asdict(consent).items() if value not in (None, False)}
    told = {
        name: rfc3339(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in members.items()
    }
    return told | {"status": BY_RULE[fails(consent, moment)]}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
