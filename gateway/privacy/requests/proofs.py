"""How somebody proves to be the guest: by a code and a link that went to an address we know him by (DSR-2)."""

import hmac
import re
import secrets
from typing import Literal, NamedTuple

from gateway.clock import DAY_MS, Clock
from gateway.store.data_requests import Proof, Request
from gateway.vault import Link, Vault

DIGITS, TRIES, MOST_SENT = 8, 5, 5
"""How long a code is, how often it may be tried, and how many are sent for one request."""
LIVE_MS = DAY_MS
Purpose = Literal["verify", "copy"]
"""What a code is for: that it is he who asks; that it is he who gets the copy."""
LINK, UNDO = "mydata", "undo"
"""Purposes of links. The first asks for the code and lives as long as that; the second only stops an erasure, and lives
until it is done."""


class Drawn(NamedTuple):
    """A code as the guest gets it, and as it is kept. `link` is "" where links lead nowhere."""

    code: str
    proof: Proof
    link: str


class Proofs:
    """Draws codes and links, and knows them again."""

    def __init__(self, vault: Vault, clock: Clock, link_base: str):
        self._vault, self._clock, self._link_base = vault, clock, link_base

    def draw(self, uuid: bytes, purpose: Purpose, channel: str, blind: bytes, sent: int) -> Drawn:
        """A new code for the request of this uuid, after `sent` others."""
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        proof = Proof(purpose, self._digest(uuid, purpose, code), channel, self._clock.now() + LIVE_MS, 0, sent + 1)
        return Drawn(f"{code[:4]} {code[4:]}", proof, self._link(LINK, "proof", uuid, blind, purpose))

    def right(self, request: Request, proof: Proof | None, purpose: Purpose, code: str) -> bool:
        """Whether this is the code that was sent for this, still good and not tried too often."""
        digest = self._digest(request.uuid, purpose, re.sub(r"[\s-]", "", code))
        kept = proof.digest if proof else b""
        same = hmac.compare_digest(digest, kept)
        return bool(proof and same and proof.tries < TRIES and self._clock.now() < proof.expires_at)

    def undo(self, uuid: bytes, blind: bytes) -> str:
        """The link by which a guest takes his erasure back."""
        return self._link(UNDO, "undo", uuid, blind, "")

    def read(self, token: str, purpose: Literal["mydata", "undo"]) -> Link | None:
        """What a link says: `message` is the request's uuid. None for one that is forged or for something else."""
        return self._vault.links.read(purpose, token)

    def _link(self, purpose: str, page: str, uuid: bytes, blind: bytes, scope: str) -> str:
        if not self._link_base:
            return ""
        token = self._vault.links.make(purpose, blind, scope, uuid, self._clock.now() // DAY_MS)
        return f"{self._link_base}/p/{token}/{page}"

    def _digest(self, uuid: bytes, purpose: str, code: str) -> bytes:
        return self._vault.credential("data request", f"{uuid.hex()}:{purpose}:{code}")
