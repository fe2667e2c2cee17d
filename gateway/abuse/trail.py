"""What is remembered of one source or caller: numbers that fade, and a few hashes of what was seen last."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["ipv4", "ipv6", "key", "user"]
"""An IPv4 address, the /64 around an IPv6 one, an API key, a person who signed in."""
SOURCES: tuple[Kind, ...] = ("ipv4", "ipv6")
GONE = 0.5
"""Below this a score has faded: what it rested on is not told any more."""


@dataclass(slots=True)
class Fading:
    """A number that halves again and again while nothing is added. Times are seconds of any one clock; one that goes
    back changes nothing."""

    value: float = 0.0
    at: float = 0.0

    def now(self, now: float, half_life: float) -> float:
        """What is left of it."""
        return self.value * 0.5 ** (max(0.0, now - self.at) / half_life)

    def add(self, amount: float, now: float, half_life: float) -> float:
        """Add to what is left; what that comes to."""
        self.value = self.now(now, half_life) + amount
        self.at = max(self.at, now)
        return self.value


@dataclass(slots=True)
class Evidence:
    """A signal's score, and how often it was seen since the score was last nothing."""

    score: Fading = field(default_factory=Fading)
    count: int = 0

    def add(self, points: float, times: float, now: float, half_life: float) -> None:
        """It was seen so many times."""
        if self.score.now(now, half_life) < GONE:
            self.count = 0
        self.count += max(1, round(times))
        self.score.add(points * times, now, half_life)


@dataclass(slots=True)
class Trail:
    """What one source or caller has left behind. `agents`, `places` and `keys`: hashes of this process alone."""

    kind: Kind
    since: float
    evidence: dict[str, Evidence] = field(default_factory=dict)
    burst: Fading = field(default_factory=Fading)
    fast: Fading = field(default_factory=Fading)
    slow: Fading = field(default_factory=Fading)
    agents: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    keys: tuple[int, ...] = ()
    looked: float = float("-inf")
    waiting: int = 0
    """Ordinary requests that are still to be looked at."""

    @property
    def is_source(self) -> bool:
        return self.kind in SOURCES


def remember(seen: tuple[int, ...], what: int, most: int) -> tuple[int, ...]:
    """The same with this one too, the oldest forgotten."""
    return (*seen[1 - most :], what)


class Neighbours:
    """Which keys one network has shown of late: how many different ones, fading, and the hashes of the last."""

    __slots__ = ("_keys", "_many")
    HALF_LIFE, MOST = 3600.0, 64

    def __init__(self):
        self._many = Fading()
        self._keys: tuple[int, ...] = ()

    def shows(self, key: int, now: float) -> float:
        """How many that makes."""
        if key in self._keys:
            return self._many.now(now, self.HALF_LIFE)
        self._keys = remember(self._keys, key, self.MOST)
        return self._many.add(1, now, self.HALF_LIFE)
