"""Where a webhook's events go and what they are signed with, as Standard Webhooks has it: HMAC-SHA-256 over id, time
and body, one signature for every secret that is live."""

import base64
import hmac
import os
from collections.abc import Iterable, Mapping

from msgspec import Struct, json

from gateway.vault import Vault

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE = 300
"""Seconds by which a signature's time may differ from the listener's clock."""


class Secret(Struct, frozen=True):
    """A secret as it is shown, and when it ends (ms; None: not yet)."""

    text: str
    ends_at: int | None = None


class Target(Struct, frozen=True):
    """An address and its secrets, newest first, two at most."""

    url: str
    secrets: tuple[Secret, ...]

    @classmethod
    def new(cls, url: str) -> "Target":
        """An address with a fresh secret."""
        return cls(url, (Secret(draw()),))

    def live(self, now: int) -> list[str]:
        """The secrets that are good at this time (ms)."""
        return [secret.text for secret in self.secrets if secret.ends_at is None or secret.ends_at > now]

    def rotated(self, ends_at: int) -> "Target":
        """With a fresh secret; the one before is good until `ends_at` (ms), older ones no more."""
        return Target(self.url, (Secret(draw()), Secret(self.secrets[0].text, ends_at)))


_decoder = json.Decoder(Target)


def seal(vault: Vault, uuid: bytes, target: Target) -> bytes:
    """A target as the webhook with this uuid keeps it."""
    return vault.seal_venue("webhooks", "target", uuid, json.encode(target))


def unseal(vault: Vault, uuid: bytes, sealed: bytes) -> Target:
    """Open it again. Raises CannotOpen."""
    return _decoder.decode(vault.open_venue("webhooks", "target", uuid, sealed))


def draw() -> str:
    """A new secret, 256 bits of it."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def signed(event: str, seconds: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The headers under which a body goes out; `seconds` since 1970 UTC is when this attempt is made."""
    return {
        "Content-Type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signature(event, seconds, body, secret) for secret in secrets),
    }


def signature(event: str, seconds: int, body: bytes, secret: str) -> str:
    """One signature, with its version."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return f"v1,{base64.b64encode(hmac.digest(key, f'{event}.{seconds}.'.encode() + body, 'sha256')).decode()}"


def verified(headers: Mapping[str, str], body: bytes, secret: str, seconds: float) -> bool:
    """Whether a body came from us, unchanged, within five minutes."""
    event, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(int(stamp[:12]) - seconds) > TOLERANCE:
        return False
    good = signature(event, int(stamp), body, secret).encode()
    return any(hmac.compare_digest(good, one.encode()) for one in headers.get("webhook-signature", "").split(" "))
