"""Answers of guests as callers see them; their words only for whoever may read them."""

import asyncio
from collections.abc import Sequence

from gateway import ids, pages, reading
from gateway.callers import Caller
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.letters import Letters
from gateway.privacy.replies.answering import address_behind
from gateway.privacy.replies.forms import ReplyContent, ReplyList, ReplyQuery, ReplyView
from gateway.store import replies
from gateway.store.db import Database
from gateway.store.replies import Reply
from gateway.vault import CannotOpen, Vault


class Files:
    """Reads answers."""

    def __init__(self, db: Database, letters: Letters):
        self._db, self._letters = db, letters

    async def one(self, reply: Reply, with_content: bool, caller: Caller) -> ReplyView:
        """One answer."""
        return (await self._shown([reply], with_content, caller))[0]

    async def many(self, query: ReplyQuery, caller: Caller) -> ReplyList:
        """A page of answers, newest first."""
        rows = await self._db.read(replies.search, query.wanted, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return ReplyList(await self._shown(page, query.include is not None, caller), cursor)

    async def _shown(self, rows: Sequence[Reply], with_content: bool, caller: Caller) -> list[ReplyView]:
        views = [view(row) for row in rows]
        if with_content:
            subject = views[0].id if len(views) == 1 else "replies"
            await reading.note(self._db, caller, subject, [row.uuid for row in rows])
            texts = await asyncio.to_thread(lambda: [words_of(self._letters.vault, row) for row in rows])
            for one, row, text in zip(views, rows, texts, strict=True):
                one.content = ReplyContent(text, address_behind(self._db, self._letters, row.blind))
        return views


def words_of(vault: Vault, reply: Reply) -> str | None:
    """The words of an answer; None once their time is over, or their guest was erased."""
    if reply.text_sealed is None:
        return None
    try:
        if reply.guest_uuid is None:
            return vault.open_venue("replies", "text", reply.uuid, reply.text_sealed).decode()
        return vault.unseal(reply.key_id, "replies", "text", reply.uuid, reply.text_sealed).decode()
    except CannotOpen:
        return None


def view(reply: Reply) -> ReplyView:
    """An answer without its words."""
    message = ids.public("msg", reply.message) if reply.message else None
    return ReplyView(
        id=ids.public("rep", reply.uuid),
        status=reply.status,  # type: ignore[arg-type]  # only such words were written
        action=reply.action,  # type: ignore[arg-type]
        reasons=reply.reasons,
        channel=reply.channel,  # type: ignore[arg-type]
        guest_id=ids.public("gst", reply.guest_uuid) if reply.guest_uuid else None,
        received_at=rfc3339(reply.received_at),
        recorded_at=rfc3339(reply.recorded_at),
        suppression_id=ids.public("sup", reply.suppression) if reply.suppression else None,
        late=reply.late,
        consent_id=ids.public("con", reply.consent) if reply.consent else None,
        confirmation=message if reply.action != "help" else None,
        help=message if reply.action == "help" else None,
        not_sent=reply.not_sent,  # type: ignore[arg-type]
        decision=reply.decision,  # type: ignore[arg-type]
        decided_at=rfc3339_or_none(reply.decided_at),
    )
