"""Messages as callers see them: what became of one, and lists; with their content only for whoever may read it."""

from typing import Any

from msgspec import Raw, json

from gateway import ids, reading
from gateway.batches import Batches
from gateway.callers import Caller
from gateway.clock import date_of, rfc3339, rfc3339_or_none
from gateway.errors import NotFound
from gateway.letters import Letters
from gateway.model import HOLD_REASONS, WAIT_REASONS
from gateway.orders import MessageList, MessageQuery, MessageView
from gateway.pages import cut
from gateway.store import events, messages
from gateway.store.db import Database
from gateway.store.messages import Stored
from gateway.views import ContentGone, MessageContent, PrintedFrom


class Stories:
    """Reads messages."""

    def __init__(self, db: Database, letters: Letters, batches: Batches):
        self._db, self._letters, self._batches = db, letters, batches

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

    async def many(self, query: MessageQuery, caller: Caller) -> MessageList:
        """A page of messages."""
        rows = await self._db.read(messages.search, query.wanted, query.limit + 1)
        page, more = cut(rows, query.limit, lambda row: row.id)
        views = [self._view(row, None) for row in page]
        if query.include:
            await self._open(page, views, caller)
        return MessageList(views, more)

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
            due_at=rfc3339_or_none(row.due_at),
            expires_at=rfc3339_or_none(row.expires_at),
            event_date=date_of(row.event_date),
            settled_at=rfc3339_or_none(row.settled_at),
            retry_of=ids.public("msg", row.retry_of) if row.retry_of else None,
            fallback_of=ids.public("msg", row.fallback_of) if row.fallback_of else None,
            batch=ids.public("bat", row.batch_uuid) if row.batch_uuid else None,
            attempts=None if story is None else [_told(event) for event in story if "attempt" in (event.detail or "")],
            events=None if story is None else [_told(event) for event in story],
            compliance=Raw(row.decision.encode()),
            template=_template(row),
            content_gone=_gone(row),
        )

    async def _open(self, rows: list[Stored], views: list[MessageView], caller: Caller) -> None:
        """Put the content in, and note in the audit log that it was read: one entry a request."""
        subject = views[0].id if len(views) == 1 else "messages"
        await reading.note(self._db, caller, subject, [row.uuid for row in rows])
        for row, view in zip(rows, views, strict=True):
            view.content = await self._content(row)

    async def _content(self, row: Stored) -> MessageContent | None:
        sealed = messages.content(self._db.reader, row.id)
        if sealed is None:
            return None
        content = self._letters.open(sealed.key_id, sealed.uuid, sealed.content_sealed)
        address = self._letters.open_address(sealed.key_id, sealed.contact_uuid, sealed.address_sealed)
        await self._batches.ready(sealed.batch_id, sealed.template_version_id)
        letter = self._batches.letter(sealed.batch_id, sealed.template_version_id, content)
        return MessageContent(address, letter.subject, letter.text, letter.html or None, content.metadata)


def _template(row: Stored) -> PrintedFrom | None:
    """What a message was printed from."""
    if row.template_uuid is None:
        return None
    return PrintedFrom(ids.public("tpl", row.template_uuid), row.template_name or "", row.template_language or "",
                       row.template_version or 0)  # fmt: skip


def _gone(row: Stored) -> ContentGone | None:
    """When and why the content went."""
    if row.text_gone_at is None:
        return None
    erased = row.text_gone_why == "erasure"
    after = None if erased else row.text_gone_why
    return ContentGone(rfc3339(row.text_gone_at), "erasure" if erased else "retention", after)


def _told(event: events.Event) -> dict[str, Any]:
    return {"type": event.type, "at": rfc3339(event.at)} | (json.decode(event.detail) if event.detail else {})
