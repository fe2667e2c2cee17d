"""Networks by the bits they begin with."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from gateway.reach import Address, Network

Word = TypeVar("Word")


class Prefixes(Generic[Word]):
    """What is said of networks, one word of each. To find those around an address takes one look for every length that
    a network in it has, at most 33 or 129, however many networks there are."""

    def __init__(self):
        self._words: dict[int, dict[int, dict[int, Word]]] = {4: {}, 6: {}}

    def __bool__(self) -> bool:
        return any(self._words.values())

    def put(self, network: Network, word: Word) -> None:
        """Say a word of a network; it is the only one then."""
        by_length = self._words[network.version]
        if network.prefixlen not in by_length:
            by_length[network.prefixlen] = {}
            self._words[network.version] = dict(sorted(by_length.items(), reverse=True))
        by_length[network.prefixlen][_bits(network.network_address, network.prefixlen)] = word

    def drop(self, network: Network) -> None:
        """Say nothing of a network any more."""
        by_length = self._words[network.version]
        words = by_length.get(network.prefixlen, {})
        words.pop(_bits(network.network_address, network.prefixlen), None)
        if not words:
            by_length.pop(network.prefixlen, None)

    def around(self, address: Address) -> Iterator[tuple[int, Word]]:
        """What is said of each network around an address, with its length, the narrowest first."""
        for length, words in self._words[address.version].items():
            word = words.get(_bits(address, length))
            if word is not None:
                yield length, word


def _bits(address: Address, length: int) -> int:
    return int(address) >> (address.max_prefixlen - length)
