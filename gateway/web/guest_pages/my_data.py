"""`/p/…/data` and where it leads: what is held about a guest, his wishes about it, the code that proves it is him."""

from typing import Any, cast, get_args

from aiohttp import web

from gateway.answers import Answer
from gateway.catalogue import LANGUAGES, spoken
from gateway.errors import Invalid
from gateway.model import RequestKind
from gateway.privacy import Visitor
from gateway.privacy.requests.acts import PERSON
from gateway.privacy.requests.notices import number
from gateway.store.data_requests import Request
from gateway.web import download
from gateway.web.door import Call
from gateway.web.guest_pages.frame import GuestRoutes, form_token, links_to, own_form, page, visitor, words_for

KINDS: tuple[RequestKind, ...] = ("access", "rectification", "erasure", "portability", "restriction", "objection")
"""The wishes, in the order they are offered."""
LONGEST_NOTE = 2000
ZIP = "application/zip"
LINKS = ("by_topic", "stop_all")
routes = GuestRoutes("/p")


@routes.get("/{token}/data")
async def show(call: Call) -> Answer:
    """Show what is held, and offer what can be done about it."""
    who = visitor(call, "preferences")
    visits = call.parts.requests.visits
    guest = visits.guest(who)
    held = visits.held(guest) if guest else None
    language = LANGUAGES.get(spoken(held.language) or "", held.language) if held else None
    return page(call, "my-data", who, held=held, written_in=language, kinds=KINDS, days=call.parts.requests.grace_days,
                form=form_token(call, who), links=links_to(call, who, *LINKS))  # fmt: skip


@routes.post("/{token}/data")
async def ask(call: Call) -> Answer:
    """Take a wish down. What it leads to goes to the address that is known, never onto this page."""
    who = visitor(call, "preferences")
    fields = await own_form(call, who)
    wish = fields.get("wish", [""])[0]
    kind = cast(RequestKind, wish if wish in get_args(RequestKind) else "access")
    note = fields.get("note", [""])[0].strip()[:LONGEST_NOTE] if kind == "rectification" else ""
    asked = await call.parts.requests.visits.ask(who, kind, note or None)
    if asked.outcome == "otherwise":
        return page(call, "my-data-otherwise", who, switch=False)
    return _said(call, who, asked.outcome, asked.request)


@routes.get("/{token}/proof")
async def code(call: Call) -> Answer:
    """Ask for the code that came with this link."""
    who = visitor(call, "mydata")
    _, purpose = call.parts.requests.visits.asked(who)
    return _code(call, who, purpose)


@routes.post("/{token}/proof", also=(422,))
async def prove(call: Call) -> Answer | web.StreamResponse:
    """Take the code: then the request is proven, or the copy comes."""
    who = visitor(call, "mydata")
    request, purpose = call.parts.requests.visits.asked(who)
    fields = await own_form(call, who)
    await call.guess(spared=True)
    try:
        request = await call.parts.requests.visits.prove(request, purpose, fields.get("code", [""])[0][:40])
    except Invalid:
        return _code(call, who, purpose, status=422, wrong=True)
    if purpose == "copy":
        pieces = await call.parts.requests.copies.begin(request, PERSON)
        return await download.give(call, pieces, ZIP, f"{number(request)}.zip")
    return _said(call, who, "graced" if request.status == "grace" else "proven", request)


@routes.get("/{token}/undo")
async def consider(call: Call) -> Answer:
    """Ask once more whether the data is to be kept."""
    who = visitor(call, "undo")
    request = call.parts.requests.visits.waiting(who)
    return page(call, "my-data-undo", who, day=_day(call, who, request), form=form_token(call, who))


@routes.post("/{token}/undo")
async def keep(call: Call) -> Answer:
    """Take the erasure back."""
    who = visitor(call, "undo")
    request = call.parts.requests.visits.waiting(who)
    await own_form(call, who)
    await call.parts.requests.visits.keep(request)
    return _said(call, who, "kept", request)


def _code(call: Call, who: Visitor, purpose: str, status: int = 200, wrong: bool = False) -> Answer:
    return page(call, "my-data-code", who, status=status, purpose=purpose, wrong=wrong, form=form_token(call, who),
                switch=not wrong)  # fmt: skip


def _said(call: Call, who: Visitor, what: str, request: Request) -> Answer:
    known: dict[str, Any] = {"request": number(request), "day": _day(call, who, request)}
    return page(call, "my-data-said", who, what=what, known=known, switch=False)


def _day(call: Call, who: Visitor, request: Request) -> str:
    """The day something is erased, or answered by."""
    moment = request.due_at - 1 if request.erase_at is None else request.erase_at
    return words_for(call, who).day(moment, call.parts.config.venue.timezone)
