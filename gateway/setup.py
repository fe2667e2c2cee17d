"""Passwords are chosen by those who use them: with a code that works once and for an hour, or with the old password.

The code for the first owner, and those asked for on the command line, lie in `DATA/setup-code`, for the eyes of whoever
runs the gateway; an administrator is shown the code of a user he adds.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from gateway import codes, ids
from gateway.callers import actor_of
from gateway.clock import Clock
from gateway.errors import Fault, Invalid, Unauthorized
from gateway.orders import Email
from gateway.passwords import Passwords, weakness
from gateway.store import sessions, setup_codes, users
from gateway.store.db import Database, Tx
from gateway.store.users import User
from gateway.users import PersonName, Profile, UserOrder, Users, write
from gateway.vault import Vault
from gateway.views import UserId

HOUR_MS = 3_600_000
NOT_GOOD = "The code is not good, or not any more."
SETUP = "setup"
"""The actor of what a code was good for."""


class SetupOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A code and the password it is used for; the first owner also says who he is."""

    code: Annotated[str, Meta(min_length=1, max_length=100)]
    password: Annotated[str, Meta(max_length=1000)]
    email: Email | None = None
    name: PersonName | None = None


class SetupAnswer(Struct, frozen=True):
    """Who may sign in now."""

    id: UserId


class Setup:
    """Codes, and the passwords they are used for."""

    def __init__(self, db: Database, vault: Vault, users_: Users, passwords: Passwords, clock: Clock, file: Path):
        self._db, self._vault, self._users, self._passwords = db, vault, users_, passwords
        self._clock, self.file = clock, file

    async def issue(self, user: User | None, actor: str) -> str:
        """A new code for a user, or None for the first owner; one made before ends."""
        code = codes.draw()
        digest, until = self._digest(code), self._clock.now() + HOUR_MS

        def act(tx: Tx) -> None:
            setup_codes.add(tx, digest, user.id if user else None, until)
            if user:
                tx.audit(actor, "user.setup_code", ids.public("usr", user.uuid), sha256(digest).digest())

        await self._db.do(act)
        return code

    async def to_file(self, user: User | None, actor: str) -> None:
        """A new code, laid into the file."""
        code = await self.issue(user, actor)
        await asyncio.to_thread(_write, self.file, code)

    async def for_first_owner(self) -> None:
        """While there are no users: a fresh code in the file."""
        if not users.anybody(self._db.reader):
            await self.to_file(None, SETUP)

    async def redeem(self, order: SetupOrder) -> SetupAnswer:
        """Keep the password the code was for; the user's other sessions end. Raises Unauthorized for a code that is not
        good (any more), Invalid with every fault of the rest, which leaves the code good."""
        digest = self._digest(order.code)
        found = setup_codes.find(self._db.reader, digest, self._clock.now())
        if found is None:
            raise Unauthorized(NOT_GOOD)
        user = users.at(self._db.reader, found.user_id) if found.user_id is not None else None
        public = await (self._for_user(user, order, digest) if user else self._for_owner(order, digest))
        await asyncio.to_thread(_unlink, self.file, codes.normal(order.code))
        return SetupAnswer(public)

    async def _for_user(self, user: User, order: SetupOrder, digest: bytes) -> str:
        kept = await self._checked(order.password, self._users.profile(user))

        def act(tx: Tx) -> None:
            _use(tx, digest)
            _set(tx, user.id, user.uuid, kept, actor_of(user.uuid))

        await self._db.do(act)
        return ids.public("usr", user.uuid)

    async def _for_owner(self, order: SetupOrder, digest: bytes) -> str:
        if order.email is None or order.name is None:
            missing = [name for name in ("email", "name") if getattr(order, name) is None]
            raise Invalid(faults=[Fault(f"/{name}", "missing", "the first owner says who he is") for name in missing])
        owner = UserOrder(order.email, order.name, "owner")

        def first(tx: Tx) -> None:
            _use(tx, digest)
            if users.anybody(tx.connection):
                raise Unauthorized(NOT_GOOD)

        return await self.add(owner, order.password, SETUP, first)

    async def add(
        self, order: UserOrder, password: str, actor: str, first: Callable[[Tx], None] = lambda tx: None
    ) -> str:
        """A user who has a password from the beginning; his id. `first` is done before, in the same transaction. Raises
        Invalid, Conflict."""
        new = self._users.new(order)
        kept = await self._checked(password, Profile(order.email, order.name))

        def act(tx: Tx) -> None:
            first(tx)
            _set(tx, write(tx, new, actor), new.uuid, kept, actor)

        await self._db.do(act)
        return ids.public("usr", new.uuid)

    async def change(self, user: User, password: str, actor: str) -> None:
        """Keep a new password, for somebody who has proved himself. His sessions end. Raises Invalid."""
        kept = await self._checked(password, self._users.profile(user))
        await self._db.do(lambda tx: _set(tx, user.id, user.uuid, kept, actor))

    async def _checked(self, password: str, profile: Profile) -> str:
        """A new password as it is kept. Raises Invalid for one that would be guessed soon."""
        if faults := weakness(password, *profile.email.partition("@")[::2], *profile.name.split()):
            raise Invalid(faults=faults)
        return await self._passwords.keep(password)

    def _digest(self, code: str) -> bytes:
        return self._vault.credential("setup", codes.normal(code))


def _use(tx: Tx, digest: bytes) -> None:
    if not setup_codes.use(tx, digest):
        raise Unauthorized(NOT_GOOD)


def _set(tx: Tx, row: int, uuid: bytes, kept: str, actor: str) -> None:
    """The work of a new password: whatever was opened with the old one ends."""
    users.set_password(tx, row, uuid, kept)
    sessions.end_all(tx, row)
    tx.audit(actor, "user.password", ids.public("usr", uuid), sha256(kept.encode()).digest())


def _write(file: Path, code: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{code}\n")


def _unlink(file: Path, code: str) -> None:
    """Take the file away, if this is the code in it."""
    with contextlib.suppress(FileNotFoundError):
        if codes.normal(file.read_text()) == code:
            file.unlink()
