"""What guests answer: taken in and acted on, read, decided where it can be read in two ways."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed, members
from guest_gateway.messages import including
from guest_gateway.orders import Channel, Whom


class ReplyContent(Struct, frozen=True):
    """What of an answer is sealed."""

    text: str | None = None
    address: str | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """An answer and what came of it. `status` is `review` while a person has something to decide. `confirmation` and
    `help` are the message that answers it, `not_sent` says why there is none."""

    id: str
    status: str
    action: str
    reasons: list[str]
    channel: str
    guest_id: str | None
    received_at: datetime
    recorded_at: datetime
    suppression_id: str | None
    late: bool
    consent_id: str | None
    confirmation: str | None
    help: str | None
    not_sent: str | None
    decision: str | None
    decided_at: datetime | None
    content: ReplyContent | None = None


class Replies(Resource[L]):
    """Answers of guests."""

    @listed("replies", Reply)
    def list(
        self,
        *,
        action: str | None = None,
        status: Literal["done", "review"] | None = None,
        channel: Channel | None = None,
        guest: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        content: bool = False,
        limit: int | None = None,
    ) -> Asked:
        """Answers, newest first; received `from_` and `to`. `limit` is a page's size."""
        query = members(action=action, status=status, channel=channel, guest=guest, from_=from_, to=to, limit=limit)
        return Asked(query=query | including(content))

    @ask("POST", "replies", Reply, once=True)
    def take(
        self,
        channel: Channel,
        from_: Whom,
        text: str,
        *,
        received_at: datetime | None = None,
        open_booking: bool | None = None,
        pending_optin_prompt: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Take in what a guest answered. A stop counts from now on. It is one reply, however often the line breaks;
        bring your own idempotency key (the provider's number of the text, say) to have one over restarts too."""
        body = members(channel=channel, from_=from_, text=text, received_at=received_at, open_booking=open_booking,
                       pending_optin_prompt=pending_optin_prompt)  # fmt: skip
        return Asked(body=body, key=idempotency_key)

    @ask("GET", "replies/{}", Reply)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One answer."""
        return Asked((id,), query=including(content))

    @ask("POST", "replies/{}/decide", Reply)
    def decide(self, id: str, action: Literal["opt_out", "none"]) -> Asked:
        """Say what a person has read in it. Raises Conflict where nothing is left to decide."""
        return Asked((id,), {"action": action})
