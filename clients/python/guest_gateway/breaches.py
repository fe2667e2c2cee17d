"""The register of breaches, its clocks, and the guests being told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from msgspec import Struct

from guest_gateway.batches import Rehearsal, Taken
from guest_gateway.doors import Asked, L, Resource, ask, listed, members
from guest_gateway.messages import including
from guest_gateway.orders import Channel

Risk = Literal["unlikely", "risk", "high"]


class AuthorityWords(Struct, frozen=True):
    """What was said about one authority."""

    reference: str | None = None
    reasons: str | None = None


class BreachContent(Struct, frozen=True):
    """What of a breach is sealed; `authorities` by country."""

    facts: str
    effects: str | None = None
    remedy: str | None = None
    people: int | None = None
    records: int | None = None
    risk_reasons: str | None = None
    untold_reasons: str | None = None
    authorities: dict[str, AuthorityWords] = {}


class Authority(Struct, frozen=True):
    """An authority: open, notified or not_required, and by when. Without a `rule` no law names a time."""

    country: str
    status: str
    due_at: datetime
    rule: str | None
    settled_at: datetime | None
    late: bool


class Notice(Struct, frozen=True):
    """A batch that told the guests."""

    batch: str
    at: datetime


class Breach(Struct, frozen=True, kw_only=True):
    """A breach as it stands; `guests` is how many it is about."""

    id: str
    version: int
    status: str
    risk: str | None
    noticed_at: datetime
    created_at: datetime
    closed_at: datetime | None
    guests: int
    authorities: list[Authority]
    notices: list[Notice]
    content: BreachContent | None = None


class AuthoritySettled(TypedDict):
    """What became of an authority."""

    country: str
    status: Literal["notified", "not_required"]
    at: NotRequired[datetime]
    reference: NotRequired[str]
    reasons: NotRequired[str]


class BreachChange(TypedDict, total=False):
    """What is known by now; guests and countries are added to those there are."""

    facts: str
    effects: str | None
    remedy: str | None
    people: int | None
    records: int | None
    risk: Risk
    risk_reasons: str
    untold_reasons: str
    guests: Sequence[str]
    filter: Mapping[str, Any]
    countries: Sequence[str]
    authorities: Sequence[AuthoritySettled]
    closed: Literal[True]


class Breaches(Resource[L]):
    """Every breach is in the register, whoever has to be told of it."""

    @listed("compliance/breaches", Breach)
    def list(
        self,
        *,
        state: Literal["open", "closed"] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        content: bool = False,
        limit: int | None = None,
    ) -> Asked:
        """Breaches, newest first; noticed `from_` and `to`. `limit` is a page's size."""
        return Asked(query=members(state=state, from_=from_, to=to, limit=limit) | including(content))

    @ask("POST", "compliance/breaches", Breach)
    def add(
        self,
        noticed_at: datetime,
        facts: str,
        *,
        effects: str | None = None,
        remedy: str | None = None,
        people: int | None = None,
        records: int | None = None,
        guests: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        countries: Sequence[str] | None = None,
    ) -> Asked:
        """Note a breach; the clocks run from when it was noticed. `filter` is a segment, `{}` everybody."""
        return Asked(
            body=members(noticed_at=noticed_at, facts=facts, effects=effects, remedy=remedy, people=people,
                         records=records, guests=guests, filter=filter, countries=countries)
        )  # fmt: skip

    @ask("GET", "compliance/breaches/{}", Breach)
    def get(self, id: str, *, content: bool = False) -> Asked:
        """One breach."""
        return Asked((id,), query=including(content))

    @ask("PATCH", "compliance/breaches/{}", Breach)
    def change(self, id: str, *, version: int | None = None, **change: Unpack[BreachChange]) -> Asked:
        """Note what is known by now. Raises Precondition, and Conflict for one that cannot be closed yet."""
        return Asked((id,), change, version=version)

    @ask("POST", "compliance/breaches/{}/notices", Taken, once=True)
    def tell(
        self,
        id: str,
        variables: Mapping[str, Any],
        *,
        channel: Channel | None = None,
        template: str | None = None,
        sender: str | None = None,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Tell the guests it is about, as a batch of class legal. It is sent once, however often the line breaks."""
        body = members(variables=variables, channel=channel, template=template, sender=sender)
        return Asked((id,), body, key=idempotency_key)

    @ask("POST", "compliance/breaches/{}/notices", Rehearsal, once=True)
    def rehearse(
        self,
        id: str,
        variables: Mapping[str, Any],
        *,
        channel: Channel | None = None,
        template: str | None = None,
        sender: str | None = None,
    ) -> Asked:
        """What `tell` would do now. Nothing is sent; the words come into the cabinet, to be looked at."""
        body = members(variables=variables, channel=channel, template=template, sender=sender)
        return Asked((id,), body | {"dry_run": True})
