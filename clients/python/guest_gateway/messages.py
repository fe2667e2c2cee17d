"""Messages: send one, look at one, go through many, stop one, send one again."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Unpack

from msgspec import Struct, field

from guest_gateway.doors import Asked, L, Resource, ask, listed, members
from guest_gateway.judgement import Judgement
from guest_gateway.orders import Channel, Letter, MessageClass, Terms, Whom


class Accepted(Struct, frozen=True):
    """A message that is on the gateway's disk. `status` is `queued`, or `deferred` when it has to wait."""

    id: str
    status: str
    channel: str
    compliance: Judgement
    created_at: datetime


class Happening(Struct, frozen=True):
    """Something that happened to a message; of an attempt also by whom, which, how long, and what came of it."""

    type: str
    at: datetime
    provider: str | None = None
    attempt: int | None = None
    ms: float | None = None
    outcome: str | None = None


class Content(Struct, frozen=True):
    """What was sent, and to where."""

    to: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    metadata: dict[str, str] | None = None


class Printed(Struct, frozen=True):
    """The template that a message was printed from."""

    id: str
    name: str
    language: str
    version: int


class Gone(Struct, frozen=True):
    """When the content was deleted, and why: `erasure` of the guest, or `retention`, `after` so long a time."""

    at: datetime
    why: str
    after: str | None = None


class Message(Struct, frozen=True, kw_only=True):
    """A message as it stands. In a list it has no `attempts` and `events`; `content` is there when it was asked for."""

    id: str
    status: str
    channel: str
    class_: str = field(name="class")
    category: str
    guest_id: str | None
    sender: str | None
    provider: str | None
    reference: str | None
    wait_reason: str | None
    hold_reason: str | None
    created_at: datetime
    due_at: datetime | None
    expires_at: datetime | None
    event_date: date | None
    settled_at: datetime | None
    retry_of: str | None
    fallback_of: str | None
    batch: str | None
    attempts: list[Happening] | None
    events: list[Happening] | None
    compliance: Judgement
    template: Printed | None = None
    content: Content | None = None
    content_gone: Gone | None = None


class Messages(Resource[L]):
    """Messages to one guest each."""

    @ask("POST", "messages/send", Accepted, once=True)
    def send(
        self, *, channel: Channel, to: Whom, text: str, idempotency_key: str | None = None, **letter: Unpack[Letter]
    ) -> Asked:
        """Send one message to one guest. Returns when it is safe; what became of it says `get`.

        It is sent once, however often the line breaks: it has an idempotency key, kept over all tries. Bring your own
        (a booking's number, say) to have it once over restarts of your program too. Raises Blocked.
        """
        return Asked(body=members(channel=channel, to=to, text=text, **letter), key=idempotency_key)

    @ask("POST", "messages/template", Accepted, once=True)
    def send_template(
        self,
        *,
        template: str,
        to: Whom,
        variables: Mapping[str, Any] | None = None,
        channel: Channel | None = None,
        idempotency_key: str | None = None,
        **terms: Unpack[Terms],
    ) -> Asked:
        """Send one message, printed from a template in the guest's language. As `send`; also raises BadTemplate.
        `batches.send(template=…)` is the same to many."""
        body = members(template=template, to=to, variables=variables, channel=channel, **terms)
        return Asked(body=body, key=idempotency_key)

    @ask("GET", "messages/{}", Message)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One message. Its `content` needs the scope `read.content` and is noted in the audit log."""
        return Asked((id,), query=including(content))

    @listed("messages", Message)
    def list(
        self,
        *,
        status: str | None = None,
        channel: Channel | None = None,
        class_: MessageClass | None = None,
        category: str | None = None,
        reference: str | None = None,
        guest: str | None = None,
        batch: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        q: str | None = None,
        content: bool = False,
        limit: int | None = None,
    ) -> Asked:
        """Messages, newest first. `q` is a part of a category, `guest` and `batch` are ids, `limit` a page's size."""
        query = members(status=status, channel=channel, class_=class_, category=category, reference=reference,
                        guest=guest, batch=batch, from_=from_, to=to, q=q, limit=limit)  # fmt: skip
        return Asked(query=query | including(content))

    @ask("POST", "messages/{}/cancel", Message)
    def cancel(self, id: str) -> Asked:
        """Stop a message that has not left. Raises Conflict when it is too late."""
        return Asked((id,))

    @ask("POST", "messages/{}/retry", Accepted)
    def retry(self, id: str) -> Asked:
        """Send a message that did not arrive once more, as a new one. Raises Conflict while it still waits, Blocked."""
        return Asked((id,))

    @ask("POST", "messages/{}/release", Message)
    def release(self, id: str) -> Asked:
        """Let a held message go on. Raises Conflict when it is not held."""
        return Asked((id,))


def including(content: bool) -> dict[str, str]:
    """The query that asks for the content too."""
    return {"include": "content"} if content else {}
