"""The API tells about itself: its description for programs, the same for people, and a page for every error. All of it
is made once, when somebody first asks; nothing in it leads or loads from elsewhere."""

import asyncio
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from hashlib import sha256
from inspect import isclass

from msgspec import json

from gateway import errors
from gateway.answers import Answer
from gateway.errors import GatewayError, NotFound
from gateway.web import manual, openapi, problem
from gateway.web.door import Call
from gateway.web.render import PAGES, render
from gateway.web.routes import Door, Media, Routes

HTML = Media("text/html")


class Docs:
    """The doors that tell of all doors, themselves included."""

    def __init__(self, others: Iterable[Routes]):
        self.routes = Routes(prefix="")
        self._others = tuple(others)
        self.routes.get("/openapi.json", scope=None, gives=Media("application/json"))(self.description)
        self.routes.get("/docs", scope=None, gives=HTML)(self.page)
        self.routes.get("/docs/docs.css", scope=None, gives=Media("text/css"))(self.style)
        self.routes.get("/docs/errors/{slug}", scope=None, gives=HTML)(self.error)

    @cached_property
    def doors(self) -> list[Door]:
        """Every door there is."""
        return [door for group in (*self._others, self.routes) for door in group.doors]

    @cached_property
    def _text(self) -> bytes:
        return openapi.text(self.doors)

    @cached_property
    def _page(self) -> bytes:
        api = json.decode(self._text)
        return render("docs.html", api=api, slugs=sorted(titles()), urn=problem.URN, words=manual.inline)

    async def description(self, call: Call) -> Answer:
        """This description."""
        return await still(call, lambda: self._text, "application/json")

    async def page(self, call: Call) -> Answer:
        """This description, to be read."""
        return await still(call, lambda: self._page, "text/html")

    async def style(self, call: Call) -> Answer:
        """How the pages look."""
        return await still(call, (PAGES / "docs.css").read_bytes, "text/css")

    async def error(self, call: Call) -> Answer:
        """What an error means, and what to do then."""
        return await still(call, lambda: error_page(call.match("slug")), "text/html")


async def still(call: Call, make: Callable[[], bytes], content_type: str) -> Answer:
    """What stays as it is while this version runs: 304 for whoever has it already."""
    body = await asyncio.to_thread(make)
    tag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = (("ETag", tag), ("Cache-Control", "no-cache"))
    if call.request.headers.get("If-None-Match") == tag:
        return Answer(b"", 304, headers, content_type)
    return Answer(body, 200, headers, content_type)


@lru_cache(1)
def titles() -> dict[str, str]:
    """What every error says of itself, by its slug."""
    family = [kind for kind in vars(errors).values() if isclass(kind) and issubclass(kind, GatewayError)]
    return {kind.code: problem.title(kind) for kind in family}


def error_page(slug: str) -> bytes:
    """The manual's words about an error, as a page. Raises NotFound."""
    if slug not in titles():
        raise NotFound()
    first, _, rest = manual.sections("errors.md")[slug].partition("\n\n")
    codes, words = (first, rest) if "exit" in first else ("", f"{first}\n\n{rest}")
    return render("error.html", slug=slug, title=manual.html(titles()[slug]), codes=codes, words=manual.html(words))
