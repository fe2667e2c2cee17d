"""Where the words of a batch come from: as they are, as Liquid in the request, or from a template in many languages."""

import asyncio
from typing import Any

from msgspec import Struct

from gateway import html
from gateway.addresses import Named
from gateway.compose import Declared
from gateway.errors import Fault, Invalid
from gateway.letters import Content
from gateway.model import ChannelName
from gateway.orders import BulkOrder
from gateway.stationery.printing import Printing, Stocks, pressed
from gateway.templates import Ready, Words

LIQUID = ("{{", "{%")


class Wording(Struct):
    """The words of a batch: what its messages share, and what prints them."""

    channel: ChannelName
    content: Content
    press: Any = None
    stocks: Stocks | None = None
    variables: dict[str, Any] = {}

    def prove(self, named: Named, own: dict[str, Any], at: str) -> tuple[dict[str, Any], int | None, Declared | None]:
        """See that a guest's message can be printed; all his variables, the version of the template it will be printed
        from and what that declares. Raises BadTemplate, or Invalid where his language has no template; `at` points to
        the recipient."""
        known = self.variables | own
        if self.stocks is not None:
            language = (named.guest.language if named.guest else None) or named.said.language
            stock = self.stocks.of(language, at)
            stock.press.print(known, f"{at}/variables")
            return known, stock.version_id, stock.declares
        if self.press is not None:
            self.press.print(known, f"{at}/variables")
        return known, None, None


async def wording_of(order: BulkOrder, printing: Printing, language: str) -> Wording:
    """The wording of a bulk order; `language` is the venue's. Raises Invalid for one that has none or two, and
    BadTemplate for Liquid that cannot be used, with line and column."""
    if faults := _faults(order):
        raise Invalid(faults=faults)
    if order.template is not None:
        channel, stocks = await printing.stocks(order.template, order.channel)
        return Wording(channel, Content(), stocks=stocks, variables=order.variables)
    words = Words(order.subject, order.text, html.clean(order.html) if order.html else None)
    assert order.channel is not None  # noqa: S101 it was looked at
    content = Content(order.subject or "", order.text or "", words.html or "")
    if not any(mark in part for mark in LIQUID for part in (content.subject, content.text, content.html)):
        return Wording(order.channel, content, variables=order.variables)
    ready, press = await asyncio.to_thread(_made, words, language)
    return Wording(order.channel, Content(ready=ready), press, variables=order.variables)


def _made(words: Words, language: str) -> tuple[Ready, Any]:
    from gateway.templates.press import make  # noqa: PLC0415 a second, paid by the first template that is used

    ready = make(words, language)
    return ready, pressed(ready, language)


def _faults(order: BulkOrder) -> list[Fault]:
    """What is missing, or too much, among the members that say the words."""
    if order.template is None:
        wanted = [name for name in ("channel", "text") if getattr(order, name) is None]
        return [Fault(f"/{name}", "missing", "needed, or the name of a template") for name in wanted]
    too_much = [name for name in ("subject", "text", "html") if getattr(order, name) is not None]
    return [Fault(f"/{name}", "too-much", "left out: the template has it") for name in too_much]
