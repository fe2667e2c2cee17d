"""Stops as callers see them: which there are, and taking one back that should not have been written. Never deleted."""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256

from msgspec import Struct, json

from gateway import ids, pages, reading
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.errors import Conflict, NotFound
from gateway.model import CHANNELS
from gateway.store import stops
from gateway.store.db import Database, Tx
from gateway.store.stops import Stop
from gateway.vault import Vault

SCOPES = ("global", "channel", "category", "channel_category")
FILTERS: dict[str, pages.Filter] = {
    "scope": SCOPES, "channel": CHANNELS, "category": str, "source": str, "state": ("in_force", "lifted"),
    "guest": partial(ids.parse, "gst"), **pages.SINCE,
}  # fmt: skip
_words = json.Decoder(list[str])
OWN_WORD = ("guest", "gateway")
"""Actors of a stop that nobody wrote by mistake: the guest, and the gateway of an address that does not exist."""


class StopContent(Struct, frozen=True):
    """What of a stop is sealed: the address, where a guest in the store has it, and why it was to be lifted."""

    email: str | None
    phone: str | None
    lift_reasons: list[str]


class StopView(Struct, kw_only=True):
    """A stop as it stands."""

    id: str
    scope: str
    channels: list[str]
    categories: list[str]
    classes: list[str]
    source: str
    permanent: bool
    created_at: str
    recorded_at: str
    lifted_at: str | None
    lift_asked: bool
    content: StopContent | None = None


class StopList(Struct, frozen=True):
    """A page of stops, newest first."""

    items: list[StopView]
    next_cursor: str | None


class Stops:
    """Reads stops, lifts them."""

    def __init__(self, db: Database, vault: Vault):
        self._db, self._vault = db, vault

    async def one(self, public: str, with_content: bool, caller: Caller) -> StopView:
        """One stop. Raises NotFound."""
        return (await self._shown([self._find(public)], with_content, caller))[0]

    async def many(self, query: Mapping[str, str], caller: Caller) -> StopList:
        """A page of stops, newest first. Raises Invalid for a filter that cannot be used."""
        asked = pages.asked(query, FILTERS)
        rows = await self._db.read(stops.search, asked.wanted, asked.limit + 1)
        page, cursor = pages.cut(rows, asked.limit, lambda row: row.id)
        return StopList(await self._shown(page, asked.with_content, caller), cursor)

    def _find(self, public: str) -> Stop:
        uuid = ids.parse("sup", public)
        found = stops.find(self._db.reader, uuid) if uuid else None
        if found is None:
            raise NotFound()
        return found

    async def _shown(self, rows: Sequence[Stop], with_content: bool, caller: Caller) -> list[StopView]:
        views = [view(row) for row in rows]
        if with_content:
            subject = views[0].id if len(views) == 1 else "suppressions"
            await reading.note(self._db, caller, subject, [row.uuid for row in rows])
            addresses = await self._db.read(self.addresses, rows)
            for one, row, address in zip(views, rows, addresses, strict=True):
                one.content = StopContent(address.get("email"), address.get("phone"), self._reasons(row))
        return views

    def addresses(self, reader: sqlite3.Connection, rows: Sequence[Stop]) -> list[dict[str, str]]:
        """The address behind each stop, as kind and address; empty where no guest in the store has it."""
        found = stops.addresses(reader, [row.blind for row in rows])
        return [
            {one.kind: self._vault.unseal(one.key_id, "contacts", "address", one.uuid, one.sealed).decode()}
            if (one := found.get(row.blind))
            else {}
            for row in rows
        ]

    def _reasons(self, stop: Stop) -> list[str]:
        if stop.lift_reasons_sealed is None:
            return []
        return _words.decode(
            self._vault.open_venue("suppressions", "lift_reasons", stop.uuid, stop.lift_reasons_sealed)
        )

    # -- lifting ------------------------------------------------------------------------------------------------------

    async def lift(self, public: str, reason: str, caller: Caller) -> StopView:
        """Take back a stop that staff or an import wrote by mistake; a global one for every address it was written
        for. A permanent one needs a second person, and waits for him. Raises NotFound, and Conflict for what is
        lifted already, is the guest's own word, or waits for somebody else."""
        stop = self._find(public)

        def work(tx: Tx, items: Sequence[None]) -> list[StopView]:
            now = stops.find(tx.connection, stop.uuid) or stop
            _may_be_lifted(now, caller)
            lifted = not _for_good(now) or now.lift_asked_by is not None
            reasons = json.encode([*self._reasons(now), reason])
            sealed = self._vault.seal_venue("suppressions", "lift_reasons", stop.uuid, reasons)
            stops.ask_to_lift(tx, now, caller.principal, sealed)
            if lifted:
                stops.lift(tx, now)
            action = "suppression.lifted" if lifted else "suppression.lift_asked"
            tx.audit(caller.actor, action, public, sha256(sealed).digest())
            return [view(stops.find(tx.connection, stop.uuid) or now)] * len(items)

        return await self._db.write(work)


def _for_good(stop: Stop) -> bool:
    """Whether no consent lifts it, and no single person (CORE-SUP-4)."""
    return stop.permanent or stop.source == "complaint"


def _may_be_lifted(stop: Stop, caller: Caller) -> None:
    if stop.lifted_at is not None:
        raise Conflict("It is lifted already.")
    if not _for_good(stop) and (stop.actor in OWN_WORD or stop.source == "withdrawal"):
        raise Conflict("Nobody wrote this by mistake: only a new yes from the guest changes it.")
    if stop.lift_asked_by == caller.principal:
        raise Conflict("A second person must ask for it too.")


def view(stop: Stop) -> StopView:
    """A stop without the address."""
    return StopView(
        id=ids.public("sup", stop.uuid),
        scope=stop.scope,
        channels=stop.channels,
        categories=stop.categories,
        classes=stop.classes,
        source=stop.source,
        permanent=stop.permanent,
        created_at=rfc3339(stop.created_at),
        recorded_at=rfc3339(stop.recorded_at),
        lifted_at=rfc3339(stop.lifted_at) if stop.lifted_at is not None else None,
        lift_asked=stop.lift_asked_by is not None,
    )
