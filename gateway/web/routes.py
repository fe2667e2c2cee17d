"""What a door is: one method and path, who may use it, what it takes and gives. Views declare them, nobody else.

The same declaration opens the door and describes it: `openapi` makes the API's description out of nothing else.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct

from gateway.errors import GatewayError
from gateway.overload import Importance

PREFIX = "/communications"
API_VERSION = "2026-11-24"
"""The day of the last change that could break a client; docs/compatibility.md says what counts as one."""


class Media(Struct, frozen=True):
    """A body that is no JSON. The view reads or writes it by itself."""

    type: str


class LongList(Struct, frozen=True):
    """The member of a body that is a long list, of at most so many items: each is decoded by itself, as `each`, while
    the others still arrive."""

    member: str
    each: type[Struct]
    most: int


class Door(Struct, frozen=True, dict=True):
    """One endpoint.

    `scope` None: no key is needed; an empty tuple: any caller will do.
    `takes` None: no body; a type: the body is decoded as that; several types, or a Media: the view reads it.
    `gives`: what comes with `status`, and with each of the statuses in `also`.
    `query`: a Struct of the members that may stand behind the `?`; None: the view looks at none.
    `raises`: errors of the view that do not follow from the rest.
    `limit`: the endpoint's name in limits, where it is not the operation's.
    `repeat`: whether it may or must come with an Idempotency-Key.
    `importance`: when it is refused because there is too much to do; `urgent`: unless it is an emergency, which the
    view finds out for whoever may send one.
    `told`: how an error is told to whoever came; None: as a problem document.
    `largest`: bytes of a body. `many`: the long list in it."""

    method: str
    path: str
    view: Callable[..., Any]
    scope: str | tuple[str, ...] | None
    takes: Any = None
    gives: Any = None
    status: int = 200
    also: tuple[int, ...] = ()
    query: type[Struct] | None = None
    raises: tuple[type[GatewayError], ...] = ()
    limit: str | None = None
    repeat: Literal["may", "must"] | None = None
    exempt: bool = False
    importance: Importance = Importance.USUAL
    urgent: bool = False
    told: Callable[[GatewayError, Any], Any] | None = None
    largest: int = 1 << 20
    many: LongList | None = None

    @cached_property
    def name(self) -> str:
        """As the documentation's headings have it."""
        return f"{self.method} {self.path}"

    @cached_property
    def operation(self) -> str:
        """The view, as limits and the API's description name it."""
        return f"{self.view.__module__.rpartition('.')[2]}.{self.view.__name__.strip('_')}"

    @cached_property
    def endpoint(self) -> str:
        """Its name in limits: the one it shares with other doors, or its own."""
        return self.limit or self.operation

    @cached_property
    def guarded(self) -> bool:
        """Whether somebody whom the access rules deny is turned away. Guests come to their pages from anywhere, and
        providers call back from wherever they are: they sign what they say."""
        return self.path.startswith(PREFIX) and not self.exempt and not self.path.startswith(f"{PREFIX}/inbound/")

    @cached_property
    def decodes(self) -> bool:
        """Whether the body is decoded before the view sees it."""
        return self.takes is not None and not isinstance(self.takes, tuple | Media)


class Routes:
    """A module's doors, declared beside its views."""

    def __init__(self, prefix: str = PREFIX):
        self.prefix = prefix
        self.doors: list[Door] = []

    def get(self, path: str, **about: Any) -> Callable:
        return self._declare("GET", path, about)

    def post(self, path: str, **about: Any) -> Callable:
        return self._declare("POST", path, about)

    def patch(self, path: str, **about: Any) -> Callable:
        return self._declare("PATCH", path, about)

    def delete(self, path: str, **about: Any) -> Callable:
        return self._declare("DELETE", path, about)

    def _declare(self, method: str, path: str, about: dict[str, Any]) -> Callable:
        def declared(view: Callable) -> Callable:
            self.doors.append(Door(method, self.prefix + path, view, **about))
            return view

        return declared
