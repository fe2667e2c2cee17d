"""Complaints about what the house does with data."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed, members
from guest_gateway.messages import including
from guest_gateway.orders import Whom


class ComplaintContent(Struct, frozen=True):
    """What of a complaint is sealed."""

    words: str | None = None
    answer: str | None = None


class Complaint(Struct, frozen=True, kw_only=True):
    """A complaint as it stands. `due_date`: until when its receipt is to be confirmed, where a law says so."""

    id: str
    status: str
    guest_id: str | None
    received_via: str
    received_at: datetime
    recorded_at: datetime
    jurisdiction: str
    rule: str | None
    due_date: str | None
    overdue: bool
    acknowledged_at: datetime | None
    closed_at: datetime | None
    content: ComplaintContent | None = None


class Complaints(Resource[L]):
    """Taken down, confirmed, answered."""

    @listed("compliance/complaints", Complaint)
    def list(
        self,
        *,
        status: Literal["open", "acknowledged", "closed"] | None = None,
        guest: str | None = None,
        due_before: datetime | None = None,
        content: bool = False,
        limit: int | None = None,
    ) -> Asked:
        """Complaints, newest first. `limit` is a page's size."""
        query = members(status=status, guest=guest, due_before=due_before, limit=limit)
        return Asked(query=query | including(content))

    @ask("POST", "compliance/complaints", Complaint)
    def add(
        self,
        words: str,
        received_via: str,
        *,
        guest: Whom | None = None,
        received_at: datetime | None = None,
        jurisdiction: str | None = None,
    ) -> Asked:
        """Take one down; where the law sets a time for its receipt to be confirmed, it runs."""
        body = members(words=words, received_via=received_via, guest=guest, received_at=received_at,
                       jurisdiction=jurisdiction)  # fmt: skip
        return Asked(body=body)

    @ask("GET", "compliance/complaints/{}", Complaint)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One complaint."""
        return Asked((id,), query=including(content))

    @ask("POST", "compliance/complaints/{}/acknowledge", Complaint)
    def acknowledge(self, id: str, *, at: datetime | None = None) -> Asked:
        """Its receipt was confirmed. Raises Conflict the second time."""
        return Asked((id,), members(at=at))

    @ask("POST", "compliance/complaints/{}/close", Complaint)
    def close(self, id: str, answer: str) -> Asked:
        """It was answered. Raises Conflict for one that has ended."""
        return Asked((id,), {"answer": answer})
