"""One table of limits: what it counts, whose, and how."""

from collections.abc import Collection
from hashlib import sha256
from typing import Literal, NamedTuple

from gateway import reach
from gateway.limiter import Limiter, State
from gateway.limits.asking import IN_ORDER, Asking

SECOND = 1_000_000
Cost = Literal["request", "recipients"]


class Standing(NamedTuple):
    """Where somebody stands with one limit: its name, what is left, seconds until more. `policy` is what the limit
    allows, in the words of RateLimit-Policy."""

    name: str
    policy: str
    remaining: int
    reset: int


class Rule:
    """One `[limits.<name>]`. Everybody who differs in what it goes `by` has an account of his own with it."""

    def __init__(
        self,
        name: str,
        limiter: Limiter,
        by: tuple[str, ...],
        endpoints: Collection[str],
        cost: Cost = "request",
        exempt: Collection[str] = (),
        dry_run: bool = False,
    ):
        self.name, self.limiter, self.by, self.cost, self.dry_run = name, limiter, by, cost, dry_run
        self.endpoints, self._exempt = endpoints, frozenset(exempt)
        self._networks = tuple(one for one in exempt if "." in one or ":" in one)
        self.in_order = not set(by).isdisjoint(IN_ORDER)
        """Whether whose account it is depends on what the request says."""
        self._only = by[0] if len(by) == 1 else None
        self._policy = f'"{name}";q={limiter.settings.quota};w={seconds(limiter.settings.window)}'
        words = repr((limiter.name, limiter.settings, by))
        self.id = f"{name} {sha256(words.encode()).hexdigest()[:12]}"
        """What its accounts are written down under: a rule that was changed begins anew."""

    def covers(self, endpoint: str) -> bool:
        """Whether it counts what comes to this endpoint: it is named, or all of its area is, or everything."""
        area = endpoint.partition(".")[0]
        return any(one in (endpoint, f"{area}.*", "*") for one in self.endpoints) and (
            endpoint != "auth" or "auth" in self.endpoints
        )

    def spares(self, asking: Asking) -> bool:
        """Whether it does not count him."""
        if not self._exempt:
            return False
        near = asking.address and self._networks and reach.within(asking.address, self._networks)
        return bool(near) or not self._exempt.isdisjoint(asking.names)

    def account(self, asking: Asking) -> bytes | None:
        """Whose account it is; None where a part of that is not known, and nothing is counted."""
        if self._only is not None:
            return asking.fact(self._only)
        facts = [asking.fact(name) for name in self.by]
        return None if None in facts else sha256(b"".join(facts)).digest()[:16]  # type: ignore[arg-type]

    def standing(self, state: State | None, now: int) -> Standing:
        """What the answer's headers say."""
        remaining, reset = self.limiter.remaining(state, now)
        return Standing(self.name, self._policy, remaining, seconds(reset))


def seconds(microseconds: int) -> int:
    """Whole ones, rounded up: whoever waits so long has waited long enough."""
    return -(-microseconds // SECOND)
