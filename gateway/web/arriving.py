"""A body with one long list in it, taken apart while it arrives: each item is decoded by itself and let go, so that of
the document nothing is in memory but what its items were decoded to.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

from aiohttp import web
from msgspec import MsgspecError, json

from gateway.errors import BadInput, BadJson, Fault, Invalid, TooLarge, UnknownField
from gateway.pace import Pace
from gateway.web import body, faults
from gateway.web.routes import Door, LongList

LONGEST = 4 << 20
"""Bytes of one item, and of all that is not in the list."""
OPENING, CLOSING, COMMA = b"[{", b"]}", b","
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|%s)*+[\[\]{}]' % _STRING, re.DOTALL)
_TO_COMMA = re.compile(rb'(?:[^"\[\]{},]++|%s)*+[\[\]{},]' % _STRING, re.DOTALL)
_NAME_OF_LIST = re.compile(rb"(%s)\s*:\s*\[\Z" % _STRING, re.DOTALL)


class Items(NamedTuple):
    """The items of a list, each with its place in it: those whose form is right, decoded, and the first fault of each
    that is left out; and a digest of them all."""

    understood: list[tuple[int, Any]]
    faulty: list[tuple[int, Fault]]
    digest: bytes


async def read(request: web.BaseRequest, door: Door) -> tuple[Any, Items]:
    """The body as what the door takes, with a 0 instead of the items of its long list; and these. Raises as `body.read`
    and `body.decode` do, BadJson also for an item that no two readers would read alike."""
    assert door.many is not None  # noqa: S101 whoever has no such list is read by `body`
    apart, decoding, pace = Apart(door.many.member), _Decoding(door.many), Pace()
    async for part in body.parts(request, door.largest):
        for item in apart.feed(part):
            decoding.take(item)
            await pace()
    return _frame(apart.frame(), door.takes, door.many, decoding.count), decoding.items()


def _frame(raw: bytes, type_: Any, many: LongList, count: int) -> Any:
    """The frame as `type_`, when the list in it had so many items."""
    at = f"/{many.member}"
    wrong = [Fault(at, "too-many", f"at most {many.most:,} of them")] if count > many.most else []
    try:
        order = body.decode(raw, type_)
    except (Invalid, UnknownField) as error:
        wrong += [fault for fault in error.faults if not count or fault.pointer != at]
        raise faults.refusal(wrong) from None
    if wrong:
        raise Invalid(faults=wrong)
    return order


class Apart:
    """Takes a document apart as it comes in: the items of the list that is its member `name`, and the frame they hang
    in. It looks at brackets and commas alone; whether any of it is JSON, its readers will see."""

    def __init__(self, name: str):
        self._name = name
        self._frame = b""
        self._rest = bytearray()  # what has come and is not told apart yet;
        self._seen, self._depth = 0, 0  # the place up to which its brackets are counted, and how many are open there
        self._enough = 0
        self._listing, self._any = False, False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """The items that are whole now that this part has come; the last part is an empty one. Raises TooLarge."""
        self._rest += part
        if part and len(self._rest) < min(self._enough, LONGEST):
            return
        begun = 0
        while self._listing or self._come_to_list():
            end = self._end_of_item()
            if end is None:
                break
            item, self._listing = bytes(self._rest[begun:end]).strip(body.SPACE), self._rest[end] in COMMA
            if item or self._listing or self._any:
                self._any = True
                yield item
            begun = end + 1
            if not self._listing:
                begun = self._leave_list(end)
        self._drop(begun)
        self._enough = 2 * len(self._rest)  # looked at again when as much has come: a long item is not read many times
        if max(len(self._rest), len(self._frame)) > LONGEST:
            raise TooLarge(f"An item of /{self._name}, or the rest of the body, is larger than {LONGEST >> 20} MiB.")

    def frame(self) -> bytes:
        """All that is not in the list, with a 0 there instead of the items; when the last part has come."""
        return self._frame + self._rest

    def _come_to_list(self) -> bool:
        """Go to where the list begins; False where that has not come."""
        while found := _TO_BRACKET.match(self._rest, self._seen):
            text, self._seen = found.group(), found.end()
            opens = text[-1] in OPENING
            if opens and self._depth == 1 and self._is_list(text):
                self._frame += self._drop(self._seen)
                self._listing, self._depth = True, 0
                return True
            self._depth += 1 if opens else -1
        return False

    def _is_list(self, text: bytes) -> bool:
        """Whether the bracket at the end of this is that of the list."""
        found = _NAME_OF_LIST.search(text)
        with suppress(MsgspecError, UnicodeDecodeError):
            return found is not None and json.decode(found[1]) == self._name
        return False

    def _end_of_item(self) -> int | None:
        """The place of the comma or bracket after the item; None where that has not come."""
        while found := (_TO_BRACKET if self._depth else _TO_COMMA).match(self._rest, self._seen):
            self._seen = found.end()
            last = self._rest[self._seen - 1]
            if last in OPENING:
                self._depth += 1
            elif self._depth:
                self._depth -= 1
            else:
                return self._seen - 1
        return None

    def _leave_list(self, end: int) -> int:
        """Go on with the frame at the bracket that ends the list; 0, the place where it now is."""
        self._frame += b"0" if self._any else b""
        self._drop(end)
        self._depth = 1
        return 0

    def _drop(self, count: int) -> bytes:
        """Take the first bytes away; they are told apart."""
        dropped = bytes(self._rest[:count])
        del self._rest[:count]
        self._seen -= count
        return dropped


class _Decoding:
    """Decodes items as they come."""

    def __init__(self, many: LongList):
        self._many = many
        self._understood: list[tuple[int, Any]] = []
        self._faulty: list[tuple[int, Fault]] = []
        self._digest = sha256()
        self.count = 0

    def take(self, item: bytes) -> None:
        """Decode one. Of more than there may be nothing is kept. Raises BadJson."""
        index, self.count = self.count, self.count + 1
        if index >= self._many.most:
            return
        try:
            one = body.decode(item, self._many.each)
        except BadJson as error:
            raise BadJson(f"{error} It is item {index} of /{self._many.member}.") from None
        except BadInput as error:
            fault = error.faults[0]
            self._faulty.append((index, fault._replace(pointer=f"/{self._many.member}/{index}{fault.pointer}")))
            self._digest.update(item)
        else:
            self._understood.append((index, one))
            self._digest.update(json.encode(one))

    def items(self) -> Items:
        """All that were decoded."""
        return Items(self._understood, self._faulty, self._digest.digest())
