"""One audit entry: canonical JSON (RFC 8785), chained to the entry before it by SHA-256.

`{"action","actor","data_hash","object","prev","seq","ts"}`, hashes in hexadecimal, `ts` in RFC 3339 UTC. It names
things by their public ids only; what it vouches for is in `data_hash`: the SHA-256 of the sealed bytes the action
wrote, never of an address in clear, which could be guessed after its erasure.
"""

from hashlib import sha256
from typing import Any, NamedTuple

from msgspec import json

from gateway.clock import rfc3339

GENESIS = "0" * 64
"""What the first entry has for `prev`."""
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:_-/")


class Entry(NamedTuple):
    """An entry before it has its place in the chain. `ts` in milliseconds."""

    actor: str
    action: str
    object: str
    data_hash: bytes
    ts: int


def encode(entry: Entry, seq: int, prev: str) -> bytes:
    """The entry's canonical bytes."""
    if not _SAFE.issuperset(entry.actor + entry.action + entry.object):
        raise ValueError("an audit entry names things by ids, in plain letters")
    return (
        f'{{"action":"{entry.action}","actor":"{entry.actor}","data_hash":"{entry.data_hash.hex()}",'
        f'"object":"{entry.object}","prev":"{prev}","seq":{seq},"ts":"{rfc3339(entry.ts)}"}}'
    ).encode()


def digest(encoded: bytes) -> str:
    """What the next entry has for `prev`."""
    return sha256(encoded).hexdigest()


def is_canonical(encoded: bytes, members: dict[str, Any]) -> bool:
    """Whether these bytes are the one way to write these members: sorted, without space, plain letters."""
    return json.encode(members, order="sorted") == encoded and encoded.isascii()
