"""How much callers may ask for."""

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask


class Account(Struct, frozen=True):
    """Where somebody stands with a limit; `caller` is a key's or a user's id, where it is one's and you may see it."""

    account: str
    remaining: int
    reset: int
    caller: str | None = None


class Limit(Struct, frozen=True, kw_only=True):
    """A limit in force; `tightest` are the accounts that have least left."""

    name: str
    algorithm: str
    endpoints: list[str]
    by: list[str]
    quota: int
    window: int
    burst: int
    cost: str
    dry_run: bool
    refused_last_hour: int
    accounts: int
    tightest: list[Account]


class LimitsInForce(Struct, frozen=True):
    """All limits in force."""

    items: list[Limit]


class Explained(Struct, frozen=True, kw_only=True):
    """What a limit says to somebody's next request; `why` has it as a sentence."""

    limit: str
    verdict: str
    remaining: int | None
    reset: int | None
    wait: int | None
    why: str


class CallerLimits(Struct, frozen=True):
    """Where one caller stands with each limit."""

    caller: str
    items: list[Explained]


class Limits(Resource[L]):
    """Limits in force."""

    @ask("GET", "limits", LimitsInForce)
    def show(self) -> Asked:
        """What is counted, what was refused within the last hour, and who has least left."""
        return Asked()

    @ask("GET", "limits/{}", CallerLimits)
    def explain(self, caller: str) -> Asked:
        """Why the next request of a key or a user (by id) or of an account (its digest) would pass or be refused."""
        return Asked((caller,))
