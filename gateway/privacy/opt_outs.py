"""What guests said stop to. In force from the moment it is on disk."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from gateway import ids
from gateway.addresses import Addresses
from gateway.callers import Caller
from gateway.clock import Clock, parse_rfc3339, rfc3339
from gateway.errors import Fault, Invalid, NotFound
from gateway.letters import Letters
from gateway.model import CHANNELS
from gateway.privacy.forms import UnsubscribeAnswer, UnsubscribeOrder
from gateway.store import guests, suppressions
from gateway.store.db import Database, Tx
from gateway.store.suppressions import NewSuppression

GUEST = "guest"
"""The actor of what a guest does by himself, through a link."""


class OptOuts:
    """Takes every stop, whoever brings it."""

    def __init__(self, db: Database, addresses: Addresses, letters: Letters, ids_: ids.Ids, clock: Clock):
        self._db, self._addresses, self._letters, self._ids, self._clock = db, addresses, letters, ids_, clock

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
        await self._db.write(self.stop, entry, may_use_reserve=True)
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

    def stop(self, tx: Tx, entries: Sequence[NewSuppression]) -> list[None]:
        """The work of a stop. A global one covers every contact point of everyone behind the address."""
        for entry in entries:
            enter(tx, entry, self._ids, around=entry.scope == "global")
        return [None] * len(entries)


def enter(tx: Tx, entry: NewSuppression, ids_: ids.Ids, around: bool) -> None:
    """Write a stop and its audit entry; with `around` for every contact point of everyone behind the address."""
    rows = [entry]
    if around:
        others = [blind for blind, _ in guests.addresses_around(tx.connection, entry.blind) if blind != entry.blind]
        rows += [entry._replace(uuid=ids_.new(), blind=blind) for blind in others]
    suppressions.add(tx, rows)
    digest = sha256(b"".join(row.uuid for row in rows)).digest()
    tx.audit(entry.actor, "suppression.added", ids.public("sup", entry.uuid), digest)
