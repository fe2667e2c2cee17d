"""What was committed a moment ago and must keep a message from leaving that was judged before it."""

import threading


class Stops:
    """The addresses somebody said stop for, by the order in which it was committed. Filled by the writer thread."""

    def __init__(self, remembered: int = 100_000):
        self._remembered = remembered
        self._at: dict[bytes, int] = {}
        self._lock = threading.Lock()
        self.mark = 0
        """Grows with every stop; a judgement notes it, and is stale for an address with a later one."""

    def add(self, blinds: list[bytes]) -> None:
        """Called right after the commit that wrote them."""
        with self._lock:
            for blind in blinds:
                self.mark += 1
                self._at.pop(blind, None)
                self._at[blind] = self.mark
            while len(self._at) > self._remembered:
                self._at.pop(next(iter(self._at)))

    def since(self, blind: bytes, mark: int) -> bool:
        """Whether this address was stopped after the judgement that noted `mark`."""
        return self._at.get(blind, 0) > mark
