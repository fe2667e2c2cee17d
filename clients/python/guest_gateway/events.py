"""What a gateway sends to a webhook, and how to be sure that it did (Standard Webhooks)."""

import base64
import binascii
import hmac
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from msgspec import MsgspecError, Struct, json

from guest_gateway.errors import BadSignature

SKEW = 300.0
"""Seconds that the two clocks may differ, and after which a letter that somebody kept is too old."""


class Told(Struct, frozen=True):
    """The body of a webhook."""

    type: str
    timestamp: datetime
    data: dict[str, Any]


class Event(Struct, frozen=True):
    """Something that happened, such as `message.delivered`. `id` stays the same when it is sent again: remember those
    you have seen. `data` has ids and states, never names, addresses or words."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]


def verified(body: bytes, headers: Mapping[str, str], secrets: str | Iterable[str], now: float | None = None) -> Event:
    """The event in a request to your webhook. `body`: as it arrived, byte for byte. `secrets`: the webhook's `whsec_…`,
    or the old and the new one while they change. Raises BadSignature for what the gateway did not send, or not within
    the last five minutes; answer that with 401."""
    lower = {name.lower(): value for name, value in headers.items()}
    id, sent, given = (lower.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (sent.isascii() and sent.isdigit()) or abs(int(sent) - (time.time() if now is None else now)) > SKEW:
        raise BadSignature("This was not sent just now.")
    signed = b"%s.%s.%s" % (id.encode(), sent.encode(), body)
    right = [signature(secret, signed) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    if not any(hmac.compare_digest(one.encode(), mine) for one in given.split(" ") for mine in right):
        raise BadSignature("This was not signed with that secret.")
    try:
        told = json.decode(body, type=Told)
    except MsgspecError as error:
        raise BadSignature("This is no event.") from error
    return Event(id, told.type, told.timestamp, told.data)


def signature(secret: str, signed: bytes) -> bytes:
    """As it stands in the header. Raises ValueError for a secret that is none."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a webhook's secret is whsec_ and base64") from None
    return b"v1," + base64.b64encode(hmac.digest(key, signed, sha256))
