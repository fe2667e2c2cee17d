"""A signed statement of what a guest agreed to, for the guest to keep; it can be checked without the gateway.

JSON. `signature` is Ed25519, in base64, over a line that says what it is and all other members as RFC 8785 writes them:
sorted, without space, in UTF-8. `key` is the public key, the one of the audit log.
"""

from base64 import b64decode, b64encode
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import json

from gateway.ledger.checkpoint import public_text

HEAD = "guest-gateway consent receipt 1"


def signed_receipt(signer: Ed25519PrivateKey, members: dict[str, Any]) -> dict[str, Any]:
    """The receipt with these members (texts, lists, tables and nothing: numbers have more than one form)."""
    unsigned = {"receipt": HEAD, **members, "key": public_text(signer)}
    return unsigned | {"signature": b64encode(signer.sign(_statement(unsigned))).decode()}


def genuine(receipt: Any, key: str | None = None) -> bool:
    """Whether the holder of this key signed it as it stands; without a key, of the one that it names itself."""
    if not isinstance(receipt, dict) or receipt.get("receipt") != HEAD:
        return False
    unsigned = {name: value for name, value in receipt.items() if name != "signature"}
    if key is not None and unsigned.get("key") != key:
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(b64decode(unsigned["key"]))
        public.verify(b64decode(receipt["signature"]), _statement(unsigned))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True


def _statement(unsigned: dict[str, Any]) -> bytes:
    return f"{HEAD}\n".encode() + json.encode(unsigned, order="sorted")
