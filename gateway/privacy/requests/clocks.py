"""By when a request must be answered: which law's clock runs, what stops it, what moves it."""

from collections.abc import Iterable, Sequence

from gateway.clock import DAY_MS
from gateway.config import Venue
from gateway.errors import Conflict, Fault, Invalid
from gateway.rules import Clocked, Due, Pause, Rulebook
from gateway.rules.entries import What
from gateway.store.data_requests import Request

STOP_FOR_QUESTIONS = "UK"
"""Where the clock also stands still while the guest is asked which data he means (DSR-3: UK GDPR art. 12A, as the Data
(Use and Access) Act 2025 put it in)."""


class Clocks:
    """Reckons on the venue's wall: it is the venue that must answer."""

    def __init__(self, rulebook: Rulebook, venue: Venue):
        self._rulebook, self._venue = rulebook, venue

    @property
    def grace_days(self) -> int:
        """How long an erasure can be taken back, unless its deadline comes before."""
        return self._rulebook.policy.erasure_grace_days

    def law(self, country: str | None) -> str:
        """The law of a guest from this country; the venue's where nobody knows."""
        return self._rulebook.law_of(country or self._venue.country)

    def start(self, law: str, country: str | None, received_at: int) -> tuple[Due, str | None]:
        """When the answer is due, and the country whose holidays were reckoned with: of the guest's and the venue's, if
        both are under this law, the one by which it is due earlier. Raises Invalid for a law there is not."""
        base = law.partition("-")[0]
        home: list[str | None] = [
            one for one in (self._venue.country, country) if one and self._rulebook.law_of(one) == base
        ]
        dues = [(self._due("access", law, one, received_at, ()), one) for one in dict.fromkeys(home or [None])]
        return min(dues, key=lambda due: due[0].ends_at)

    def again(self, request: Request, pauses: Sequence[tuple[int, int]]) -> Due:
        """When it is due after these pauses."""
        what: What = "access" if request.extended_at is None else "access_extended"
        return self._due(what, request.jurisdiction, request.country, request.received_at, pauses)

    def extended(self, request: Request, now: int) -> Due:
        """When it is due if it is extended now (DSR-4). Raises Conflict where the law knows no extension, and once the
        first term is over."""
        if request.extended_at is not None:
            raise Conflict("It was extended already.")
        if now >= request.due_at:
            raise Conflict("The time in which the guest had to be told of a delay is over.")
        later = request._replace(extended_at=now)
        try:
            return self.again(later, request.pauses)
        except Invalid:
            raise Conflict("The law this request is under knows no extension.") from None

    def erase_at(self, now: int, due_at: int) -> int:
        """When an erasure that is proven now is done: after the days of grace, and a day before the deadline at the
        latest (ERA-1)."""
        grace = now + self.grace_days * DAY_MS
        return max(now, min(grace, due_at - DAY_MS))

    def _due(
        self, what: What, law: str, country: str | None, received_at: int, pauses: Iterable[tuple[int, int]]
    ) -> Due:
        stood = [Pause(from_=begun, to=ended) for begun, ended in pauses]
        asked = Clocked(
            jurisdiction=law, what=what, received_at=received_at, timezone=self._venue.timezone, country=country,
            pauses=stood or None,
        )  # fmt: skip
        return self._rulebook.deadline(asked)


def faulty(error: Invalid) -> Invalid:
    """What is wrong with a law that was asked for, at the place it was asked for in."""
    return Invalid(faults=[Fault("/jurisdiction", fault.code, fault.detail) for fault in error.faults])
