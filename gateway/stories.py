"""Messages as callers see them: what became of one, and lists; with their content only for whoever may read it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from msgspec import Raw, json

from gateway import ids
from gateway.callers import Caller
from gateway.clock import parse_rfc3339, rfc3339
from gateway.errors import Fault, Invalid, NotFound
from gateway.letters import Letters
from gateway.model import CHANNELS, HOLD_REASONS, TRANSITIONS, WAIT_REASONS
from gateway.orders import MessageList, MessageView
from gateway.store import events, messages
from gateway.store.db import Database, Tx
from gateway.store.messages import Stored

PAGE, LARGEST_PAGE = 50, 200
PLAIN_FILTERS = ("channel", "class", "category", "reference", "q")


class Stories:
    """Reads messages."""

    def __init__(self, db: Database, letters: Letters):
        self._db, self._letters = db, letters

    async def one(self, public: str, with_content: bool, caller: Caller) -> MessageView:
        """One message. Raises NotFound."""
        stored = self.find(public)
        view = self._view(stored, events.of(self._db.reader, stored.id))
        if with_content:
            await self._open([stored], [view], caller)
        return view

    def find(self, public: str) -> Stored:
        """The row behind a public id. Raises NotFound."""
        uuid = ids.parse("msg", public)
        stored = messages.find(self._db.reader, uuid) if uuid else None
        if stored is None:
            raise NotFound()
        return stored

    async def many(self, query: Mapping[str, str], with_content: bool, caller: Caller) -> MessageList:
        """A page of messages. Raises Invalid for a filter that cannot be used."""
        wanted, limit = filters(query)
        rows = await self._db.read(messages.search, wanted, limit + 1)
        page = rows[:limit]
        views = [self._view(row, None) for row in page]
        if with_content:
            await self._open(page, views, caller)
        return MessageList(views, ids.public("cur", page[-1].id.to_bytes(16)) if len(rows) > limit else None)

    def _view(self, row: Stored, story: list[events.Event] | None) -> MessageView:
        return MessageView(
            id=ids.public("msg", row.uuid),
            status=row.state,
            channel=row.channel,
            class_=row.class_,
            category=row.category,
            guest_id=ids.public("gst", row.guest_uuid) if row.guest_uuid else None,
            sender=row.sender,
            provider=row.provider,
            reference=row.reference,
            wait_reason=row.reason if row.reason in WAIT_REASONS else None,
            hold_reason=row.reason if row.reason in HOLD_REASONS else None,
            created_at=rfc3339(row.created_at),
            due_at=_time(row.due_at),
            expires_at=_time(row.expires_at),
            settled_at=_time(row.settled_at),
            retry_of=ids.public("msg", row.retry_of) if row.retry_of else None,
            fallback_of=ids.public("msg", row.fallback_of) if row.fallback_of else None,
            attempts=None if story is None else [_told(event) for event in story if "attempt" in (event.detail or "")],
            events=None if story is None else [_told(event) for event in story],
            compliance=Raw(row.decision.encode()),
            template=_template(row),
        )

    async def _open(self, rows: list[Stored], views: list[MessageView], caller: Caller) -> None:
        """Put the content in, and note in the audit log that it was read: one entry a request."""
        caller.need("read.content")
        named = sha256(b"".join(row.uuid for row in rows)).digest()
        subject = views[0].id if len(views) == 1 else "messages"

        def work(tx: Tx, items: Sequence[None]) -> list[None]:
            tx.audit(caller.actor, "content.read", subject, named)
            return [None] * len(items)

        await self._db.write(work)
        for row, view in zip(rows, views, strict=True):
            view.content = self._content(row)

    def _content(self, row: Stored) -> dict[str, Any] | None:
        sealed = messages.content(self._db.reader, row.id)
        if sealed is None:
            return None
        content = self._letters.open(sealed.key_id, sealed.uuid, sealed.content_sealed)
        address = self._letters.open_address(sealed.key_id, sealed.contact_uuid, sealed.address_sealed)
        return {"to": address, "subject": content.subject, "text": content.text, "html": content.html or None,
                "metadata": content.metadata}  # fmt: skip


def with_content(query: Mapping[str, str]) -> bool:
    """Whether the query asks for the content too."""
    return "content" in query.get("include", "").split(",")


def filters(query: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    """The filters of a list as the store takes them, and the page's size. Raises Invalid naming each unusable one."""
    known = (*PLAIN_FILTERS, "status", "from", "to", "guest", "limit", "cursor", "include")
    faults = [Fault(f"?{name}", "unknown-field", f"one of {', '.join(known)}") for name in query if name not in known]
    wanted: dict[str, Any] = {name: query[name] for name in PLAIN_FILTERS if name in query}
    readers = {"status": _status, "from": parse_rfc3339, "to": parse_rfc3339, "guest": _guest, "cursor": _cursor}
    for name, reader in readers.items():
        if name in query:
            value = reader(query[name])
            if value is None:
                faults.append(Fault(f"?{name}", "invalid", f"not a usable {name}"))
            wanted["before" if name == "cursor" else name] = value
    if wanted.get("channel", CHANNELS[0]) not in CHANNELS:
        faults.append(Fault("?channel", "invalid", f"one of {', '.join(CHANNELS)}"))
    limit = query.get("limit", str(PAGE))
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:6]) <= LARGEST_PAGE:
        faults.append(Fault("?limit", "invalid", f"1 to {LARGEST_PAGE}"))
    if faults:
        raise Invalid(faults=faults)
    return wanted, int(limit)


def _status(text: str) -> str | None:
    return text if text in TRANSITIONS else None


def _guest(text: str) -> bytes | None:
    return ids.parse("gst", text)


def _cursor(text: str) -> int | None:
    raw = ids.parse("cur", text)
    return int.from_bytes(raw) if raw and raw[:8] == b"\0" * 8 else None


def _template(row: Stored) -> dict[str, Any] | None:
    """What a message was printed from."""
    if row.template_uuid is None:
        return None
    return {"id": ids.public("tpl", row.template_uuid), "name": row.template_name, "language": row.template_language,
            "version": row.template_version}  # fmt: skip


def _time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def _told(event: events.Event) -> dict[str, Any]:
    return {"type": event.type, "at": rfc3339(event.at)} | (json.decode(event.detail) if event.detail else {})
