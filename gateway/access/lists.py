"""The rules that were made while the gateway runs, as they are asked at every request."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.access.prefixes import Prefixes
from gateway.reach import Address, network
from gateway.store.access_rules import AccessRule, Verdict


class Word(NamedTuple):
    """What a rule says, and until when (ms; None: for good)."""

    verdict: Verdict
    expires_at: int | None = None

    def holds(self, now: int) -> bool:
        """Whether it is not over."""
        return self.expires_at is None or now < self.expires_at


class Lists:
    """Rules at hand, by network and by API key. Whoever writes one to the store takes it here once it is on disk."""

    def __init__(self, rules: Iterable[AccessRule] = ()):
        self.networks: Prefixes[Word] = Prefixes()
        self.keys: dict[str, Word] = {}
        for rule in rules:
            self.take(rule)

    def __bool__(self) -> bool:
        return bool(self.networks or self.keys)

    def take(self, rule: AccessRule) -> None:
        """A rule holds from now on."""
        word = Word(rule.verdict, rule.expires_at)
        if rule.network is not None:
            self.networks.put(network(rule.network), word)
        if rule.api_key is not None:
            self.keys[rule.api_key] = word

    def drop(self, rule: AccessRule) -> None:
        """A rule holds no more."""
        if rule.network is not None:
            self.networks.drop(network(rule.network))
        if rule.api_key is not None:
            self.keys.pop(rule.api_key, None)

    def of_address(self, address: Address, now: int) -> tuple[int, Verdict] | None:
        """How long a prefix the narrowest network around an address has, and what is said of it."""
        around = ((length, word.verdict) for length, word in self.networks.around(address) if word.holds(now))
        return next(around, None)

    def of_key(self, public: str, now: int) -> Verdict | None:
        """What is said of an API key by the part of it that is no secret."""
        word = self.keys.get(public)
        return word.verdict if word is not None and word.holds(now) else None

    def denies(self, public: str, now: int) -> bool:
        """Whether an API key is denied."""
        return self.of_key(public, now) == "deny"
