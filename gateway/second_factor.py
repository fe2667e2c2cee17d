"""The second factor: codes from an app, and recovery codes for the day the phone is lost."""

from hashlib import sha256
from typing import Annotated

from msgspec import Meta, Struct

from gateway import codes, ids, totp
from gateway.errors import Conflict, Fault, Invalid
from gateway.store import users
from gateway.store.db import Database, Tx
from gateway.store.users import User
from gateway.users import Users
from gateway.vault import Vault

RECOVERY_CODES = 10
ISSUER = "Guest Gateway"


class FactorAnswer(Struct, frozen=True):
    """A new secret: the only time it is shown. It counts once a code of it was given."""

    secret: Annotated[str, Meta(description="To be typed into an app")]
    uri: Annotated[str, Meta(description="To be shown as a QR code")]


class RecoveryAnswer(Struct, frozen=True):
    """Recovery codes: the only time they are shown, each good once."""

    recovery_codes: list[str]


class SecondFactor:
    """Gives second factors, takes them away, and looks at codes."""

    def __init__(self, db: Database, vault: Vault, users_: Users):
        self._db, self._vault, self._users = db, vault, users_

    async def begin(self, user: User, actor: str) -> FactorAnswer:
        """A new secret, not in use yet. Raises Conflict while there is one in use."""
        if user.totp_on:
            raise Conflict("There is a second factor already; take it off first.")
        secret = totp.draw()
        sealed = self._vault.seal_venue("users", "totp", user.uuid, secret)

        def act(tx: Tx) -> None:
            users.set_totp(tx, user, sealed, on=False)
            tx.audit(actor, "user.totp_begun", ids.public("usr", user.uuid), sha256(sealed).digest())

        await self._db.do(act)
        return FactorAnswer(totp.shown(secret), totp.uri(secret, self._users.profile(user).email, ISSUER))

    async def confirm(self, user: User, code: str, actor: str) -> RecoveryAnswer:
        """The secret has arrived in the app: from now on its codes are asked for. Raises Conflict when there is nothing
        to confirm, Invalid for a wrong code."""
        if user.totp_on or user.totp_sealed is None:
            raise Conflict("There is no second factor to confirm.")
        drawn = [codes.draw() for _ in range(RECOVERY_CODES)]
        digests = [self._recovery(code) for code in drawn]

        def act(tx: Tx) -> None:
            step = totp.step_of(self._secret(user), code, tx.now)
            if step is None:
                raise Invalid(faults=[Fault("/code", "wrong-code", "the six digits the app shows now")])
            users.set_totp(tx, user, user.totp_sealed, on=True, step=step)
            users.add_recovery_codes(tx, user, digests)
            tx.audit(actor, "user.totp_on", ids.public("usr", user.uuid), sha256(user.totp_sealed or b"").digest())

        await self._db.do(act)
        return RecoveryAnswer(drawn)

    async def take_off(self, user: User, actor: str) -> None:
        """Ask for no codes any more."""

        def act(tx: Tx) -> None:
            users.set_totp(tx, user, None, on=False)
            tx.audit(actor, "user.totp_off", ids.public("usr", user.uuid), sha256(user.uuid).digest())

        await self._db.do(act)

    def passes(self, tx: Tx, user: User, code: str | None) -> bool:
        """Whether this code lets the user in, who may need none. It is used up by that."""
        if not user.totp_on:
            return True
        if code is None:
            return False
        if len(code) == totp.DIGITS:
            step = totp.step_of(self._secret(user), code, tx.now)
            return step is not None and users.use_step(tx, user, step)
        return users.use_recovery_code(tx, user, self._recovery(code))

    def _secret(self, user: User) -> bytes:
        return self._vault.open_venue("users", "totp", user.uuid, user.totp_sealed or b"")

    def _recovery(self, code: str) -> bytes:
        return self._vault.credential("recovery", codes.normal(code))
