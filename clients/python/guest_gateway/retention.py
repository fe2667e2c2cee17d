"""How long what is about guests is kept: what would go, what went, and letting it go now."""

from datetime import datetime

from msgspec import Struct

from guest_gateway.doors import LARGE, Asked, L, Resource, ask


class Ageing(Struct, frozen=True):
    """A time that runs: of what, how long it is, how many have lived through it, and how many of these are held."""

    what: str
    category: str | None
    after: str
    due: int
    held: int


class Run(Struct, frozen=True):
    """When everything was gone through, by whom, and how many of what went."""

    at: datetime
    by: str
    went: dict[str, int]


class RetentionReport(Struct, frozen=True):
    """How it stands: what would go now, how many guests are under a legal hold, and the last runs."""

    clocks: list[Ageing]
    holds: int
    runs: list[Run]


class Retention(Resource[L]):
    """Retention runs by itself once a day; this is for whoever wants to know, or cannot wait."""

    @ask("GET", "compliance/retention", RetentionReport)
    def report(self) -> Asked:
        """What would go now, what is held, and what went lately."""
        return Asked()

    @ask("POST", "compliance/retention/run", RetentionReport, seconds=LARGE)
    def run(self, *, dry_run: bool = False) -> Asked:
        """Let it go now, and how it stands then. Raises Conflict while another run is at work."""
        return Asked(body={"dry_run": dry_run})
