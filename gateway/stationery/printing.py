"""Finds the template for a guest and prints from it. A compiled version is kept: it never changes."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct, json

from gateway.addresses import Addresses
from gateway.compose import Declared, declared
from gateway.errors import Fault, Invalid
from gateway.model import ChannelName
from gateway.orders import SendOrder, TemplateOrder
from gateway.store import templates
from gateway.store.db import Database
from gateway.store.templates import Named, Template
from gateway.templates import Printed, Ready, Words, chain
from gateway.vault import Vault

Kind = TypeVar("Kind")
KEPT = 200
"""Compiled versions that are kept."""


class Sheet(Struct, frozen=True, omit_defaults=True):
    """What is sealed of a version: as it was written, as it was made ready, and what was declared of it."""

    words: Words
    ready: Ready
    declares: Declared = Declared()


class Stock(Struct, frozen=True):
    """A compiled version. `press.print(variables)` gives the words of one message, waits for nothing and raises
    BadTemplate; `version_id` is what a message printed from it carries."""

    version_id: int
    language: str
    declares: Declared
    press: Any


class Stocks(Struct, frozen=True):
    """The templates of one name and channel, by language, all compiled: enough for any number of guests."""

    by_language: Mapping[str, Stock]
    venue_language: str

    def of(self, language: str | None, pointer: str = "/template") -> Stock:
        """The one for a guest of this language. Raises Invalid when neither his language nor the venue's has one."""
        return best(self.by_language, language, self.venue_language, pointer)


class Printing:
    """Prints messages from templates."""

    def __init__(self, db: Database, vault: Vault, addresses: Addresses, venue_language: str):
        self._db, self._vault, self._addresses, self._language = db, vault, addresses, venue_language
        self._kept: dict[int, Stock] = {}
        self._compiling = asyncio.Lock()

    async def order(self, order: TemplateOrder) -> tuple[SendOrder, int]:
        """The message an order asks for, in its guest's language, and the version it was printed from. Raises Invalid
        for a template there is not, BadTemplate for variables it cannot use."""
        if order.to is None:
            raise Invalid(faults=[Fault("/to", "missing", "a guest, or recipients instead")])
        rows = self._named(order.template, order.channel)
        channel = rows[0].channel
        named = self._addresses.find(order.to, channel)
        language = named.guest.language if named.guest and named.guest.language else named.said.language
        row = best({row.language: row for row in rows}, language, self._language)
        stock = await self.stock(row.version_id)
        words = stock.press.print(order.variables)
        return ordered(order, channel, words, stock.declares), stock.version_id

    async def stocks(self, name: str, channel: str | None = None) -> tuple[ChannelName, Stocks]:
        """All languages of a template, compiled, with its channel: for a request that writes to many. Raises Invalid
        as `order` does."""
        rows = self._named(name, channel)
        found = {row.language: await self.stock(row.version_id) for row in rows}
        return rows[0].channel, Stocks(found, self._language)

    def _named(self, name: str, channel: str | None) -> list[Named]:
        """The templates of a name in one channel; where none is said, the only one they are in."""
        rows = templates.named(self._db.reader, name)
        rows = [row for row in rows if channel in (None, row.channel)]
        if not rows:
            raise Invalid(faults=[Fault("/template", "unknown-template", "the name of a template of this channel")])
        if len({row.channel for row in rows}) > 1:
            raise Invalid(
                faults=[Fault("/channel", "missing", "the template is there for several channels: say which")]
            )
        return rows

    async def stock(self, version_id: int) -> Stock:
        """A version, compiled."""
        found = self._kept.get(version_id)
        if found is None:
            async with self._compiling:
                found = self._kept.get(version_id) or await self._compile(version_id)
                if len(self._kept) >= KEPT:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[version_id] = found
        return found

    def kept(self, version_id: int) -> Stock:
        """A version that `stock` has compiled a moment ago."""
        return self._kept[version_id]

    async def _compile(self, version_id: int) -> Stock:
        template = await self._db.read(templates.version, version_id)
        return await asyncio.to_thread(compiled, template, self.open(template))

    def seal(self, uuid: bytes, sheet: Sheet) -> bytes:
        """Seal the words of a version; `uuid` is the version's."""
        return self._vault.seal_venue("template_versions", "sheet", uuid, json.encode(sheet))

    def open(self, template: Template) -> Sheet:
        """The words of a version."""
        sealed = self._vault.open_venue("template_versions", "sheet", template.version_uuid, template.sheet_sealed)
        return json.decode(sealed, type=Sheet)


def compiled(template: Template, sheet: Sheet) -> Stock:
    """A version, compiled."""
    return Stock(template.version_id, template.language, sheet.declares, pressed(sheet.ready, template.language))


def pressed(ready: Ready, language: str) -> Any:
    """What was made ready, compiled. Takes some milliseconds, and a second the first time: call it off the loop."""
    from gateway.templates.press import Press  # noqa: PLC0415 a second, paid by the first template that is used

    return Press(ready, language)


def best(by_language: Mapping[str, Kind], language: str | None, venue: str, pointer: str = "/template") -> Kind:
    """What is there for this language, for a wider one, or for the venue's. Raises Invalid when nothing is."""
    tried = list(chain(language, venue))
    for one in tried:
        if one in by_language:
            return by_language[one]
    raise Invalid(faults=[Fault(pointer, "no-language", f"a template in one of: {', '.join(tried)}")])


def ordered(order: TemplateOrder, channel: ChannelName, words: Printed, declares: Declared) -> SendOrder:
    """The order of a message with these words. What the order declares goes before what the template does."""
    return SendOrder(
        channel=channel,
        to=order.to or "",
        text=words.text,
        class_=order.class_,
        category=order.category,
        subject=words.subject or None,
        html=words.html or None,
        deliver_at=order.deliver_at,
        deliver_zone=order.deliver_zone,
        expires_at=order.expires_at,
        sender=order.sender,
        reference=order.reference,
        metadata=order.metadata,
        declares=declared(declares, order.declares),
        event_date=order.event_date,
    )
