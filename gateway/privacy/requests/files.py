"""Requests as callers see them: one with all that happened to it, and lists. Notes only for whoever may read them."""

from typing import Any

from gateway import ids, reading
from gateway.callers import Caller
from gateway.clock import Clock, rfc3339, rfc3339_or_none
from gateway.pages import cut
from gateway.privacy.requests.forms import (
    RequestEventView,
    RequestList,
    RequestQuery,
    RequestView,
    VerificationView,
)
from gateway.privacy.requests.notices import number
from gateway.privacy.requests.proofs import TRIES
from gateway.privacy.requests.turn import Office
from gateway.store import data_requests
from gateway.store.data_requests import Event, Proof, Request
from gateway.store.db import Database

BY_CODE = ("code", "link")


class Files:
    """Shows requests."""

    def __init__(self, db: Database, office: Office, clock: Clock):
        self._db, self._office, self._clock = db, office, clock

    async def one(self, public: str, with_content: bool, caller: Caller) -> RequestView:
        """One request. Raises NotFound."""
        request = self._office.find(public)
        if with_content:
            await reading.note(self._db, caller, public, [request.uuid])
        view = self._view(request)
        happened = data_requests.events(self._db.reader, request.id)
        view.events = [self._told(request, event, with_content) for event in happened]
        return view

    async def many(self, query: RequestQuery) -> RequestList:
        """A page of requests."""
        rows = await self._db.read(data_requests.search, query.wanted, query.limit + 1)
        page, cursor = cut(rows, query.limit, lambda row: row.id)
        return RequestList([self._view(row) for row in page], cursor)

    def again(self, request: Request) -> RequestView:
        """A request as it stands now that something was done."""
        return self._view(data_requests.get(self._db.reader, request.id))

    def _view(self, request: Request) -> RequestView:
        return RequestView(
            id=ids.public("req", request.uuid),
            number=number(request),
            kind=request.kind,
            status=request.status,
            guest_id=ids.public("gst", request.guest_uuid) if request.guest_uuid else None,
            received_via=request.received_via,
            received_at=rfc3339(request.received_at),
            jurisdiction=request.jurisdiction,
            due_date=request.due_date.isoformat(),
            overdue=request.closed_at is None and request.paused_at is None and request.due_at <= self._clock.now(),
            reasons=request.reasons,
            extended_at=rfc3339_or_none(request.extended_at),
            paused_since=rfc3339_or_none(request.paused_at),
            verification=_verification(request, data_requests.proof(self._db.reader, request.id)),
            erase_at=rfc3339_or_none(request.erase_at),
            refusal=request.refusal,
            created_at=rfc3339(request.created_at),
            closed_at=rfc3339_or_none(request.closed_at),
        )

    def _told(self, request: Request, event: Event, with_content: bool) -> RequestEventView:
        detail: dict[str, Any] = event.detail
        note = self._office.open(request, event) if with_content else None
        return RequestEventView(event.type, rfc3339(event.at), event.actor, **detail, note=note)


def _verification(request: Request, proof: Proof | None) -> VerificationView:
    by = request.verified_by
    asked = proof if proof and proof.purpose == "verify" else None
    method = "code" if asked or by in BY_CODE else "none" if by is None and request.status != "verifying" else "staff"
    return VerificationView(
        method,  # type: ignore[arg-type]  # one of the three
        asked.channel if asked else None,
        rfc3339(asked.expires_at) if asked else None,
        max(0, TRIES - asked.tries) if asked else None,
        rfc3339_or_none(request.verified_at),
        by,
    )
