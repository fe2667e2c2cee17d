"""JSON Web Tokens (RFC 7519) as we sign them, and no others: Ed25519, one form of header, our own keys.

A token's header is never parsed. It is one of the few strings that we write ourselves, or the token is not ours; so
there is no algorithm, type, key id or address in it that somebody else could choose (RFC 8725).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import json

from gateway.vault.keystore import PurposeKey

GOOD = 2
"""How many keys are believed: the current one, and the one before it, whose tokens still run."""
LONGEST = 1024


class Signer(NamedTuple):
    """A key: its public id, the header of its tokens, and the key itself."""

    kid: str
    header: str
    key: Ed25519PrivateKey


class Jwt:
    """Signs and opens tokens. The newest key signs."""

    def __init__(self, keys: list[PurposeKey]):
        self._signers = [_signer(key) for key in keys[:GOOD]]

    def sign(self, claims: bytes) -> str:
        """A token with these claims (JSON)."""
        _, header, key = self._signers[0]
        body = f"{header}.{base64url(claims)}"
        return f"{body}.{base64url(key.sign(body.encode()))}"

    def open(self, token: str) -> bytes | None:
        """The claims of a token that was signed here, whatever they say; None for any other."""
        header, _, rest = token.partition(".")
        claims, _, signature = rest.partition(".")
        for signer in self._signers:
            if len(token) <= LONGEST and token.isascii() and hmac.compare_digest(header, signer.header):
                return _opened(signer, f"{header}.{claims}".encode(), claims, signature)
        return None

    def public(self) -> list[dict[str, str]]:
        """The public keys as JSON Web Keys (RFC 8037), the current one first."""
        return [
            {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": signer.kid,
             "x": base64url(signer.key.public_key().public_bytes_raw())}
            for signer in self._signers
        ]  # fmt: skip


def _signer(key: PurposeKey) -> Signer:
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    kid = base64url(sha256(private.public_key().public_bytes_raw()).digest()[:12])
    return Signer(kid, base64url(json.encode({"alg": "EdDSA", "typ": "at+jwt", "kid": kid})), private)


def _opened(signer: Signer, signed: bytes, claims: str, signature: str) -> bytes | None:
    try:
        signer.key.public_key().verify(_bytes(signature), signed)
        return _bytes(claims)
    except (InvalidSignature, ValueError):
        return None


def base64url(raw: bytes) -> str:
    """Base64 for URLs, without padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """What was encoded. Python reads leniently; only what would be written the same way again is taken."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(raw) != text:
        raise ValueError("not in its one form")
    return raw
