"""The Merkle tree of RFC 6962 §2.1 over the audit entries, kept as its right edge: a hash per one-bit of the size.

Every full tile, which is 256 leaves beginning at a multiple of 256, has one hash that never changes any more. With
these kept, nobody needs to look at a million entries in order to prove one.
"""

from hashlib import sha256

EMPTY = sha256(b"").digest()
HEIGHT = 8
TILE = 1 << HEIGHT


def leaf(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that only grows. `size` is how many entries it covers."""

    def __init__(self, size: int = 0, peaks: list[bytes] | None = None):
        self.size, self.peaks = size, peaks or []

    def append(self, entry: bytes) -> bytes | None:
        """Add a leaf: two hashes on average. The hash of the tile that it fills, if it fills one."""
        hash_, full, tile = leaf(entry), self.size, None
        if full % TILE == TILE - 1:
            for _ in range(HEIGHT):
                hash_ = node(self.peaks.pop(), hash_)
            tile, full = hash_, full >> HEIGHT
        while full & 1:
            hash_ = node(self.peaks.pop(), hash_)
            full >>= 1
        self.peaks.append(hash_)
        self.size += 1
        return tile

    def root(self) -> bytes:
        """The root over all entries so far."""
        if not self.peaks:
            return EMPTY
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node(peak, root)
        return root

    def copy(self) -> "Frontier":
        return Frontier(self.size, list(self.peaks))

    def to_bytes(self) -> bytes:
        """For keeping: size, then the peaks from left to right."""
        return self.size.to_bytes(8) + b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Frontier":
        """What `to_bytes` made."""
        peaks = [raw[at : at + 32] for at in range(8, len(raw), 32)]
        return cls(int.from_bytes(raw[:8]), peaks)
