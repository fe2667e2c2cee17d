"""What guests said stop to. In force from the moment it is on disk."""

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import Any

from gateway import ids
from gateway.addresses import Addresses
from gateway.callers import Caller
from gateway.clock import Clock, parse_rfc3339, rfc3339, rfc3339_or_none
from gateway.errors import Fault, Invalid, NotFound
from gateway.letters import Letters
from gateway.logs import Log
from gateway.model import CHANNELS
from gateway.privacy.deadlines import Deadlines
from gateway.privacy.forms import UnsubscribeAnswer, UnsubscribeOrder
from gateway.rules import BY_CONSENT
from gateway.store import guests, suppressions
from gateway.store.db import Database, Tx
from gateway.store.suppressions import NewSuppression

GUEST = "guest"
"""The actor of what a guest does by himself, through a link."""
KEYWORD = "inbound_keyword"
"""The source of a stop that was a word in a text from the guest."""
IMPORT = "import"
"""The source of a stop that held in another system before; no clock runs for it."""


class OptOuts:
    """Takes every stop, whoever brings it."""

    def __init__(self, db: Database, addresses: Addresses, letters: Letters, deadlines: Deadlines, ids_: ids.Ids,
                 clock: Clock, log: Log):  # fmt: skip
        self._db, self._addresses, self._letters, self._ids, self._clock = db, addresses, letters, ids_, clock
        self._deadlines, self._log = deadlines, log

    def link(self, token: str, purpose: str) -> Any:
        """What a guest's link says, or None for one that is forged, foreign or for something else."""
        return self._letters.vault.links.read(purpose, token)

    async def unsubscribe(self, order: UnsubscribeOrder, caller: Caller | None) -> UnsubscribeAnswer:
        """Stop, at once. The answer is the same whether the address was known or not. Raises Invalid, and NotFound for
        a dead link."""
        entry = self._entry(order, caller)
        await self._db.write(self._stop, entry, may_use_reserve=True)
        late = entry.due_at is not None and self._clock.now() > entry.due_at
        if late:
            self._log.warning("a stop was entered after its deadline", code="late-stop", actor=entry.actor)
        return UnsubscribeAnswer(
            ids.public("sup", entry.uuid), entry.scope, list(entry.channels), list(entry.categories),
            list(entry.classes), rfc3339(entry.created_at), rfc3339_or_none(entry.due_at), late,
        )  # fmt: skip

    def _entry(self, order: UnsubscribeOrder, caller: Caller | None) -> NewSuppression:
        blind, channel, due = self._whom(order)
        received = parse_rfc3339(order.received_at) if order.received_at else self._clock.now()
        if received is None or received > self._clock.now() + 60_000:
            raise Invalid(faults=[Fault("/received_at", "bad-time", "RFC 3339 with a zone, and not in the future")])
        if order.scope in ("category", "channel_category") and not order.categories:
            raise Invalid(faults=[Fault("/categories", "missing", "a scope by category needs at least one")])
        return NewSuppression(
            self._ids.new(), blind, order.scope, self._channels(order, channel), tuple(order.categories or ()),
            self._classes(order), order.source, False, received, blind, caller.actor if caller else GUEST,
            due(received) if due and order.received_at and order.source != IMPORT else None,
        )  # fmt: skip

    def _whom(self, order: UnsubscribeOrder) -> tuple[bytes, str, Callable[[int], int | None] | None]:
        """Blind index of the address that said stop, the channel it was said about, and what knows its deadline."""
        if order.token is not None:
            link = self.link(order.token, "unsubscribe")
            if link is None:
                raise NotFound()
            return link.blind, link.scope, None
        if order.guest is None:
            raise Invalid(faults=[Fault("/guest", "missing", "a guest, or a token")])
        named = self._addresses.anyone(order.guest)
        due = partial(self._deadlines.of, named.kind, named.address)
        return named.blind, "email" if named.kind == "email" else "sms", due

    def _channels(self, order: UnsubscribeOrder, channel: str) -> tuple[str, ...]:
        if order.channels:
            return tuple(order.channels)
        return CHANNELS if order.scope in ("global", "category") else (channel,)

    def _classes(self, order: UnsubscribeOrder) -> tuple[str, ...]:
        """What it is about. Whoever texts STOP wants no more texts, whatever they are (CORE-SUP-8)."""
        if order.classes is not None:
            return tuple(order.classes)
        return BY_CONSENT if order.source == KEYWORD else ("marketing",)

    def _stop(self, tx: Tx, entries: Sequence[NewSuppression]) -> list[None]:
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
