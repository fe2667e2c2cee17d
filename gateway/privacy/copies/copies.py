"""Makes the copy: looked through once before the first byte leaves, then written as a page, as JSON and as tables."""

import codecs
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from msgspec import Struct, json

from gateway import sheet
from gateway.callers import Caller
from gateway.catalogue import Catalogue, catalogue, spoken
from gateway.clock import Clock, rfc3339
from gateway.config import Config
from gateway.errors import Conflict
from gateway.guestbook.seals import Seals
from gateway.privacy.copies.archive import Member, zipped
from gateway.privacy.copies.cuts import Cuts
from gateway.privacy.copies.holdings import NOT_GIVEN, Holdings, Row, Section
from gateway.privacy.copies.page import page
from gateway.privacy.requests.notices import number
from gateway.privacy.requests.turn import Office
from gateway.store import data_requests, guestbook, holdings, users
from gateway.store.data_requests import Request
from gateway.store.guestbook import Whole
from gateway.users import Users

FORMAT = "guest-gateway-copy-1"
KINDS = ("access", "portability")
CUTS = ("where", "why", "count")


class Copy(Struct, frozen=True):
    """A copy that is ready to be written. Rows of what is long are read again for each form it is written in."""

    request: Request
    speaks: Catalogue
    sections: list[Section]
    cuts: list[Row]
    made_at: str
    retention: dict[str, str]


class Copies:
    """Makes copies for those who asked for one."""

    def __init__(self, office: Office, seals: Seals, held: Holdings, users_: Users, config: Config, clock: Clock):
        self._office, self._seals, self._held, self._users = office, seals, held, users_
        self._config, self._clock = config, clock

    async def begin(self, request: Request, caller: Caller) -> AsyncIterator[bytes]:
        """The ZIP, piece by piece; who takes it is noted first. Raises Conflict for a request that has no copy: of
        another kind, of somebody nobody made sure of, of a guest who is gone."""
        copy = await self._prepare(request)
        counts: dict[str, int] = {}
        for cut in copy.cuts:
            counts[cut["why"]] = counts.get(cut["why"], 0) + cut["count"]
        await self._office.act(
            request, caller, lambda turn: turn.note("exported", **({"cuts": counts} if counts else {}))
        )
        return zipped(_members(copy, self._config.venue.timezone), self._clock.now())

    async def _prepare(self, request: Request) -> Copy:
        if request.kind not in KINDS:
            raise Conflict("Only a request for a copy has one.")
        if request.verified_at is None or request.status not in ("open", "done"):
            raise Conflict("Nobody has made sure yet who asks.")
        guest = guestbook.find(self._office.db.reader, request.guest_uuid) if request.guest_uuid else None
        if guest is None:
            raise Conflict("Nothing is held about whoever asked.")
        cuts = await self._cuts(request, guest)
        wanted = [one for one in self._held.sections(guest) if one.given or request.kind == "access"]
        sections = [await _looked_through(one, cuts, request.kind == "portability") for one in wanted]
        found = [{"where": where, "why": why, "count": count} for (where, why), count in sorted(cuts.found.items())]
        speaks = catalogue(spoken(guest.language) or spoken(self._config.venue.language) or "en")
        return Copy(request, speaks, sections, found, rfc3339(self._clock.now()), self._kept_for())

    def _kept_for(self) -> dict[str, str]:
        """How long what is kept (GDPR art. 15(1)(d))."""
        periods = self._config.retention
        return {name: getattr(periods, name) for name in ("bodies", "events", "inactive_guests", "consents")}

    async def _cuts(self, request: Request, guest: Whole) -> Cuts:
        """What belongs to others: known from whom he shares an address with, who works here, and what staff marked."""
        db = self._office.db
        points = await db.read(holdings.points, guest.id)
        others = guestbook.some(db.reader, await db.read(holdings.neighbours, guest.id) or [b""])
        mine = self._seals.open_profile(guest).name
        names = [self._seals.open_profile(one).name for one in others]
        staff = [self._users.profile(one).name for one in await db.read(users.page, 1 << 62, 10_000)]
        own = [self._held.address(guest, point) for point in points]
        marked = [
            self._office.open(request, event) or ""
            for event in data_requests.events(db.reader, request.id)
            if event.type == "redacted"
        ]
        names_of_others = [name for name in (*names, *staff) if name and name.casefold() != (mine or "").casefold()]
        return Cuts([*own, *self._house()], names_of_others, "\n".join(marked).splitlines())

    def _house(self) -> list[str]:
        """The venue's own addresses, which are nobody's secret."""
        senders = [self._config.sender, *self._config.senders.values()]
        return [address for one in senders for address in (one.email, one.phone, one.contact) if address]


