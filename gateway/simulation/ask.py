"""One request of a trace."""

from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from gateway.limits import Asking
from gateway.limits.asking import IN_ORDER

FACTS = ("api_key", "user", "role", *IN_ORDER)
"""What a trace may say of a request, beside where it came from."""


class Ask(NamedTuple):
    """Who asked for what, and when: `at` and `took` in microseconds. `facts` are those of FACTS that are known,
    `recipients` how many it is for."""

    at: int
    endpoint: str
    facts: dict[str, str]
    address: str = ""
    recipients: int = 1
    took: int = 0

    @property
    def caller(self) -> str:
        """Who it was, as the trace has it."""
        facts = self.facts
        return facts.get("api_key") or facts.get("user") or self.address or facts.get("role") or "nobody"

    @property
    def asking(self) -> Asking:
        """The same as limits see it."""
        facts, names = self.facts, frozenset(self.facts.get(one, "") for one in ("api_key", "user", "role"))
        key = facts.get("api_key") or facts.get("user")
        asking = Asking({}, names, self.address, _digest)
        asking.says(**facts | ({"api_key": key} if key else {}))
        return asking


@lru_cache(100_000)
def _digest(fact: bytes) -> bytes:
    """As long as the gateway's, and of no secret: nobody keeps these accounts."""
    return sha256(fact).digest()[:16]
