"""Who may come as far as to be asked for a key."""

from typing import NoReturn

from gateway import metrics
from gateway.access.lists import Lists
from gateway.access.prefixes import Prefixes
from gateway.clock import Clock
from gateway.config import Access
from gateway.errors import Forbidden
from gateway.reach import ip_address, network
from gateway.store.access_rules import Verdict
from gateway.vault import ApiKeys


class Gate:
    """Looks at where a request comes from. What the configuration says and what the lists say count alike: the
    narrowest network around an address has the say, of two alike the one that denies. Nobody is let in by it: he is
    only asked for his key."""

    def __init__(self, settings: Access, lists: Lists, apikeys: ApiKeys, clock: Clock):
        self._settings, self._lists, self._apikeys, self._clock = settings, lists, apikeys, clock
        self._networks: Prefixes[Verdict] = Prefixes()
        for text in settings.allow:
            self._networks.put(network(text), "allow")
        for text in settings.deny:
            self._networks.put(network(text), "deny")
        self._always = settings.default == "deny" or bool(self._networks)

    @property
    def guards(self) -> bool:
        """Whether anybody might be turned away."""
        return self._always or bool(self._lists)

    def admit(self, address: str, authorization: str | None) -> None:
        """Raise Forbidden for an address that is denied; or that nobody speaks of where that is enough to be denied,
        unless the key that is shown is an allowed one. Whether it is a good one has still to be seen."""
        now = self._clock.now()
        verdict = self._of(address, now)
        if verdict == "deny":
            _refuse("rule")
        if verdict is None and self._settings.default == "deny" and not self._welcome(authorization, now):
            _refuse("default")

    def _of(self, address: str, now: int) -> Verdict | None:
        """What is said of an address; nothing of what is none."""
        ip = ip_address(address)
        if ip is None:
            return None
        found = [next(self._networks.around(ip), None), self._lists.of_address(ip, now)]
        return max(filter(None, found), key=lambda one: (one[0], one[1] == "deny"), default=(0, None))[1]

    def _welcome(self, authorization: str | None, now: int) -> bool:
        """Whether the key in a header claims to be one that is allowed."""
        claimed = self._apikeys.parse((authorization or "").partition(" ")[2].strip())
        return claimed is not None and self._lists.of_key(claimed[0], now) == "allow"


def _refuse(by: str) -> NoReturn:
    metrics.of(metrics.ACCESS_DENIED, by).inc()
    raise Forbidden("The API may not be used from this address.")