async def _looked_through(section: Section, cuts: Cuts, given_only: bool) -> Section:
    """A section from which everybody else was taken out. One that is long is read again when it is written."""
    clean = partial(_clean, section, cuts, given_only)
    fields = tuple(field for field in section.fields if not (given_only and field in NOT_GIVEN))
    if section.name == "messages":
        async for rows in section.rows():
            clean(rows)
        return Section(section.name, fields, _cleaned(section, clean), section.given)
    kept = [row async for rows in section.rows() for row in clean(rows)]
    return Section(section.name, fields, _kept(kept), section.given)


def _clean(section: Section, cuts: Cuts, given_only: bool, rows: list[Row]) -> list[Row]:
    return [
        {
            field: cuts.made(value, f"{section.name}/{row.get('id', number_)}/{field}")
            for field, value in row.items()
            if not (given_only and field in NOT_GIVEN)
        }
        for number_, row in enumerate(rows)
    ]


def _kept(rows: list[Row]) -> Callable[[], AsyncIterator[list[Row]]]:
    async def again() -> AsyncIterator[list[Row]]:
        yield rows

    return again


def _cleaned(section: Section, clean: Callable[[list[Row]], list[Row]]) -> Callable[[], AsyncIterator[list[Row]]]:
    async def again() -> AsyncIterator[list[Row]]:
        async for rows in section.rows():
            yield clean(rows)

    return again


# -- the files in it --------------------------------------------------------------------------------------------------


async def _members(copy: Copy, zone: str) -> AsyncIterator[Member]:
    yield "index.html", partial(page, copy, zone)
    yield "data.json", partial(_document, copy)
    for section in copy.sections:
        yield f"{section.name}.csv", partial(_table, section)
    if copy.cuts:
        yield "cuts.csv", partial(_table, Section("cuts", CUTS, _kept(copy.cuts)))


async def _document(copy: Copy) -> AsyncIterator[bytes]:
    """All of it for programs: `art_20` marks what is to be portable."""
    head = {"format": FORMAT, "request": number(copy.request), "kind": copy.request.kind, "made_at": copy.made_at}
    yield json.encode(head)[:-1] + b',"sections":['
    for place, section in enumerate(copy.sections):
        about = {"name": section.name, "art_20": section.given}
        yield (b"," if place else b"") + json.encode(about)[:-1] + b',"items":['
        first = True
        async for rows in section.rows():
            if rows:
                yield (b"" if first else b",") + json.encode(rows)[1:-1]
                first = False
        yield b"]}"
    yield b'],"cuts":' + json.encode(copy.cuts) + b',"retention":' + json.encode(copy.retention) + b"}\n"


async def _table(section: Section) -> AsyncIterator[bytes]:
    """A section for a spreadsheet."""
    yield codecs.BOM_UTF8 + sheet.write([section.fields])
    async for rows in section.rows():
        if rows:
            yield sheet.write([[_cell(row.get(field)) for field in section.fields] for row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_cell, value))
    if isinstance(value, dict):
        return json.encode(value).decode() if value else ""
    return "" if value is None else str(value)
