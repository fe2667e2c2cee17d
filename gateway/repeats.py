"""Which requests were answered already, and with what. Nothing here holds a key or a body, only keyed digests."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.clock import Clock
from gateway.store import idempotency
from gateway.store.db import Database, Tx
from gateway.store.idempotency import KEPT_MS, Answer, Whereabouts
from gateway.vault import Vault


class Repeat(NamedTuple):
    """One request that may come again: the digest of who, where and which key; the keyed digest of its body."""

    digest: bytes
    mac: bytes


class Repeats:
    """The answers of the last 24 hours."""

    def __init__(self, db: Database, vault: Vault, clock: Clock):
        self._db, self._vault, self._clock = db, vault, clock
        self._known = Whereabouts()
        self._running: set[bytes] = set()

    def load(self) -> None:
        """Learn where the kept answers lie. Before it has returned no request may be taken."""
        self._known = idempotency.load(self._db.reader, self._clock.now() - KEPT_MS)

    def named(self, principal: bytes, route: str, key: str, body: bytes) -> Repeat:
        """The digests of a request; `body` is its canonical re-encoding."""
        digest = self._vault.request_mac(b"\0".join((principal, route.encode(), key.encode())))[:16]
        return Repeat(digest, self._vault.request_mac(body)[:16])

    def find(self, repeat: Repeat) -> Answer | None:
        """What was answered, if anything was."""
        row = self._known.find(repeat.digest)
        if row is None:
            return None
        return idempotency.read(self._db.reader, row, repeat.digest, self._clock.now() - KEPT_MS)

    def begin(self, repeat: Repeat) -> bool:
        """Claim it; False when somebody is at it already."""
        if repeat.digest in self._running:
            return False
        self._running.add(repeat.digest)
        return True

    def end(self, repeat: Repeat) -> None:
        self._running.discard(repeat.digest)

    def keep(self, tx: Tx, answers: Sequence[Answer]) -> None:
        """Store answers in the transaction of what they tell of. If it is rolled back, the whereabouts point at rows
        that are not there or are another's, which `find` notices."""
        if not answers:
            return
        first = tx.next_id("idempotency")
        idempotency.add(tx, first, answers)
        for offset, answer in enumerate(answers):
            self._known.add(answer.digest, first + offset)

    async def forget_old(self) -> None:
        """Delete what is older than a day."""
        before = self._clock.now() - KEPT_MS
        first = await self._db.write(lambda tx, items: [idempotency.forget(tx, before) for _ in items])
        self._known.forget_below(first)
