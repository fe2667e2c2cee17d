"""The line to a gateway, for programs that wait and for programs that do not. What is said on it is the same."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

import httpx2

from guest_gateway.patience import Patience
from guest_gateway.request import Outcome, Page, Request
from guest_gateway.watch import HUNG_UP, E, Watch

R = TypeVar("R")
T = TypeVar("T")


class Line:
    """Asks, and waits for the answer."""

    def __init__(self, http: httpx2.Client, patience: Patience):
        self.http, self._patience = http, patience

    def do(self, request: Request[R]) -> R:
        """The answer. Raises GatewayError."""
        tried = 1
        while (wait := self._patience.wait(request, outcome := self._try(request), tried)) is not None:
            time.sleep(wait)
            tried += 1
        return request.answer(outcome)

    def _try(self, request: Request[Any]) -> Outcome:
        try:
            return self.http.request(**request.as_sent())
        except httpx2.TransportError as error:
            return error

    def pages(self, request: Request[Page[T]]) -> Iterator[T]:
        """Every item of a list, page after page."""
        while True:
            page = self.do(request)
            yield from page.items
            if page.next_cursor is None:
                return
            request = request.at(page.next_cursor)

    def watch(self, request: Request[E]) -> Iterator[E]:
        """What happens, as it happens, up to the last of it. Raises GatewayError."""
        watch = Watch(request, self._patience)
        while not watch.over:
            outcome: Outcome = HUNG_UP
            try:
                with self.http.stream(**watch.request.as_sent()) as answer:
                    if answer.is_success:
                        for event in httpx2.EventSource(answer):
                            yield watch.saw(event)
                    else:
                        answer.read()
                        outcome = answer
            except httpx2.TransportError as error:
                outcome = error
            time.sleep(watch.pause(outcome))


class AsyncLine:
    """Asks, and lets others go on until the answer is there."""

    def __init__(self, http: httpx2.AsyncClient, patience: Patience):
        self.http, self._patience = http, patience

    async def do(self, request: Request[R]) -> R:
        """The answer. Raises GatewayError."""
        tried = 1
        while (wait := self._patience.wait(request, outcome := await self._try(request), tried)) is not None:
            await asyncio.sleep(wait)
            tried += 1
        return request.answer(outcome)

    async def _try(self, request: Request[Any]) -> Outcome:
        try:
            return await self.http.request(**request.as_sent())
        except httpx2.TransportError as error:
            return error

    async def pages(self, request: Request[Page[T]]) -> AsyncIterator[T]:
        """Every item of a list, page after page."""
        while True:
            page = await self.do(request)
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            request = request.at(page.next_cursor)

    async def watch(self, request: Request[E]) -> AsyncIterator[E]:
        """What happens, as it happens, up to the last of it. Raises GatewayError."""
        watch = Watch(request, self._patience)
        while not watch.over:
            outcome: Outcome = HUNG_UP
            try:
                async with self.http.stream(**watch.request.as_sent()) as answer:
                    if answer.is_success:
                        async for event in httpx2.EventSource(answer):
                            yield watch.saw(event)
                    else:
                        await answer.aread()
                        outcome = answer
            except httpx2.TransportError as error:
                outcome = error
            await asyncio.sleep(watch.pause(outcome))
