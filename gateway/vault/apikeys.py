"""API keys: `gk_<8 id>_<43 secret><6 check>`. A scanner recognises one, a typing mistake is seen before any look-up."""

import hmac
import secrets
import string
import zlib

from gateway.vault.keystore import PurposeKey

LETTERS = string.digits + string.ascii_letters
_KNOWN = frozenset(LETTERS + "-_")


class ApiKeys:
    """Draws keys and makes the digests by which they are recognised; the secret itself is kept nowhere."""

    def __init__(self, key: PurposeKey):
        self._key = key.secret

    def draw(self) -> tuple[str, str, bytes]:
        """A new key: what its owner is shown once, its public part, and the digest to keep."""
        public = "".join(secrets.choice(LETTERS) for _ in range(8))
        secret = secrets.token_urlsafe(32)
        return f"gk_{public}_{secret}{_check(public + secret)}", public, self.digest(secret)

    def parse(self, text: str) -> tuple[str, str] | None:
        """Public part and secret, or None for what cannot be a key."""
        if len(text) != 61 or not text.startswith("gk_") or text[11] != "_" or not _KNOWN.issuperset(text[3:]):
            return None
        public, secret = text[3:11], text[12:55]
        return (public, secret) if _check(public + secret) == text[55:] else None

    def digest(self, secret: str) -> bytes:
        """32 bytes under a key of the vault: a stolen database alone recognises no key."""
        return hmac.digest(self._key, secret.encode(), "sha256")


def _check(text: str) -> str:
    """Six letters by which a mistyped key is told from a wrong one."""
    number = zlib.crc32(text.encode())
    letters = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        letters = LETTERS[rest] + letters
    return letters
