"""The record as it is read: who did what, to which thing, and when."""

from typing import Annotated

from msgspec import Meta, Struct, field, json

from gateway.orders import Instant
from gateway.pages import PageQuery, cut
from gateway.store import audit
from gateway.store.db import Database
from gateway.views import Time

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9 .:_/-]{1,100}$")]
Action = Annotated[
    str,
    Meta(pattern=r"^[a-z_]+(\.[a-z_]+)?$", description="An action, or a family of them, such as `user`"),
]


class AuditQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries: those of which all of it is true."""

    actor: Name | None = None
    action: Action | None = None
    object: Name | None = None
    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None


class AuditEntry(Struct, frozen=True):
    """An entry, member for member as it is chained."""

    seq: int
    ts: Time
    actor: str
    action: str
    object: str
    data_hash: str
    prev: str


class AuditList(Struct, frozen=True):
    """A page of entries, newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


_decoder = json.Decoder(AuditEntry)


async def many(db: Database, query: AuditQuery) -> AuditList:
    """A page of the record. Nothing in it is about a guest, so looking at it leaves no trace."""
    rows = await db.read(audit.search, query.wanted, query.limit + 1)
    page, cursor = cut([_decoder.decode(row) for row in rows], query.limit, lambda entry: entry.seq)
    return AuditList(page, cursor)
