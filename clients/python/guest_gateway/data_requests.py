"""What guests ask about their data: taken down, proven, answered in time; and the copy they get."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from msgspec import Struct

from guest_gateway.doors import LARGE, Asked, L, Resource, ask, listed, members
from guest_gateway.messages import including
from guest_gateway.orders import Whom

RequestKind = Literal["access", "portability", "rectification", "restriction", "erasure", "objection"]


class Verification(Struct, frozen=True):
    """How it is proven who asks."""

    method: str
    channel: str | None = None
    expires_at: datetime | None = None
    tries_left: int | None = None
    verified_at: datetime | None = None
    verified_by: str | None = None


class RequestEvent(Struct, frozen=True):
    """Something that happened to a request; its `note` is there where the content was asked for."""

    type: str
    at: datetime
    by: str
    until: date | None = None
    reason: str | None = None
    message: str | None = None
    cuts: dict[str, int] | None = None
    note: str | None = None


class DataRequest(Struct, frozen=True, kw_only=True):
    """A request as it stands. While `paused_since` is set its clock stands still. `guest_id` is not in the answer to a
    new one, which is the same whether anybody has the address or not."""

    id: str
    number: str
    kind: str
    status: str
    guest_id: str | None = None
    received_via: str
    received_at: datetime
    jurisdiction: str
    due_date: date
    overdue: bool
    reasons: list[str]
    extended_at: datetime | None = None
    paused_since: datetime | None = None
    verification: Verification
    erase_at: datetime | None = None
    refusal: str | None = None
    created_at: datetime
    closed_at: datetime | None = None
    events: list[RequestEvent] | None = None


class DataRequests(Resource[L]):
    """Requests of guests. All that is done with one raises Conflict where its state, or its law, does not allow it."""

    @listed("compliance/data-request", DataRequest)
    def list(
        self,
        *,
        status: str | None = None,
        kind: RequestKind | None = None,
        guest: str | None = None,
        due_before: datetime | None = None,
        limit: int | None = None,
    ) -> Asked:
        """Requests, newest first. `limit` is a page's size."""
        return Asked(query=members(status=status, kind=kind, guest=guest, due_before=due_before, limit=limit))

    @ask("POST", "compliance/data-request", DataRequest)
    def open(
        self,
        guest: Whom,
        kind: RequestKind,
        received_via: str,
        *,
        received_at: datetime | None = None,
        jurisdiction: str | None = None,
        note: str | None = None,
    ) -> Asked:
        """Take down what a guest asks. A code goes to an address he is known by."""
        return Asked(
            body=members(
                guest=guest, kind=kind, received_via=received_via, received_at=received_at, jurisdiction=jurisdiction,
                note=note,
            )
        )  # fmt: skip

    @ask("GET", "compliance/data-request/{}", DataRequest)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One request, with everything that happened to it."""
        return Asked((id,), query=including(content))

    @ask("POST", "compliance/data-request/{}/verify", DataRequest)
    def verify(
        self, id: str, method: Literal["code", "staff", "send"], *, code: str | None = None, note: str | None = None
    ) -> Asked:
        """Who asks is who he says: by his code, or on your word with a note; `send` sends him a new code."""
        return Asked((id,), members(method=method, code=code, note=note))

    @ask("POST", "compliance/data-request/{}/extend", DataRequest)
    def extend(self, id: str, reason: Literal["complex", "many_requests"], *, note: str | None = None) -> Asked:
        """Take longer, and tell the guest why."""
        return Asked((id,), members(reason=reason, note=note))

    @ask("POST", "compliance/data-request/{}/pause", DataRequest)
    def pause(self, id: str, note: str) -> Asked:
        """Stop the clock while the guest is asked which data he means."""
        return Asked((id,), {"note": note})

    @ask("POST", "compliance/data-request/{}/resume", DataRequest)
    def resume(self, id: str) -> Asked:
        """The guest has answered."""
        return Asked((id,))

    @ask("POST", "compliance/data-request/{}/redact", DataRequest)
    def redact(self, id: str, words: Sequence[str]) -> Asked:
        """Take words about somebody else out of the copy."""
        return Asked((id,), {"words": words})

    @ask("POST", "compliance/data-request/{}/complete", DataRequest)
    def complete(
        self, id: str, *, now: bool | None = None, changes: Mapping[str, Any] | None = None, note: str | None = None
    ) -> Asked:
        """It is done. `now`: erase at once; `changes`: what is put right, as in an edit of a guest."""
        return Asked((id,), members(now=now, changes=changes, note=note))

    @ask("POST", "compliance/data-request/{}/refuse", DataRequest)
    def refuse(self, id: str, reason: str, *, note: str | None = None) -> Asked:
        """Say no, and tell the guest why."""
        return Asked((id,), members(reason=reason, note=note))

    @ask("POST", "compliance/data-request/{}/cancel", DataRequest)
    def cancel(self, id: str, *, note: str | None = None) -> Asked:
        """The guest takes it back."""
        return Asked((id,), members(note=note))

    @ask("GET", "compliance/data-request/{}/export", bytes, seconds=LARGE)
    def export(self, id: str) -> Asked:
        """The copy, as a ZIP."""
        return Asked((id,))
