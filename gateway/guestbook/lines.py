"""The lines of a list of guests: each becomes an entry, or what is wrong with it, which never repeats what it says."""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, ValidationError, convert, structs

from gateway.addresses import zones
from gateway.errors import Invalid
from gateway.guestbook import agreements
from gateway.guestbook.agreements import Agreed
from gateway.guestbook.forms import KINDS, MOST_CONTACTS, MOST_TAGS, Name, Source, Tags
from gateway.guestbook.seals import Profile
from gateway.orders import Country, Language, Region, Zone
from gateway.rules import ConsentEvent
from gateway.sheet import Line
from gateway.store.guestbook import Whole
from gateway.vault import Index

COLUMNS = (
    "name", "email", "phone", "country", "region", "timezone", "language", "tags", "source", *agreements.COLUMNS
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WRITTEN: dict[str, Callable[[str], object]] = {
    "country": str.upper,
    "region": str.upper,
    "tags": lambda cell: list(dict.fromkeys(re.split(r"[;,\s]+", cell.lower().strip(";, ")))),
}
"""How a cell is to be taken where a list may be less strict than the API."""


class About(Struct, frozen=True):
    """What a line says about a guest besides his addresses."""

    name: Name | None = None
    country: Country | None = None
    region: Region | None = None
    timezone: Zone | None = None
    language: Language | None = None
    source: Source | None = None
    tags: Tags = []


class Entry(Struct, frozen=True):
    """A line that can be used; contacts are kind, normal form, blind index."""

    about: About
    contacts: tuple[tuple[str, str, bytes], ...]
    agreed: tuple[Agreed, ...] = ()


class Lines:
    """Reads lines whose columns stand at the given places."""

    def __init__(self, index: Index, columns: Mapping[str, int]):
        self._index, self._columns = index, columns

    def read(self, line: int, cells: Sequence[str] | None) -> Entry | list[Line]:
        """The entry of a line; or all that is wrong with it."""
        if cells is None:
            return [Line(line, "unreadable")]
        said = {column: cells[at] for column, at in self._columns.items() if cells[at]}
        faults = [Line(line, "control-character", name) for name, cell in said.items() if _CONTROL.search(cell)]
        if faults:
            return faults
        agreed = agreements.read(line, {name: said.pop(name) for name in agreements.COLUMNS if name in said}, faults)
        contacts = []
        for kind in KINDS:
            for address in filter(None, map(str.strip, said.pop(kind, "").split(";"))):
                try:
                    normal = self._index.normalise(kind, address)
                except Invalid:
                    faults.append(Line(line, f"bad-{kind}", kind))
                    continue
                contacts.append((kind, normal, self._index.blind(kind, normal)))
        about = self._about(line, {name: _WRITTEN.get(name, str)(cell) for name, cell in said.items()}, faults)
        if not contacts and not faults:
            faults.append(Line(line, "no-address"))
        if len(contacts) > MOST_CONTACTS:
            faults.append(Line(line, "too-many-addresses"))
        return faults or Entry(about, tuple(dict.fromkeys(contacts)), agreed)

    def _about(self, line: int, said: dict[str, object], faults: list[Line]) -> About:
        """All but the addresses; adds what is wrong with it to the faults."""
        if said.get("timezone", "UTC") not in zones():
            faults.append(Line(line, "bad-timezone", "timezone"))
        try:
            return convert(said, About)
        except ValidationError:
            for name, value in said.items():
                try:
                    convert({name: value}, About)
                except ValidationError:
                    faults.append(Line(line, f"bad-{name}", name))
            return About()


def both(first: Entry, later: Entry) -> Entry:
    """Two lines about one guest: the later one adds what the first does not say."""
    facts = {
        name: getattr(first.about, name) or getattr(later.about, name) for name in About.__struct_fields__
    } | {"tags": list(dict.fromkeys([*first.about.tags, *later.about.tags]))[:MOST_TAGS]}  # fmt: skip
    contacts = tuple(dict.fromkeys([*first.contacts, *later.contacts]))
    agreed = tuple(dict.fromkeys([*first.agreed, *later.agreed]))
    return Entry(About(**facts), contacts[:MOST_CONTACTS], agreed)


def lacking(guest: Whole, profile: Profile, ledger: Sequence[ConsentEvent], entry: Entry) -> Entry | None:
    """What of a line a guest in the store lacks; None if nothing. What he has is never overwritten."""
    about, has = entry.about, {contact.blind for contact in guest.contacts}
    new = structs.replace(
        about,
        **{name: None for name in ("country", "region", "timezone", "language") if getattr(guest, name)},
        **{name: None for name in ("name", "source") if getattr(profile, name)},
        tags=[tag for tag in about.tags if tag not in guest.tags][: MOST_TAGS - len(guest.tags)],
    )
    contacts = [contact for contact in entry.contacts if contact[2] not in has][: MOST_CONTACTS - len(has)]
    agreed = agreements.unknown(entry.agreed, ledger) if entry.agreed else ()
    return Entry(new, tuple(contacts), agreed) if contacts or agreed or new != NOTHING else None


NOTHING = About()
