"""Who asks and for what, as limits see it: keyed digests, so that no account says whose it is."""

from collections.abc import Callable, Mapping
from functools import cached_property

from gateway import reach

Digest = Callable[[bytes], bytes]
AT_DOOR = ("api_key", "user", "role", "ip", "network")
"""What is known of whoever asks before his request is read."""
IN_ORDER = ("guest", "category", "channel", "provider")
"""What only the request says."""


class Asking:
    """One request. `known`: digests of what is known already; `names`: how exemptions may call him, his id and role."""

    def __init__(self, known: Mapping[str, bytes], names: frozenset[str], address: str, digest: Digest):
        self._known, self.names, self.address, self._digest = known, names, address, digest

    def says(self, **facts: str | bytes | None) -> None:
        """What the request turned out to be about."""
        self._known = dict(self._known)
        for name, fact in facts.items():
            if fact is not None:
                self._known[name] = self._digest(fact.encode() if isinstance(fact, str) else fact)

    def fact(self, name: str) -> bytes | None:
        """16 bytes that stand for one thing about him; None where it is not known, or there is none."""
        if name == "ip":
            return self._ip
        return self._network if name == "network" else self._known.get(name)

    @cached_property
    def _ip(self) -> bytes | None:
        return self._digest(reach.source(self.address).encode()) if self.address else None

    @cached_property
    def _network(self) -> bytes | None:
        return self._digest(reach.neighbourhood(self.address).encode()) if self.address else None
