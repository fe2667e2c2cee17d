"""What callers hand in about guests and what they are shown, as types. The type is the validation."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway.model import GuestStatus
from gateway.orders import Address, Country, Included, Instant, Language, Region, Slug, Zone
from gateway.pages import PageQuery
from gateway.sheet import Line, Reading

ContactKind = Literal["email", "phone"]
KINDS: tuple[ContactKind, ...] = ("email", "phone")
MOST_CONTACTS, MOST_TAGS = 20, 50
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Source = Annotated[str, Meta(min_length=1, max_length=200, description="Who gave it to you, in your own words")]
Tags = Annotated[list[Slug], Meta(max_length=MOST_TAGS)]


class ContactOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An address at which a guest can be reached."""

    kind: ContactKind
    address: Address


class GuestOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A new guest."""

    contacts: Annotated[list[ContactOrder], Meta(min_length=1, max_length=MOST_CONTACTS)]
    name: Name | None = None
    country: Country | None = None
    region: Region | None = None
    timezone: Zone | None = None
    language: Language | None = None
    tags: Tags | None = None
    source: Source | None = None


class ContactsEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """Contact points to be added, and ids of those to be taken away."""

    add: Annotated[list[ContactOrder], Meta(max_length=MOST_CONTACTS)] = []
    remove: Annotated[list[str], Meta(max_length=MOST_CONTACTS)] = []


class GuestEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What changes about a guest (RFC 7396): a member left out stays, null takes it away."""

    name: Name | UnsetType | None = UNSET
    country: Country | UnsetType | None = UNSET
    region: Region | UnsetType | None = UNSET
    timezone: Zone | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    source: Source | UnsetType | None = UNSET
    contacts: ContactsEdit = ContactsEdit()


class SearchOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The address whose guests are looked for: one of the two."""

    email: Address | None = None
    phone: Address | None = None


class ContactView(Struct, frozen=True):
    """A contact point; its address is part of the content."""

    id: str
    kind: str
    created_at: str


class AddressView(Struct, frozen=True):
    """The address of a contact point."""

    id: str
    kind: str
    address: str


class GuestContent(Struct, frozen=True):
    """What of a guest is sealed."""

    name: str | None
    source: str | None
    contacts: list[AddressView]


class GuestView(Struct, kw_only=True):
    """A guest as he stands."""

    id: str
    version: int
    status: GuestStatus
    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    tags: list[str]
    contacts: list[ContactView]
    created_at: str
    updated_at: str
    content: GuestContent | None = None


class GuestList(Struct, frozen=True):
    """A page of guests, newest first."""

    items: list[GuestView]
    next_cursor: str | None


class ImportedConsents(Struct):
    """Of the consents of a list: how many there are, how many count, and how many lack what, by its column."""

    told: int = 0
    counting: int = 0
    missing: dict[str, int] = field(default_factory=dict)


class ImportReport(Reading, kw_only=True):
    """What came of an import, or would come of it."""

    id: str | None = None
    mode: Literal["all", "partial"]
    dry_run: bool
    stored: bool = False
    created: int = 0
    filled: int = 0
    unchanged: int = 0
    duplicates: int = 0
    consents: ImportedConsents = field(default_factory=ImportedConsents)

    def agreed(self, line: int, missing: Sequence[str]) -> None:
        """Count a consent, and note what it lacks to count."""
        self.consents.told += 1
        self.consents.counting += not missing
        for column in missing:
            self.consents.missing[column] = self.consents.missing.get(column, 0) + 1
            self.note(Line(line, "consent-incomplete", column))


class GuestQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which guests: those of whom all of it is true."""

    tag: Slug | None = None
    language: str | None = None
    country: str | None = None
    status: GuestStatus | None = None
    has: Literal["email", "phone"] | None = None
    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    include: Included | None = None


class ImportQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How a list is taken in: all of it or what is good of it, or only looked at; and what it calls our columns."""

    mode: Literal["all", "partial"] = "all"
    dry_run: bool = False
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None
    language: str | None = None
    tags: str | None = None
    source: str | None = None
    consent_kind: str | None = None
    consent_channels: str | None = None
    consent_categories: str | None = None
    consent_source: str | None = None
    consent_wording: str | None = None
    consent_proof: str | None = None
    consent_granted_at: str | None = None
    consent_confirmed_at: str | None = None
    consent_event_at: str | None = None
    consent_ends_at: str | None = None
    consent_expires_at: str | None = None
    consent_flags: str | None = None
