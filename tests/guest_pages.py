"""Pages as a guest's browser sees them: what they are made of, and links that lead to them."""

import re
from html.parser import HTMLParser
from urllib.parse import urlencode

from gateway import ids

FORM = {"Authorization": None, "Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
STRANGER = {"Authorization": None, "Accept-Language": "en"}


class Page(HTMLParser):
    """A page: its tags with their attributes, and its visible text."""

    def __init__(self, raw: bytes):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.source = raw.decode()
        self.feed(self.source)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """The attributes of every such tag."""
        return [known for name, known in self.tags if name == tag and wanted.items() <= known.items()]

    @property
    def heading(self) -> str:
        return " ".join(re.sub("<[^>]+>", "", re.search("<h1[^>]*>(.*?)</h1>", self.source, re.DOTALL)[1]).split())

    @property
    def title(self) -> str:
        return re.search("<title>(.*?)</title>", self.source)[1]

    @property
    def ticked(self) -> set[str]:
        """The values of what is chosen."""
        return {one["value"] for one in self.all("input") if "checked" in one}

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What goes with the form unseen."""
        return [(one["name"], one["value"]) for one in self.all("input", type="hidden")]


def link(run, purpose: str, address: str, message: str | None = None) -> str:
    """The path of a page for whoever has this address, as a link in this message leads there."""
    kind, channel = ("email", "email") if "@" in address else ("phone", "sms")
    blind = run.gateway.vault.index.blind(kind, address)
    uuid = ids.parse("msg", message) if message else b"m" * 16
    where = {"unsubscribe": "u", "preferences": "p"}[purpose]
    return f"/{where}/{run.gateway.vault.links.make(purpose, blind, channel, uuid, 20_000)}"


async def look(run, path: str, **headers: str) -> tuple[int, Page]:
    """A page as it is shown."""
    reply = await run.call("GET", path, headers=STRANGER | headers)
    return reply.status, Page(reply.raw)


async def press(run, path: str, **fields: str) -> tuple[int, Page]:
    """A page's answer to a form with these fields."""
    return await send(run, path, list(fields.items()))


async def send(run, path: str, fields: list[tuple[str, str]]) -> tuple[int, Page]:
    """The same, for fields that come more than once."""
    reply = await run.call("POST", path, urlencode(fields).encode(), headers=FORM)
    return reply.status, Page(reply.raw)
