"""Writing down what became of a message: its state, its story and the audit entry, in one transaction."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from msgspec import json

from gateway import ids
from gateway.store import events, messages, outbox, spending, suppressions
from gateway.store.db import Tx
from gateway.store.outbox import Due
from gateway.store.spending import Purchase
from gateway.store.suppressions import NewSuppression

HARD_BOUNCES = ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
"""Enhanced codes that say the address itself is no good (RFC 3463): it is not written to again."""


class Settled(NamedTuple):
    """What became of one leased message. `due_at` is set when it stays in the outbox; `lease` says how. `unspent`: what
    was paid for it in vain."""

    id: int
    uuid: bytes
    state: str
    reason: str | None = None
    provider: str | None = None
    attempt: int = 0
    took_ms: int = 0
    outcome: str = "none"
    code: str | None = None
    words_sealed: bytes | None = None
    due_at: int | None = None
    lease: int = outbox.WAITING
    attempts_back: int = 0
    avoid: str | None = None
    uncertain: bool = False
    decision: str | None = None
    suppress: NewSuppression | None = None
    unspent: Purchase | None = None


def unbegun(due: Due, due_at: int) -> Settled:
    """A leased message that nothing was done with goes back as it was."""
    return Settled(due.id, due.uuid, waiting(due), due_at=due_at, attempts_back=1, uncertain=bool(due.uncertain))


def limited(due: Due, due_at: int) -> Settled:
    """A leased message that may only leave later, by a limit of ours."""
    return Settled(due.id, due.uuid, "deferred", "limit", due_at=due_at, attempts_back=1, uncertain=bool(due.uncertain))


def waiting(due: Due) -> str:
    """The state of a message that goes back to wait: what may have been taken once stays uncertain."""
    return "uncertain" if due.uncertain else "queued"


def settle(tx: Tx, settled: Sequence[Settled]) -> list[None]:
    """The work that ends a lease."""
    gone = [one.id for one in settled if one.due_at is None]
    back = [
        (one.lease, one.due_at, one.attempts_back, one.avoid, one.reason, one.uncertain, one.id)
        for one in settled
        if one.due_at is not None
    ]
    outbox.remove(tx, gone)
    outbox.put_back(tx, back)
    told = [one for one in settled if one.outcome != "none" or one.due_at is None or one.lease or one.reason]
    messages.settle(
        tx, [(one.state, one.reason, one.provider, None if one.due_at else tx.now, one.id) for one in settled]
    )
    events.append(tx, [_event(tx, one) for one in told])
    if denied := [(one.decision, one.id) for one in settled if one.decision]:
        messages.judged_again(tx, denied)
    suppressions.add(tx, [one.suppress for one in settled if one.suppress])
    if unspent := [one.unspent for one in settled if one.unspent]:
        spending.give_back(tx, unspent)
    for one in told:
        tx.audit("gateway", f"message.{one.state}", ids.public("msg", one.uuid), _digest(one))
    return [None] * len(settled)


def _event(tx: Tx, one: Settled) -> events.Event:
    tried = {
        "provider": one.provider,
        "attempt": one.attempt,
        "ms": one.took_ms,
        "outcome": one.outcome,
        "code": one.code,
    }
    detail = (tried if one.outcome != "none" else {}) | {"reason": one.reason}
    known = {name: value for name, value in detail.items() if value is not None}
    return events.Event(one.id, one.state, tx.now, json.encode(known).decode(), one.words_sealed)


def _digest(one: Settled) -> bytes:
    """What the audit entry vouches for: nothing in it could be guessed into a person."""
    return sha256(f"{one.state}|{one.reason}|{one.provider}|{one.attempt}|{one.outcome}|{one.code}".encode()).digest()
