"""Suppressions as callers see them: which there are, and lifting one that was a mistake. None is ever deleted."""

import contextlib
import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Literal

from msgspec import Meta, Struct, field, json

from gateway import ids, pages, reading
from gateway.callers import Caller
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.errors import Conflict, NotFound
from gateway.model import ChannelName
from gateway.orders import Included, Instant
from gateway.pages import PageQuery
from gateway.rules import REVIEW
from gateway.store import suppressions
from gateway.store.db import Database, Tx
from gateway.store.suppressions import Sealed, Stored
from gateway.vault import KeyDestroyed, Vault
from gateway.views import GuestId

_words = json.Decoder(list[str])
OWN_WORD = ("guest", "gateway")
"""Actors of an entry that nobody wrote by mistake: the guest, and the gateway of an address that does not exist."""


class SuppressionQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stops: those of which all of it is true."""

    scope: Literal["global", "channel", "category", "channel_category"] | None = None
    channel: ChannelName | None = None
    category: str | None = None
    source: str | None = None
    state: Literal["in_force", "lifted"] | None = None
    guest: GuestId | None = None
    receipt: Annotated[str, Meta(max_length=20, description="The number a guest was shown: G-7F3C-20A1")] | None = None
    late: Annotated[bool, Meta(description="Entered after the law's deadline")] | None = None
    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    include: Included | None = None


class SuppressionContent(Struct, frozen=True):
    """What of a suppression is sealed: the address, where a guest in the store has it, and why it was to be lifted."""

    email: str | None
    phone: str | None
    lift_reasons: list[str]


class SuppressionView(Struct, kw_only=True):
    """A suppression as it stands. `created_at` is when the guest said it, `recorded_at` from when on it held, `due_at`
    by when the law wanted that, of one that did not come through the gateway."""

    id: str
    scope: str
    channels: list[str]
    categories: list[str]
    classes: list[str]
    source: str
    permanent: bool
    created_at: str
    recorded_at: str
    due_at: str | None
    lifted_at: str | None
    lift_asked: bool
    content: SuppressionContent | None = None


class SuppressionList(Struct, frozen=True):
    """A page of suppressions, newest first."""

    items: list[SuppressionView]
    next_cursor: str | None


class Suppressions:
    """Reads suppressions, lifts them."""

    def __init__(self, db: Database, vault: Vault):
        self._db, self._vault = db, vault

    async def one(self, public: str, with_content: bool, caller: Caller) -> SuppressionView:
        """One suppression. Raises NotFound."""
        return (await self._shown([self._find(public)], with_content, caller))[0]

    async def many(self, query: SuppressionQuery, caller: Caller) -> SuppressionList:
        """A page of suppressions, newest first."""
        rows = await self._db.read(suppressions.search, query.wanted, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return SuppressionList(await self._shown(page, query.include is not None, caller), cursor)

    def _find(self, public: str) -> Stored:
        uuid = ids.parse("sup", public)
        found = suppressions.find(self._db.reader, uuid) if uuid else None
        if found is None:
            raise NotFound()
        return found

    async def _shown(self, rows: Sequence[Stored], with_content: bool, caller: Caller) -> list[SuppressionView]:
        views = [view(row) for row in rows]
        if with_content:
            subject = views[0].id if len(views) == 1 else "suppressions"
            await reading.note(self._db, caller, subject, [row.uuid for row in rows])
            addresses = await self._db.read(self.addresses, rows)
            for one, row, address in zip(views, rows, addresses, strict=True):
                one.content = SuppressionContent(address.get("email"), address.get("phone"), self._reasons(row))
        return views

    def addresses(self, reader: sqlite3.Connection, rows: Sequence[Stored]) -> list[dict[str, str]]:
        """The address behind each entry, as kind and address; empty where no guest in the store has it."""
        found = suppressions.addresses(reader, [row.blind for row in rows])
        return [self._address(found.get(row.blind)) for row in rows]

    def _address(self, sealed: Sealed | None) -> dict[str, str]:
        """Kind and address; nothing, if nobody has it, or its guest was erased since it was read."""
        if sealed is None:
            return {}
        with contextlib.suppress(KeyDestroyed):
            address = self._vault.unseal(sealed.key_id, "contacts", "address", sealed.uuid, sealed.sealed)
            return {sealed.kind: address.decode()}
        return {}

    def _reasons(self, entry: Stored) -> list[str]:
        if entry.lift_reasons_sealed is None:
            return []
        return _words.decode(
            self._vault.open_venue("suppressions", "lift_reasons", entry.uuid, entry.lift_reasons_sealed)
        )

    # -- lifting ------------------------------------------------------------------------------------------------------

    async def lift(self, public: str, reason: str, caller: Caller) -> SuppressionView:
        """Lift what staff or an import wrote by mistake; a global one for every address it was written
        for. A permanent one needs a second person, and waits for him. Raises NotFound, and Conflict for what is
        lifted already, is the guest's own word, or waits for somebody else."""
        found = self._find(public)

        def work(tx: Tx, items: Sequence[None]) -> list[SuppressionView]:
            now = suppressions.find(tx.connection, found.uuid) or found
            _may_be_lifted(now, caller)
            lifted = not _for_good(now) or now.lift_asked_by is not None
            reasons = json.encode([*self._reasons(now), reason])
            sealed = self._vault.seal_venue("suppressions", "lift_reasons", now.uuid, reasons)
            suppressions.ask_to_lift(tx, now, caller.principal, sealed)
            if lifted:
                suppressions.lift(tx, now)
            action = "suppression.lifted" if lifted else "suppression.lift_asked"
            tx.audit(caller.actor, action, public, sha256(sealed).digest())
            return [view(suppressions.find(tx.connection, now.uuid) or now)] * len(items)

        return await self._db.write(work)


def _for_good(entry: Stored) -> bool:
    """Whether no consent lifts it, and no single person (CORE-SUP-4)."""
    return entry.permanent or entry.source == "complaint"


def _may_be_lifted(entry: Stored, caller: Caller) -> None:
    if entry.lifted_at is not None:
        raise Conflict("It is lifted already.")
    if entry.source == REVIEW:
        raise Conflict("A person is to read first what the guest has answered: decide that.")
    if not _for_good(entry) and (entry.actor in OWN_WORD or entry.source == "withdrawal"):
        raise Conflict("Nobody wrote this by mistake: only a new yes from the guest changes it.")
    if entry.lift_asked_by == caller.principal:
        raise Conflict("A second person must ask for it too.")


def view(entry: Stored) -> SuppressionView:
    """A suppression without the address."""
    return SuppressionView(
        id=ids.public("sup", entry.uuid),
        scope=entry.scope,
        channels=entry.channels,
        categories=entry.categories,
        classes=entry.classes,
        source=entry.source,
        permanent=entry.permanent,
        created_at=rfc3339(entry.created_at),
        recorded_at=rfc3339(entry.recorded_at),
        due_at=rfc3339_or_none(entry.due_at),
        lifted_at=rfc3339_or_none(entry.lifted_at),
        lift_asked=entry.lift_asked_by is not None,
    )
