"""Who is held up for what he did."""

from datetime import datetime

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed, members


class Signal(Struct, frozen=True):
    """A pattern, how often it was seen, and what was."""

    name: str
    count: int
    says: str


class Step(Struct, frozen=True, kw_only=True):
    """A step against abuse. `kind`: ipv4, ipv6, key or user; `step`: alert, throttle, challenge or block. `digest`
    stands for who it is; `caller` is a key's or a user's id, where it is one's and you may see it."""

    id: str
    digest: str
    kind: str
    step: str
    since: datetime
    until: datetime
    ended_at: datetime | None
    dry_run: bool
    signals: list[Signal]
    caller: str | None = None
    address: str | None = None


class Abuse(Resource[L]):
    """Steps against abuse."""

    @listed("abuse", Step)
    def list(
        self,
        *,
        state: str | None = None,
        step: str | None = None,
        kind: str | None = None,
        address: bool = False,
        limit: int | None = None,
    ) -> Asked:
        """Steps of the last 30 days, newest first. `state` is `in_force` or `ended`; `address`: the sources' addresses
        too, which is noted in the audit log; `limit` a page's size."""
        include = "address" if address else None
        return Asked(query=members(state=state, step=step, kind=kind, include=include, limit=limit))

    @ask("POST", "abuse/{}/lift", Step)
    def lift(self, id: str) -> Asked:
        """Take a step back before its time. Raises Conflict for one that is over."""
        return Asked((id,))
