"""What is handed out after a sign-in: an access token for a quarter of an hour, a refresh token for the next one."""

import hmac
import os

from msgspec import DecodeError, Struct, json

from gateway import ids
from gateway.clock import Clock
from gateway.vault import Vault
from gateway.vault.jwt import base64url

LIFE = 900
"""Seconds an access token is good for."""
AHEAD = 60
"""Seconds the clock may have been set back since a token was signed."""


class Claims(Struct, frozen=True):
    """What an access token says: who signed it for whom, about which user or key (`sub`), in which session, until
    when. What he may do is not in it: that is looked up."""

    iss: str
    aud: str
    sub: str
    iat: int
    exp: int
    jti: str
    sid: str | None = None


class Tokens:
    """Makes and reads both kinds. `issuer` is where this gateway is known."""

    def __init__(self, vault: Vault, clock: Clock, issuer: str):
        self._vault, self._clock = vault, clock
        self._issuer, self._audience = issuer, f"{issuer}/communications"
        self._decoder = json.Decoder(Claims)

    def access(self, subject: str, session: bytes | None) -> str:
        """An access token for a user (`usr_…`) in a session, or for a key (`key_…`)."""
        now = self._clock.now() // 1000
        sid = ids.public("ses", session) if session else None
        claims = Claims(self._issuer, self._audience, subject, now, now + LIFE, base64url(os.urandom(9)), sid)
        return self._vault.jwt.sign(json.encode(claims))

    def read(self, token: str) -> Claims | None:
        """The claims of a token that was signed here, for here, and runs now; None for any other."""
        claims, now = self._claims(token), self._clock.now() // 1000
        return claims if claims is not None and claims.iat - AHEAD <= now < claims.exp else None

    def made(self, token: str) -> bool:
        """Whether a token was signed here, for here, though it may have run out."""
        return self._claims(token) is not None

    def _claims(self, token: str) -> Claims | None:
        raw = self._vault.jwt.open(token)
        try:
            claims = self._decoder.decode(raw) if raw is not None else None
        except DecodeError:
            return None
        if claims is None or (claims.iss, claims.aud) != (self._issuer, self._audience):
            return None
        return claims

    def refresh(self, session: bytes, generation: int) -> str:
        """The refresh token of a session's generation. Nothing of it is stored: it is recognised by its seal."""
        body = f"{ids.public('gr', session)}_{generation}"
        return f"{body}_{base64url(self._vault.credential('refresh', body))}"

    def read_refresh(self, token: str) -> tuple[bytes, int] | None:
        """Session and generation of a refresh token that was made here, used up or not; None for any other."""
        name, session, generation, *_ = [*token.split("_", 3), "", "", ""]
        uuid = ids.parse("gr", f"{name}_{session}")
        if uuid is None or not token.isascii() or not generation.isdigit() or len(generation) > 9:
            return None
        good = hmac.compare_digest(token, self.refresh(uuid, int(generation)))
        return (uuid, int(generation)) if good else None
