"""Passwords: kept as Argon2id (RFC 9106), few at a time: each takes 19 MB and some hundredths of a second."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

from gateway.errors import Fault, Unavailable

SHORTEST, LONGEST = 12, 256
MEMORY_KIB, ROUNDS = 19_456, 2
AT_ONCE, WAITING = 2, 24
RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)
GUESSED_FIRST = (
    "password", "passwort", "passw0rd", "letmein", "welcome", "iloveyou", "administrator", "changeme", "guest-gateway",
    "guestgateway", "correcthorsebatterystaple", "trustno1", "qwerty", "asdfgh", "1q2w3e4r", "1qaz2wsx", "dragon",
    "monkey", "football", "princess", "sunshine",
)  # fmt: skip


class Passwords:
    """Keeps and compares. Not more than two are worked on at once, and not more than a few wait for their turn."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._inside = 0

    async def keep(self, password: str) -> str:
        """The string to keep in its place. Raises Unavailable when too many are waiting."""
        return await self._in_turn(_derive, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether this is it. Takes its time also where there is none to compare with: nobody shall see by the clock
        who exists. Raises Unavailable when too many are waiting."""
        return await self._in_turn(_fits, password, kept)

    async def _in_turn(self, work: Callable[..., Any], *arguments: Any) -> Any:
        if self._inside >= WAITING:
            raise Unavailable("Too many are signing in at this moment.", retry_after=2)
        self._inside += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._inside -= 1


def weakness(password: str, *own: str) -> list[Fault]:
    """What is wrong with a new password; `own` are words that everybody connects with its owner. Length is what
    counts: no letters or signs are demanded."""
    if not SHORTEST <= len(password) <= LONGEST:
        return [Fault("/password", "length", f"{SHORTEST} to {LONGEST} characters; 15 and more are better")]
    if _guessed_soon(password.lower(), own):
        return [Fault("/password", "guessed-soon", "not mostly a known password, a run of keys, or your own name")]
    return []


def _guessed_soon(password: str, own: tuple[str, ...]) -> bool:
    """Whether little is left of it once what is tried first is taken out."""
    left = password
    for word in sorted([*GUESSED_FIRST, *[word.lower() for word in own if len(word) > 2]], key=len, reverse=True):
        left = left.replace(word, "")
    if len(left) < SHORTEST // 2 or len(set(password)) < 5:
        return True
    return any(password in run * 2 or password[::-1] in run * 2 for run in RUNS)


def _argon2(salt: bytes) -> Any:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 most starts sign nobody in

    return Argon2id(salt=salt, length=32, iterations=ROUNDS, lanes=1, memory_cost=MEMORY_KIB)


def _derive(password: str) -> str:
    return _argon2(os.urandom(16)).derive_phc_encoded(password.encode())


def _fits(password: str, kept: str | None) -> bool:
    from cryptography.exceptions import InvalidKey  # noqa: PLC0415 see above

    if kept is None:
        _derive(password)
        return False
    try:
        type(_argon2(b"\0" * 16)).verify_phc_encoded(password.encode(), kept)
    except InvalidKey:
        return False
    return True
