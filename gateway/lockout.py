"""Whoever guesses waits: longer after every wrong try, for this account from this source; and a little, once very many
tries failed, for this account from any source that has not signed in to it before.

So nobody can be locked out from elsewhere for long, and nothing here depends on whether the account exists. Kept in
memory: a restart forgives, and nobody restarts the gateway from outside.
"""

from collections import OrderedDict
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import QuotaExceeded

FREE, LONGEST = 5, 900.0
"""Wrong tries without a wait, and the longest wait in seconds, for one source; it doubles from a second on."""
FREE_OF_ALL, LONGEST_OF_ALL = 100, 30.0
"""The same for all sources together."""
FORGIVEN = 86_400.0
REMEMBERED = 20_000


@dataclass(slots=True)
class Tries:
    """How often it went wrong, and until when (monotonic seconds) to wait."""

    wrong: int = 0
    until: float = 0.0
    last: float = 0.0


class Lockout:
    """Keyed by 16-byte digests: no address is kept."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._tries: OrderedDict[bytes, Tries] = OrderedDict()
        self._welcome: OrderedDict[bytes, None] = OrderedDict()

    def attempt(self, account: bytes, source: bytes) -> None:
        """Count a try before it is made, as if it will fail: of many at once no more get through than one by one.
        Raises QuotaExceeded with the wait."""
        rules = [(account + source, FREE, LONGEST)]
        if account + source not in self._welcome:
            rules.append((account, FREE_OF_ALL, LONGEST_OF_ALL))
        now = self._clock.monotonic()
        wait = max(self._of(key, now).until - now for key, _, _ in rules)
        if wait > 0:
            raise QuotaExceeded("Too many wrong tries; wait for Retry-After seconds.", retry_after=round(wait, 3))
        for key, free, longest in rules:
            tries = self._of(key, now)
            tries.wrong, tries.last = tries.wrong + 1, now
            if tries.wrong >= free:
                tries.until = now + min(longest, 2.0 ** min(tries.wrong - free, 30))

    def passed(self, account: bytes, source: bytes) -> None:
        """It was the owner after all."""
        self._tries.pop(account + source, None)
        self._tries.pop(account, None)
        self._welcome[account + source] = None
        if len(self._welcome) > REMEMBERED:
            self._welcome.popitem(last=False)

    def _of(self, key: bytes, now: float) -> Tries:
        tries = self._tries.get(key)
        if tries is None or now - tries.last > FORGIVEN:
            tries = self._tries[key] = Tries(last=now)
        self._tries.move_to_end(key)
        if len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        return tries
