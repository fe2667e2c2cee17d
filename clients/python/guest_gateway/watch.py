"""Something that is followed live (server-sent events), over a line that may break: what was seen is not seen again."""

from typing import Generic, Protocol, TypeVar

import httpx2

from guest_gateway.patience import Patience
from guest_gateway.request import Outcome, Request

SILENCE = 45.0
"""Seconds after which a live line counts as dead: the gateway says something every 15."""
HUNG_UP = httpx2.RemoteProtocolError("the gateway hung up")


class Ends(Protocol):
    """Something that comes to an end."""

    @property
    def over(self) -> bool:
        """Whether it has."""


E = TypeVar("E", bound=Ends)


class Watch(Generic[E]):
    """Where we are with it. `request` asks for what was not seen yet; `over`: nothing more will happen."""

    def __init__(self, request: Request[E], patience: Patience):
        self.request, self.over = request, False
        self._patience, self._tried = patience, 0

    def saw(self, event: httpx2.ServerSentEvent) -> E:
        """What an event tells."""
        item = self.request.read(event.data)
        self.request, self._tried = self.request.since(event.id), 0
        self.over = item.over
        return item

    def pause(self, outcome: Outcome) -> float:
        """Seconds before the line is taken up again. Raises the GatewayError that is the last word."""
        if self.over:
            return 0.0
        self._tried += 1
        wait = self._patience.wait(self.request, outcome, self._tried)
        if wait is None:
            self.request.answer(outcome)
        return wait or 0.0
