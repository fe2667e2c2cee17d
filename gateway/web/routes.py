"""What a door is: one method and path, who may use it, what it takes and gives. Views declare them, nobody else."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

PREFIX = "/communications"


class Door(Struct, frozen=True):
    """One endpoint. `scope` None: no key is needed. `takes` None: no body. `limit`: the endpoint's name in limits."""

    method: str
    path: str
    view: Callable[..., Any]
    scope: str | tuple[str, ...] | None
    takes: Any = None
    gives: Any = None
    status: int = 200
    limit: str | None = None
    repeatable: bool = False
    exempt: bool = False

    @property
    def name(self) -> str:
        """As the documentation's headings have it."""
        return f"{self.method} {self.path}"


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
