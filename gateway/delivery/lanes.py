"""How fast messages leave besides the pace of their provider: as one sender's, and to the domain they go to."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from math import inf

from gateway.clock import Clock
from gateway.pacing import Speed
from gateway.store.outbox import Due

DOMAINS_AT_HAND = 10_000


class Lane(Speed):
    """One behind the other, evenly: in t seconds leave at most rate x t + 1.

    Whoever cannot leave at once is given a place in the line, or is told to come back when the line is short.
    """

    def __init__(self, clock: Clock, rate: float | None = None):
        super().__init__(clock, rate)
        self._next = self._line = self._far = -inf

    @property
    def step(self) -> float:
        """Seconds from one to the next; none where nothing slows it."""
        return 0.0 if self.rate is None else 1 / self.rate

    def place(self, now: float) -> float:
        """When whoever comes last in the line would leave, of the monotonic clock."""
        return max(now, self._line, self._next)

    def take(self, place: float) -> None:
        """Keep a place in the line, or leave it unused up to there."""
        self._line = place + self.step

    def far(self, now: float) -> float:
        """When to come back, if the line is too long: those who are told so come one after the other too."""
        place = max(self._far, self.place(now))
        self._far = place + self.step
        return place

    def free(self, now: float) -> float:
        """Seconds until whoever has a place may really leave, because the one before was late."""
        return max(0.0, self._next - now)

    def leaves(self, at: float) -> None:
        super().leaves(at)
        self._next = at + self.step


class Lanes:
    """A lane for each sender and each domain that has a pace. `others` is that of a domain nobody named.

    Domains stay in memory and are told to nobody; of those that nobody named the ones used last are at hand.
    """

    def __init__(
        self, clock: Clock, senders: Mapping[str, float], domains: Mapping[str, float], others: float | None = None
    ):
        self._clock, self._others = clock, others
        self._senders = {slug: Lane(clock, rate) for slug, rate in senders.items()}
        self._named = {domain: Lane(clock, rate) for domain, rate in domains.items()}
        self._passing: OrderedDict[str, Lane] = OrderedDict()

    def of(self, due: Due, address: Callable[[], str]) -> list[Lane]:
        """The lanes a message goes through. Its address is only asked for where a domain has a pace."""
        found = [self._senders.get(due.sender or "")]
        if due.channel == "email" and (self._named or self._passing or self._others):
            found.append(self._domain(domain_of(address())))
        return [lane for lane in found if lane is not None]

    def complained(self, address: str) -> None:
        """The domain of an address said that it was too much: it is slowed, and nothing else."""
        domain = domain_of(address)
        lane = self._domain(domain) or self._keep(domain, Lane(self._clock))
        lane.complained()

    def took(self, address: str) -> None:
        """The domain took a message: what was slowed may grow again, and is forgotten once nothing slows it."""
        if not self._named and not self._passing:
            return
        domain = domain_of(address)
        lane = self._named.get(domain) or self._passing.get(domain)
        if lane is not None:
            lane.took()
            if lane.rate is None:
                del self._passing[domain]

    def _domain(self, domain: str) -> Lane | None:
        lane = self._named.get(domain)
        if lane is None and domain in self._passing:
            lane = self._passing[domain]
            self._passing.move_to_end(domain)
        if lane is None and self._others is not None:
            lane = self._keep(domain, Lane(self._clock, self._others))
        return lane

    def _keep(self, domain: str, lane: Lane) -> Lane:
        self._passing[domain] = lane
        if len(self._passing) > DOMAINS_AT_HAND:
            self._passing.popitem(last=False)
        return lane


def domain_of(address: str) -> str:
    """What stands behind the at sign of a normalised address."""
    return address.rpartition("@")[2]
