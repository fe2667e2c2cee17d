"""Every step that was taken: on disk, audited, to be read and taken back. An address is sealed, and goes with its entry
after 30 days."""

import contextlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, json

from gateway import ids, pages, reading
from gateway.abuse.hold import Step
from gateway.abuse.signals import BY_NAME
from gateway.abuse.trail import SOURCES, Kind
from gateway.callers import Caller
from gateway.clock import Clock, rfc3339, rfc3339_or_none
from gateway.errors import Conflict, GatewayError, NotFound
from gateway.ids import Ids
from gateway.pages import PageQuery
from gateway.store import abuse
from gateway.store.abuse import Case
from gateway.store.db import Database, Tx
from gateway.vault import Vault
from gateway.views import Time

__all__ = ["AbuseList", "AbuseQuery", "AbuseView", "Case", "Register"]
KEPT_MS, MOST = 30 * 86_400_000, 100_000
DONE = {"alert": "alerted", "throttle": "throttled", "challenge": "challenged", "block": "blocked"}
"""What the audit log says of a step."""
AbuseId = Annotated[str, Meta(pattern=ids.pattern("abu"))]


class AbuseQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which steps: those of which all of it is true."""

    state: Literal["in_force", "ended"] | None = None
    step: Step | None = None
    kind: Kind | None = None
    include: Annotated[Literal["address"], Meta(description="The sources' addresses too")] | None = None


class AbuseSignal(Struct, frozen=True):
    """What led to a step: a pattern, how often it was seen, and what was."""

    name: str
    count: int
    says: str


class AbuseView(Struct, kw_only=True):
    """A step that was taken. `digest` stands for the source or caller; `caller` is the id of an API key or a user,
    for whoever may list those; `address` is null unless it was asked for and is known. One with `dry_run` holds nobody
    up."""

    id: AbuseId
    digest: str
    kind: Kind
    caller: str | None
    step: Step
    since: Time
    until: Time
    ended_at: Time | None
    dry_run: bool
    signals: list[AbuseSignal]
    address: str | None = None


class AbuseList(Struct, frozen=True):
    """A page of steps, newest first."""

    items: list[AbuseView]
    next_cursor: str | None


class Register:
    """Writes steps down and tells of them. `released` hears the digest of whoever a step was taken back for."""

    def __init__(self, db: Database, vault: Vault, ids_: Ids, clock: Clock):
        self._db, self._vault, self._ids, self._clock = db, vault, ids_, clock
        self.released: Callable[[bytes], None] = lambda digest: None

    def uuid(self) -> bytes:
        """A fresh name for a step."""
        return self._ids.new()

    def in_force(self) -> list[Case]:
        """The steps that are not over."""
        return abuse.in_force(self._db.reader, self._clock.now())

    def blocks(self, digest: bytes) -> int:
        """How many blocks there have been of whoever this is."""
        return abuse.blocks(self._db.reader, digest)

    def open(self, case: Case, address: str) -> None:
        """Write down a step, or that it became severer. Nobody waits for the disk: the step holds in any case, and one
        that could not be written is forgotten by a restart."""
        sealed = self._vault.seal_venue("abuse", "address", case.uuid, address.encode()) if address else None
        with contextlib.suppress(GatewayError):  # it is stopping
            self._db.ask(_open, (case, sealed))

    async def close_over(self) -> None:
        """Note the end of every step whose time is over."""
        if await self._db.read(abuse.any_over, self._clock.now()):
            await self._db.do(_close_over)

    async def forget_old(self) -> None:
        """Let go of what is 30 days old, addresses and all, and of what is too much."""
        before = self._clock.now() - KEPT_MS
        await self._db.do(lambda tx: abuse.forget(tx, before, MOST))

    # -- telling ------------------------------------------------------------------------------------------------------

    async def many(self, query: AbuseQuery, caller: Caller) -> AbuseList:
        """A page of steps, newest first. Raises Forbidden for addresses without the scope."""
        rows = await self._db.read(abuse.search, query.wanted, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        views = [_view(row, caller) for row in page]
        if query.include:
            await reading.note(self._db, caller, "abuse", [row.uuid for row in page])
            for view, row in zip(views, page, strict=True):
                view.address = self._address(row)
        return AbuseList(views, cursor)

    def _address(self, row: abuse.Stored) -> str | None:
        sealed = row.address_sealed
        return self._vault.open_venue("abuse", "address", row.uuid, sealed).decode() if sealed else None

    async def lift(self, public: str, caller: Caller) -> AbuseView:
        """Take a step back before its time. Raises NotFound, and Conflict for one that is over."""
        uuid = ids.parse("abu", public)

        def work(tx: Tx, items: Sequence[None]) -> list[abuse.Stored]:
            found = abuse.find(tx.connection, uuid) if uuid else None
            if found is None:
                raise NotFound()
            if found.ended_at is not None or found.until <= tx.now:
                raise Conflict("It is over already.")
            abuse.end(tx, found.id)
            tx.audit(caller.actor, "abuse.lifted", public, _digest(found))
            return [found._replace(ended_at=tx.now)] * len(items)

        done = await self._db.write(work)
        self.released(done.digest)
        return _view(done, caller)


def _open(tx: Tx, items: Sequence[tuple[Case, bytes | None]]) -> list[None]:
    for case, sealed in items:
        abuse.keep(tx, case, sealed)
        tx.audit("gateway", f"abuse.{DONE[case.step]}", ids.public("abu", case.uuid), _digest(case))
    return [None] * len(items)


def _close_over(tx: Tx) -> None:
    for row in abuse.over(tx.connection, tx.now):
        abuse.end(tx, row.id, row.until)
        tx.audit("gateway", "abuse.ended", ids.public("abu", row.uuid), _digest(row))


def _digest(case: Case | abuse.Stored) -> bytes:
    """What an audit entry vouches for: whom, by his keyed digest, and what led to it."""
    said: list[Any] = [case.digest.hex(), case.step, case.until, case.dry_run, case.signals]
    return sha256(json.encode(said)).digest()


def _view(row: abuse.Stored, caller: Caller) -> AbuseView:
    return AbuseView(
        id=ids.public("abu", row.uuid),
        digest=row.digest.hex(),
        kind=row.kind,
        caller=_named(row, caller),
        step=row.step,
        since=rfc3339(row.since),
        until=rfc3339(row.until),
        ended_at=rfc3339_or_none(row.ended_at),
        dry_run=row.dry_run,
        signals=[AbuseSignal(name, count, BY_NAME[name].says) for name, count in row.signals.items()],
    )


def _named(row: abuse.Stored, caller: Caller) -> str | None:
    """The id of a caller, for whoever may list his kind."""
    if row.actor is None or row.kind in SOURCES or f"{row.kind}s" not in caller.scopes:
        return None
    prefix = {"key": "key", "user": "usr"}[row.kind]
    return f"{prefix}_{row.actor.partition(':')[2]}"
