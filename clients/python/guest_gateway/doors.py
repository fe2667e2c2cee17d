"""What can be asked of a gateway. A method of a resource says what goes out, its decorator where to and what comes
back.

Each is written once: on a `Line` it returns the answer, on an `AsyncLine` something to be awaited.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from urllib.parse import quote
from uuid import uuid4

from msgspec import json

from guest_gateway.line import AsyncLine, Line
from guest_gateway.request import Page, Request
from guest_gateway.watch import SILENCE, E

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
L = TypeVar("L", bound=Line | AsyncLine)
SECONDS = 30.0
LARGE = 300.0
"""Seconds for a body of up to 32 MiB, which the gateway looks at line by line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What goes out: what fills the `{}` of the path, the body (bytes are CSV), the query; an idempotency key of the
    caller's own; the version an edit is meant for."""

    parts: tuple[str, ...] = ()
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Door(Generic[R]):
    """Where to, and what comes back. `once`: it takes an idempotency key, and always gets one. `harmless`: to ask it
    twice does no more than to ask it once. `seconds`: how long it may be silent."""

    method: str
    path: str
    gives: type[R]
    once: bool = False
    harmless: bool = False
    seconds: float = SECONDS

    def request(self, asked: Asked) -> Request[R]:
        """What travels. Whatever a part of the path holds, it stays one part."""
        headers, content = {}, asked.body
        if self.once:
            headers["Idempotency-Key"] = asked.key or str(uuid4())
        if asked.version is not None:
            headers["If-Match"] = f'"{asked.version}"'
        if isinstance(content, bytes):
            headers["Content-Type"] = "text/csv"
        elif content is not None:
            headers["Content-Type"] = "application/json"
            content = json.encode(content)
        path = self.path.format(*[quote(part, safe="") for part in asked.parts])
        query = {name: _plain(value) for name, value in members(**asked.query).items()}
        harmless = self.harmless or self.once or self.method == "GET"
        return Request(self.method, path, self.gives, content, headers, query, harmless, self.seconds)


def _plain(value: Any) -> str:
    """A value as a query has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def members(**given: Any) -> dict[str, Any]:
    """Members of a body or a query, less what was left out. Python's own words have a line behind them: `class_`."""
    return {name.rstrip("_"): value for name, value in given.items() if value is not None}


class Resource(Generic[L]):
    """Some of what a gateway can be asked for, on a line to it."""

    def __init__(self, line: L):
        self.line: L = line


class Method(Generic[P, R]):
    """What a method of a resource is made of: where it leads, and what it sends there."""

    def __init__(self, door: Door[R], describe: Callable[Concatenate[Any, P], Asked]):
        self.door, self._describe, self.__doc__ = door, describe, describe.__doc__

    def bound(self, owner: Any, send: Callable[[Request[R]], Any]) -> Callable[P, Any]:
        """The method as its caller has it."""

        @wraps(self._describe)
        def method(*args: P.args, **more: P.kwargs) -> Any:
            return send(self.door.request(self._describe(owner, *args, **more)))

        return method


class Ask(Method[P, R]):
    """Asks, and returns what came back."""

    @overload
    def __get__(self, owner: Resource[Line], kind: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, owner: Resource[AsyncLine], kind: type) -> Callable[P, Coroutine[Any, Any, R]]: ...
    def __get__(self, owner: Any, kind: type) -> Any:
        return self.bound(owner, owner.line.do) if owner is not None else self


class Listed(Method[P, Page[T]]):
    """Goes through a list, page after page."""

    @overload
    def __get__(self, owner: Resource[Line], kind: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, owner: Resource[AsyncLine], kind: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, owner: Any, kind: type) -> Any:
        return self.bound(owner, owner.line.pages) if owner is not None else self


class Live(Method[P, E]):
    """Follows something until it is over."""

    @overload
    def __get__(self, owner: Resource[Line], kind: type) -> Callable[P, Iterator[E]]: ...
    @overload
    def __get__(self, owner: Resource[AsyncLine], kind: type) -> Callable[P, AsyncIterator[E]]: ...
    def __get__(self, owner: Any, kind: type) -> Any:
        return self.bound(owner, owner.line.watch) if owner is not None else self


def ask(
    method: str, path: str, gives: type[R], **about: Any
) -> Callable[[Callable[Concatenate[Any, P], Asked]], Ask[P, R]]:
    """A door that is asked once. `about`: as `Door` has it."""
    return lambda describe: Ask(Door(method, path, gives, **about), describe)


def listed(path: str, items: type[T]) -> Callable[[Callable[Concatenate[Any, P], Asked]], Listed[P, T]]:
    """A list that comes in pages."""
    return lambda describe: Listed(Door("GET", path, Page[items]), describe)  # type: ignore[valid-type]


def live(path: str, gives: type[E]) -> Callable[[Callable[Concatenate[Any, P], Asked]], Live[P, E]]:
    """A door that tells what happens as it happens. `gives` says of itself when it is `over`."""
    return lambda describe: Live(Door("GET", path, gives, seconds=SILENCE), describe)
