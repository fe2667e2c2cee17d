"""A signed statement of how the audit log stood: kept outside, it shows any later change, a cut-off end included.

Six lines of text: `guest-gateway audit checkpoint`, origin, size, root (hex), time (RFC 3339), and after a blank line
the Ed25519 signature over all before it (`— <key in base64> <signature in base64>`).
"""

import binascii
from base64 import b64decode, b64encode
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import DecodeError, Struct, ValidationError, json

HEAD = "guest-gateway audit checkpoint"


class CheckpointView(Struct, frozen=True):
    """A checkpoint as it is given to programs: what it says, member by member, and the note as it was signed."""

    size: int
    root: str
    time: str
    key: str
    checkpoint: str


class Checkpoint(NamedTuple):
    """The log had `size` entries and this root at `time`; `key` is the public key that says so."""

    origin: str
    size: int
    root: bytes
    time: str
    key: str
    signature: bytes

    @property
    def statement(self) -> bytes:
        """What is signed."""
        return f"{HEAD}\n{self.origin}\n{self.size}\n{self.root.hex()}\n{self.time}\n".encode()

    @property
    def note(self) -> bytes:
        """The whole checkpoint as it is kept."""
        return self.statement + f"\n— {self.key} {b64encode(self.signature).decode()}\n".encode()

    @property
    def view(self) -> CheckpointView:
        """The same for programs."""
        return CheckpointView(self.size, self.root.hex(), self.time, self.key, self.note.decode())

    def genuine(self, key: str) -> bool:
        """Whether the holder of this key signed it, and it says so."""
        if self.key != key.strip():
            return False
        try:
            Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(self.signature, self.statement)
        except (InvalidSignature, ValueError):
            return False
        return True


def sign(signer: Ed25519PrivateKey, origin: str, size: int, root: bytes, time: str) -> Checkpoint:
    """State how the log stands."""
    unsigned = Checkpoint(origin, size, root, time, public_text(signer), b"")
    return unsigned._replace(signature=signer.sign(unsigned.statement))


def public_text(signer: Ed25519PrivateKey) -> str:
    """The public key as `gateway init` prints it and as `audit.pub` holds it."""
    return b64encode(signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def notes_in(raw: bytes) -> list[bytes]:
    """The checkpoints of a file that was kept outside: one, or one on every line as the sink writes them."""
    if not raw.startswith(b"{"):
        return [raw]
    try:
        return [json.decode(line, type=CheckpointView).checkpoint.encode() for line in raw.splitlines()]
    except (DecodeError, ValidationError, UnicodeDecodeError):
        return [b""]


def parse(note: bytes) -> Checkpoint | None:
    """A kept checkpoint, or None for what is not one. Says nothing of its signature."""
    try:
        head, origin, size, root, time, blank, signed = note.decode().rstrip("\n").split("\n")
        dash, key, signature = signed.split(" ")
        found = Checkpoint(origin, int(size), bytes.fromhex(root), time, key, b64decode(signature))
    except (ValueError, binascii.Error):
        return None
    return found if head == HEAD and not blank and dash == "—" and found.note.strip() == note.strip() else None
