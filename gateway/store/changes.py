"""Which addresses' facts were changed by a commit, and in which order: what was read or judged before is then stale."""

import threading
from collections.abc import Sequence

REMEMBERED = 100_000


class Changes:
    """Written by the writer thread right after each commit, read by everyone.

    A change is a guest, a consent, a stop: whatever the rules look at. `mark` grows with every one of them.
    """

    def __init__(self, remembered: int = REMEMBERED):
        self._remembered = remembered
        self._at: dict[bytes, int] = {}
        self._forgotten = 0
        self._lock = threading.Lock()
        self.mark = 0

    def add(self, blinds: Sequence[bytes]) -> None:
        """Note that what is known about these addresses has changed."""
        with self._lock:
            for blind in blinds:
                self._at.pop(blind, None)
                self._at[blind] = self.mark + 1
                self.mark += 1
            while len(self._at) > self._remembered:
                oldest = next(iter(self._at))
                self._forgotten = self._at.pop(oldest)

    def since(self, blind: bytes, mark: int) -> bool:
        """Whether this address may have changed after `mark`."""
        return self._at.get(blind, self._forgotten) > mark
