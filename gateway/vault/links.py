"""Tokens in guests' links: opaque, forgery-proof, good for one purpose each, and still good after an erasure.

base64url(version, key number, AES-GCM(blind index, message id, day, scope hint)), with the purpose as associated data.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.vault.keystore import PurposeKey

VERSION = 1
LONGEST = 400


class Link(NamedTuple):
    """What a token says: whose address, about which message, since which day (days since 1970), about what."""

    blind: bytes
    message: bytes
    day: int
    scope: str


class Links:
    """Makes and reads tokens. The newest key makes, every key reads."""

    def __init__(self, keys: list[PurposeKey]):
        self._current = keys[0].id
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}

    def make(self, purpose: str, blind: bytes, scope: str, message: bytes, day: int) -> str:
        """A token; `blind` and `message` are 16 bytes each."""
        head = bytes((VERSION, self._current))
        nonce = os.urandom(12)
        plain = blind + message + day.to_bytes(3) + scope.encode()
        return urlsafe_b64encode(head + nonce + self._cipher(nonce, plain, purpose)).decode().rstrip("=")

    def _cipher(self, nonce: bytes, plain: bytes, purpose: str) -> bytes:
        return self._ciphers[self._current].encrypt(nonce, plain, purpose.encode())

    def read(self, purpose: str, token: str) -> Link | None:
        """What it says, or None for anything that was not made here for this purpose."""
        if not token.isascii() or len(token) > LONGEST:
            return None
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        cipher = self._ciphers.get(raw[1]) if len(raw) > 14 and raw[0] == VERSION else None
        if cipher is None:
            return None
        try:
            plain = cipher.decrypt(raw[2:14], raw[14:], purpose.encode())
        except InvalidTag:
            return None
        return Link(plain[:16], plain[16:32], int.from_bytes(plain[32:35]), plain[35:].decode())
