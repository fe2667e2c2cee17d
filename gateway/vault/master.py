"""Master keys: they wrap the other keys and do nothing else. Kept in a file apart from the databases.

One line a key, the current one first: `gmk1:<id>:<32 bytes in base64url>`. Rotation adds a line on top, re-wraps, and
takes the old line away; nothing else in the gateway depends on which master key there is.
"""

import binascii
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import KeyUnusable

MARK = "gmk1"
TODO = "put the right file back, or name it in GATEWAY_KEY_FILE"


class Master(NamedTuple):
    """One master key: a name that may be shown, and 32 secret bytes."""

    id: str
    secret: bytes

    def wrap(self, key: bytes, purpose: bytes) -> bytes:
        """Seal another key; `purpose` must be given again to open it."""
        nonce = os.urandom(12)
        return nonce + AESGCM(self.secret).encrypt(nonce, key, purpose)

    def unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:
        """Open it again. Raises KeyUnusable when this is not the key it was wrapped with."""
        try:
            return AESGCM(self.secret).decrypt(wrapped[:12], wrapped[12:], purpose)
        except InvalidTag:
            raise KeyUnusable("the master key is not the one this data was sealed with", TODO) from None


def new() -> Master:
    """A fresh master key with a fresh name."""
    return Master(secrets.token_hex(4), os.urandom(32))


def line(master: Master) -> str:
    """A key as the file has it."""
    return f"{MARK}:{master.id}:{urlsafe_b64encode(master.secret).decode().rstrip('=')}\n"


def read(path: Path) -> list[Master]:
    """The keys of a file, the current one first. Raises KeyUnusable, never quoting anything of the file."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        raise KeyUnusable("the master key file is not there", TODO) from None
    except (OSError, UnicodeDecodeError):
        raise KeyUnusable("the master key file cannot be read", "check its owner and its content") from None
    keys = [_parse(row, number) for number, row in enumerate(text.splitlines(), 1) if row.strip()]
    if not keys:
        raise KeyUnusable("the master key file is empty", TODO)
    if len({key.id for key in keys}) < len(keys):
        raise KeyUnusable("two keys of the master key file have the same name", "take the wrong line away")
    return keys


def _parse(row: str, number: int) -> Master:
    _, _, rest = row.partition(":")
    name, _, text = rest.partition(":")
    try:
        found = Master(name, urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except binascii.Error:
        found = Master(name, b"")
    # Base64 is read leniently, strange letters are skipped: only what would be written the same way again is a key.
    if not name or len(found.secret) != 32 or line(found).strip() != row.strip():
        raise KeyUnusable(f"line {number} of the master key file is not a key", TODO)
    return found


def too_open(path: Path) -> bool:
    """Whether others than its owner may read the file."""
    return bool(path.stat().st_mode & 0o077)
