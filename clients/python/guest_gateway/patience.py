"""When a request that did not work is tried again, and how long after."""

import random
from dataclasses import dataclass
from typing import Any

import httpx2

from guest_gateway.errors import IdempotencyInProgress, StorageFailed, problem, retry_after
from guest_gateway.request import NOT_SENT, Outcome, Request

BROKEN = (httpx2.NetworkError, httpx2.TimeoutException, httpx2.RemoteProtocolError, httpx2.ProxyError)
BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504
"""What a proxy says when it has lost the gateway: like a broken line, they leave open what was done."""


@dataclass(frozen=True, slots=True)
class Patience:
    """At most `tries` tries. Between them lie `first` seconds, then twice as many and so on, each drawn between half of
    it and the whole; the gateway's `Retry-After` is a floor. What would take longer than `longest` is not waited for.
    """

    tries: int = 4
    first: float = 0.5
    longest: float = 60.0

    def wait(self, request: Request[Any], outcome: Outcome, tried: int) -> float | None:
        """Seconds until the next try, or None when this outcome is the last word."""
        if tried >= self.tries or not worth_repeating(request, outcome):
            return None
        floor = retry_after(outcome) if isinstance(outcome, httpx2.Response) else None
        whole = self.first * 2 ** (tried - 1)
        seconds = max(floor or 0.0, random.uniform(whole / 2, whole))  # noqa: S311 it spreads tries, it guards nothing
        return seconds if seconds <= self.longest else None


PATIENCE = Patience()


def worth_repeating(request: Request[Any], outcome: Outcome) -> bool:
    """Whether asking once more may help and can do no harm."""
    if isinstance(outcome, NOT_SENT):
        return True
    if isinstance(outcome, httpx2.TransportError):
        return request.harmless and isinstance(outcome, BROKEN)
    match outcome.status_code:
        case 429:
            return True
        case 503:
            return request.harmless or not isinstance(problem(outcome), StorageFailed)
        case 409:
            return isinstance(problem(outcome), IdempotencyInProgress)
        case code:
            return request.harmless and code in (BAD_GATEWAY, GATEWAY_TIMEOUT)
