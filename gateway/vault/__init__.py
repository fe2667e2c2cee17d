"""Keys, and what they are for: sealing under a guest's own key, finding by a blind index, tokens, keyed digests.

A sealed value is version, key number, nonce and AES-256-GCM ciphertext, bound to its table, column and row: moved to
another place it does not open.
"""

import os
import sqlite3
import threading
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import GatewayError, KeyUnusable, NoWritableDisk
from gateway.ledger.checkpoint import public_text
from gateway.vault import master
from gateway.vault.apikeys import ApiKeys
from gateway.vault.index import Index
from gateway.vault.jwt import Jwt
from gateway.vault.keystore import KeyStore, sync_folder
from gateway.vault.links import Link, Links
from gateway.vault.mac import Mac

__all__ = ["ApiKeys", "CannotOpen", "Index", "Jwt", "KeyDestroyed", "KeyStore", "Link", "Links", "Vault", "init"]

VERSION = b"\x01"
NONCES = 1024
GUEST, VENUE = b"\x00", b"\x01"


class CannotOpen(GatewayError):
    """A sealed value does not open: its key was destroyed, or it is not in its place."""

    code = "sealed"


class KeyDestroyed(CannotOpen):
    """The guest was erased: what was sealed under his key can be read by nobody."""


class Vault:
    """The opened vault. Safe to use from any thread."""

    def __init__(self, keys: KeyStore):
        self.keys = keys
        self.index = Index(keys.purpose("index")[0].secret)
        self.links = Links(keys.purpose("links"))
        self.apikeys = ApiKeys(keys.purpose("apikeys")[0])
        self.jwt = Jwt(keys.purpose("jwt"))
        self.signer = Ed25519PrivateKey.from_private_bytes(keys.purpose("audit")[0].secret)
        self._credentials = Mac(keys.purpose("apikeys")[0].secret)
        self._requests = Mac(keys.purpose("requests")[0].secret)
        self._limiter = Mac(keys.purpose("limiter")[0].secret)
        self._venue = {key.id: AESGCM(key.secret) for key in keys.purpose("venue")}
        self._nonces = Nonces()

    @classmethod
    def open(cls, folder: Path, key_file: Path) -> "Vault":
        """Open the keys folder. Raises KeyUnusable, before anything is written."""
        keys = KeyStore.open(folder, master.read(key_file))
        try:
            return cls(keys)
        except BaseException:
            keys.close()
            raise

    def close(self) -> None:
        self.keys.close()

    def seal(self, key: int, table: str, column: str, row: bytes, plain: bytes) -> bytes:
        """Seal under a guest's key (its number), for one place only: `row` is the row's 16-byte uuid. Raises
        KeyDestroyed."""
        cipher = self._cipher(key)
        nonce = self._nonces.next()
        return b"\x01\x00" + nonce + cipher.encrypt(nonce, plain, _place(table, column, row))

    def unseal(self, key: int, table: str, column: str, row: bytes, sealed: bytes) -> bytes:
        """Open it again. Raises CannotOpen; KeyDestroyed, which is one too, once the guest was erased."""
        cipher = self._cipher(key)
        if sealed[:2] != VERSION + GUEST:
            raise CannotOpen()
        return _decrypt(cipher, sealed[2:], _place(table, column, row))

    def _cipher(self, key: int) -> AESGCM:
        cipher = self.keys.cipher(key)
        if cipher is None:
            raise KeyDestroyed()
        return cipher

    def seal_venue(self, table: str, column: str, row: bytes, plain: bytes) -> bytes:
        """Seal what belongs to no guest."""
        number, cipher = next(iter(self._venue.items()))
        nonce = self._nonces.next()
        return VERSION + VENUE + bytes((number,)) + nonce + cipher.encrypt(nonce, plain, _place(table, column, row))

    def open_venue(self, table: str, column: str, row: bytes, sealed: bytes) -> bytes:
        """Open what `seal_venue` made. Raises CannotOpen."""
        cipher = self._venue.get(sealed[2]) if len(sealed) > 3 and sealed[:2] == VERSION + VENUE else None
        if cipher is None:
            raise CannotOpen()
        return _decrypt(cipher, sealed[3:], _place(table, column, row))

    def credential(self, kind: str, text: str) -> bytes:
        """32 bytes by which a credential of this kind is recognised: a stolen database alone recognises none, and makes
        none."""
        return self._credentials.digest(f"{kind}:{text}".encode())

    def renew_jwt(self) -> None:
        """Sign with a new key from now on. The one before is still believed; the one before that no more. Takes some
        milliseconds: call it off the loop. Raises as `KeyStore.next_key` does."""
        self.keys.renew("jwt")
        self.jwt = Jwt(self.keys.purpose("jwt"))

    def request_mac(self, content: bytes) -> bytes:
        """32 bytes that say whether two requests are the same, and nothing of what they were."""
        return self._requests.digest(content)

    def limiter_key(self, caller: bytes) -> bytes:
        """16 bytes that stand for a caller in a limit: no address is kept in clear."""
        return self._limiter.digest(caller)[:16]


class Nonces:
    """Random 96-bit nonces out of a pool: one call to the kernel serves a thousand."""

    def __init__(self):
        self._own = threading.local()

    def next(self) -> bytes:
        pool = getattr(self._own, "pool", None)
        if not pool:
            random = os.urandom(12 * NONCES)
            pool = self._own.pool = [random[at : at + 12] for at in range(0, len(random), 12)]
        return pool.pop()


def _place(table: str, column: str, row: bytes) -> bytes:
    return f"{table}.{column}.".encode() + row


def _decrypt(cipher: AESGCM, sealed: bytes, place: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:12], sealed[12:], place)
    except (InvalidTag, ValueError):
        raise CannotOpen() from None


def init(folder: Path, key_file: Path, database_exists: bool) -> Vault:
    """Make the keys folder: master key (unless the file is there already), key store, audit.pub. Raises KeyUnusable
    rather than making a new key beside data that an old one has sealed, NoWritableDisk where it cannot."""
    if database_exists or (folder / "keys.db").exists():
        raise KeyUnusable("there is data already, sealed with another key", master.TODO)
    try:
        return _make(folder, key_file)
    except (OSError, sqlite3.OperationalError):
        raise NoWritableDisk("the keys cannot be written", "check the keys folder, its owner and the disk") from None


def _make(folder: Path, key_file: Path) -> Vault:
    """The store of keys comes last: once it is there, everything is."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sync_folder(folder.parent)
    if not key_file.exists():
        _write(key_file, master.line(master.new()), 0o600)
    vault = Vault(KeyStore.create(folder, master.read(key_file)[0]))
    _write(folder / "audit.pub", public_text(vault.signer) + "\n", 0o644)
    return vault


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file that is there whole or not at all, whenever the power goes."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    sync_folder(path.parent)
