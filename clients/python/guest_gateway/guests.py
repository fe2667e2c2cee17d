"""Guests: one, many, whoever has an address; new ones, edits; whole lists in and out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import Any, Literal, TypedDict, Unpack

from msgspec import Struct, field

from guest_gateway.data_requests import DataRequest
from guest_gateway.doors import LARGE, Asked, L, Resource, ask, listed, members
from guest_gateway.judgement import Judgement
from guest_gateway.messages import including
from guest_gateway.request import Page

ContactKind = Literal["email", "phone"]


class Contact(TypedDict):
    """An address at which a guest can be reached."""

    kind: ContactKind
    address: str


class ContactPoint(Struct, frozen=True):
    """A way to reach a guest. Its `address` is there where the content was asked for."""

    id: str
    kind: str
    created_at: datetime | None = None
    address: str | None = None


class GuestContent(Struct, frozen=True):
    """What of a guest is sealed."""

    name: str | None = None
    source: str | None = None
    contacts: list[ContactPoint] = []


class Guest(Struct, frozen=True, kw_only=True):
    """A guest as he stands; `content` is there when it was asked for."""

    id: str
    version: int
    status: str
    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    tags: list[str]
    contacts: list[ContactPoint]
    created_at: datetime
    updated_at: datetime
    content: GuestContent | None = None


class Permit(Struct, frozen=True, kw_only=True):
    """The judgement of a message of this channel and class; `since` when the consent or suppression that decides it was
    given, and `by` which of both it was."""

    channel: str
    class_: str = field(name="class")
    since: datetime | None
    by: str | None
    compliance: Judgement


class Permits(Struct, frozen=True):
    """What may be sent to a guest."""

    guest_id: str
    category: str
    at: datetime
    permits: list[Permit]


class Particulars(TypedDict, total=False):
    """What is known of a guest; None in an edit takes it away."""

    name: str | None
    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    tags: list[str] | None
    source: str | None


class Line(Struct, frozen=True):
    """Something about a line of a list; `column` is one of ours, where one is at fault."""

    line: int
    code: str
    column: str | None = None


class Import(Struct, frozen=True, kw_only=True):
    """What came of a list, or would come of it: how the file was read, how many guests it made or added to, and which
    lines cannot be used."""

    id: str | None = None
    mode: str
    dry_run: bool
    stored: bool = False
    created: int = 0
    filled: int = 0
    unchanged: int = 0
    duplicates: int = 0
    consents: dict[str, Any] = {}
    encoding: str
    guessed: bool
    delimiter: str
    columns: dict[str, int]
    ignored_columns: list[int]
    rows: int = 0
    faulty: int = 0
    lines: list[Line] = []
    lines_left_out: int = 0


class HoldContent(Struct, frozen=True):
    """What of a hold is sealed."""

    reason: str


class Hold(Struct, frozen=True, kw_only=True):
    """A legal hold on a guest; `content` is there when it was asked for."""

    guest_id: str
    placed_at: datetime
    placed_by: str
    ended_at: datetime | None
    content: HoldContent | None = None


class Guests(Resource[L]):
    """Names and addresses (`content=True`) need the scope `read.content`; reading them is noted in the audit log."""

    @listed("guests", Guest)
    def list(
        self,
        *,
        tag: str | None = None,
        language: str | None = None,
        country: str | None = None,
        status: str | None = None,
        has: ContactKind | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        content: bool = False,
        limit: int | None = None,
    ) -> Asked:
        """Guests, newest first. `limit` is a page's size."""
        query = members(tag=tag, language=language, country=country, status=status, has=has, from_=from_, to=to,
                        limit=limit)  # fmt: skip
        return Asked(query=query | including(content))

    @ask("POST", "guests", Guest)
    def add(self, contacts: Sequence[Contact], **particulars: Unpack[Particulars]) -> Asked:
        """A new guest, even where somebody else has the same address."""
        return Asked(body=members(contacts=contacts, **particulars))

    @ask("GET", "guests/{}", Guest)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One guest."""
        return Asked((id,), query=including(content))

    @ask("GET", "guests/{}/compliance", Permits)
    def compliance(self, id: str, *, category: str | None = None) -> Asked:
        """What may be sent to a guest now, over each channel and of each class, and why."""
        return Asked((id,), query=members(category=category))

    @ask("PATCH", "guests/{}", Guest)
    def edit(
        self,
        id: str,
        *,
        version: int | None = None,
        add: Sequence[Contact] = (),
        remove: Sequence[str] = (),
        **particulars: Unpack[Particulars],
    ) -> Asked:
        """Change what is known of a guest who still is in this version; what is not named stays. `add` and `remove` are
        contact points, the latter by their ids. Raises Precondition, Conflict."""
        contacts = {"contacts": {"add": add, "remove": remove}} if add or remove else {}
        return Asked((id,), {**particulars, **contacts}, version=version)

    @ask("POST", "guests/{}/hold", Hold)
    def hold(self, id: str, reason: str) -> Asked:
        """From now on nothing of a guest is erased and nothing ages. Raises Conflict where that is so already."""
        return Asked((id,), {"reason": reason})

    @ask("GET", "guests/{}/hold", Hold)
    def held(self, id: str, *, content: bool = False) -> Asked:
        """The hold on a guest. Raises NotFound where there is none."""
        return Asked((id,), query=including(content))

    @ask("DELETE", "guests/{}/hold", NoneType)
    def let_go(self, id: str) -> Asked:
        """End a hold: what waited for that goes on."""
        return Asked((id,))

    @ask("DELETE", "guests/{}", DataRequest)
    def remove(self, id: str, *, version: int | None = None) -> Asked:
        """Erase a guest after some days of grace: the request by which that can be followed, and taken back. Raises
        Precondition, and Conflict under a legal hold."""
        return Asked((id,), version=version)

    @ask("POST", "guests/search", Page[Guest], harmless=True)
    def search(self, *, email: str | None = None, phone: str | None = None, content: bool = False) -> Asked:
        """Everyone who has this address, as one page."""
        return Asked(body=members(email=email, phone=phone), query=including(content))

    @ask("POST", "guests/import", Import, seconds=LARGE)
    def import_csv(
        self,
        csv: bytes,
        *,
        mode: Literal["all", "partial"] = "all",
        dry_run: bool = False,
        columns: Mapping[str, str] | None = None,
    ) -> Asked:
        """Take in a list of up to 100,000 lines. `columns`: what ours are called in yours. Raises Invalid with a
        `told.report` where a line cannot be used, unless `partial` takes in the others."""
        query: dict[str, Any] = {"mode": mode, "dry_run": dry_run, **(columns or {})}
        return Asked(body=csv, query=query)

    @ask("GET", "guests/export", bytes, seconds=LARGE)
    def export_csv(self, *, tag: str | None = None, content: bool = False) -> Asked:
        """Every guest, or those with a tag, as CSV."""
        return Asked(query=members(tag=tag) | including(content))
