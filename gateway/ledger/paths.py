"""Audit paths and consistency proofs of RFC 6962 §2.1: made from tiles and a few leaves, checked as RFC 9162 §2.1.3.2
and §2.1.4.2 say. Entries are counted from 0 here, as the RFCs count them.
"""

from collections.abc import Callable, Sequence

from gateway.ledger.tree import TILE, leaf, node


class Tree:
    """The tree over the first `size` entries. `tiles`: the hash of every full tile in it. `entries(first, last)` reads
    those from `first` up to but not including `last`; it is asked for the tiles that are not full or have the entry
    in question in them."""

    def __init__(self, size: int, tiles: Sequence[bytes], entries: Callable[[int, int], Sequence[bytes]]):
        self.size, self._tiles, self._entries = size, tiles, entries
        self._leaves: dict[int, list[bytes]] = {}
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, first: int = 0, last: int | None = None) -> bytes:
        """The hash over all entries, or over a range of them that the RFC has as a subtree: one that begins at a
        multiple of a power of two as large as it is. There is at least one entry."""
        last = self.size if last is None else last
        if last - first == 1:
            return self._leaf(first)
        if last - first == TILE:
            return self._tiles[first // TILE]
        found = self._known.get((first, last))
        if found is None:
            middle = first + split(last - first)
            found = self._known[first, last] = node(self.root(first, middle), self.root(middle, last))
        return found

    def _leaf(self, index: int) -> bytes:
        begin = index - index % TILE
        if begin not in self._leaves:
            self._leaves[begin] = [leaf(entry) for entry in self._entries(begin, min(begin + TILE, self.size))]
        return self._leaves[begin][index - begin]

    def inclusion(self, index: int) -> list[bytes]:
        """What leads from an entry up to the root, lowest first."""
        path, first, last = [], 0, self.size
        while last - first > 1:
            middle = first + split(last - first)
            if index < middle:
                path.append(self.root(middle, last))
                last = middle
            else:
                path.append(self.root(first, middle))
                first = middle
        return path[::-1]

    def consistency(self, old: int) -> list[bytes]:
        """What shows that the tree over the first `old` entries (at least one) is the beginning of this one."""
        path, first, last, whole = [], 0, self.size, True
        while old != last:
            middle = first + split(last - first)
            if old <= middle:
                path.append(self.root(middle, last))
                last = middle
            else:
                path.append(self.root(first, middle))
                first, whole = middle, False
        return ([] if whole else [self.root(first, last)]) + path[::-1]


def split(size: int) -> int:
    """The largest power of two smaller than `size`, which is where the RFC cuts a tree in two."""
    return 1 << (size - 1).bit_length() - 1


def includes(index: int, size: int, entry: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the tree of this size and root has the entry in this place."""
    if index >= size:
        return False
    hash_, at, end = leaf(entry), index, size - 1
    for other in path:
        if end == 0:
            return False
        if at & 1 or at == end:
            hash_ = node(other, hash_)
            at, end = _climb(at, end)
        else:
            hash_ = node(hash_, other)
        at, end = at >> 1, end >> 1
    return end == 0 and hash_ == root


def continues(old: int, size: int, path: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Whether the path proves that the tree of this size and root begins with the `old` entries of the old root."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    at, end = old - 1, size - 1
    while at & 1:
        at, end = at >> 1, end >> 1
    before = after = steps[0] if steps else b""
    for other in steps[1:]:
        if end == 0:
            return False
        if at & 1 or at == end:
            before, after = node(other, before), node(other, after)
            at, end = _climb(at, end)
        else:
            after = node(after, other)
        at, end = at >> 1, end >> 1
    return end == 0 and (before, after) == (old_root, root)


def _climb(at: int, end: int) -> tuple[int, int]:
    """Up a right edge, to where something stands on the left again."""
    while at and not at & 1:
        at, end = at >> 1, end >> 1
    return at, end
