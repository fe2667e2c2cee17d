"""One request as it travels, and what its answer means."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, Generic, Self, TypeVar, cast

import httpx2
from msgspec import MsgspecError, Struct, json

from guest_gateway.errors import Unexpected, Unreachable, problem

R = TypeVar("R")
T = TypeVar("T")
CONNECT = 5.0
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""Failures before the first byte went out."""

Outcome = httpx2.Response | httpx2.TransportError
"""What came of one try."""


class Page(Struct, Generic[T], frozen=True):
    """A part of a list."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Request(Generic[R]):
    """What to ask, and the type of the answer. `harmless`: to ask it twice does no more than to ask it once. `seconds`:
    how long the gateway may be silent over it."""

    method: str
    path: str
    gives: type[R]
    content: bytes | None = field(repr=False)
    headers: Mapping[str, str]
    query: Mapping[str, str]
    harmless: bool
    seconds: float

    def as_sent(self) -> dict[str, Any]:
        """As the HTTP library takes it."""
        return {
            "method": self.method,
            "url": self.path,
            "content": self.content,
            "headers": self.headers,
            "params": self.query,
            "timeout": httpx2.Timeout(self.seconds, connect=CONNECT),
        }

    def at(self, cursor: str) -> Self:
        """The same for the page that begins there."""
        return replace(self, query={**self.query, "cursor": cursor})

    def since(self, event: str) -> Self:
        """The same for somebody who has seen everything up to this event."""
        return replace(self, headers={**self.headers, "Last-Event-ID": event})

    def answer(self, outcome: Outcome) -> R:
        """What it was answered. Raises the GatewayError it was refused with."""
        if isinstance(outcome, httpx2.TransportError):
            maybe_done = self.method != "GET" and not isinstance(outcome, NOT_SENT)
            raise Unreachable(maybe_done, self.headers.get("Idempotency-Key")) from outcome
        if not outcome.is_success:
            raise problem(outcome)
        if self.gives in (NoneType, bytes):
            return cast(R, outcome.content or None)
        return self.read(outcome.content)

    def read(self, document: bytes | str) -> R:
        """A document as the type that is expected. Raises Unexpected."""
        try:
            return json.decode(document, type=self.gives)
        except MsgspecError as error:
            raise Unexpected(200) from error
