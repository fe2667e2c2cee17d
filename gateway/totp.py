"""One-time codes from an app (RFC 6238): six digits, new every 30 seconds."""

import hmac
import os
from base64 import b32encode
from urllib.parse import quote

STEP_MS = 30_000
DIGITS = 6
SECRET = 20


def draw() -> bytes:
    """A new secret, 160 bits."""
    return os.urandom(SECRET)


def code(secret: bytes, step: int) -> str:
    """The code of a time step (RFC 4226: HMAC-SHA-1, dynamic truncation)."""
    digest = hmac.digest(secret, step.to_bytes(8), "sha1")
    at = digest[-1] & 15
    number = int.from_bytes(digest[at : at + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(secret: bytes, text: str, now: int) -> int | None:
    """The time step whose code this is, if it is that of now (ms) or one of its neighbours: clocks differ."""
    given = text.encode()
    steps = [now // STEP_MS + offset for offset in (-1, 0, 1)]
    fitting = [step for step in steps if hmac.compare_digest(code(secret, step).encode(), given)]
    return max(fitting, default=None)


def shown(secret: bytes) -> str:
    """The secret as it is typed into an app."""
    return b32encode(secret).decode()


def uri(secret: bytes, account: str, issuer: str) -> str:
    """The secret as an app scans it."""
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?secret={shown(secret)}&issuer={quote(issuer)}"
