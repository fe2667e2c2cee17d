"""Everything about who may come in, and by what, in one place."""

from pathlib import Path

from msgspec import Struct

from gateway.callers import Callers, Denies
from gateway.clock import Clock
from gateway.ids import Ids
from gateway.keyring import Keyring
from gateway.passwords import Passwords
from gateway.second_factor import SecondFactor
from gateway.sessions import Sessions
from gateway.setup import Setup
from gateway.store.db import Database
from gateway.tokens import Tokens
from gateway.users import Users
from gateway.vault import Vault


class People(Struct, frozen=True):
    """Programs and persons: what recognises them, and what they are changed with."""

    callers: Callers
    keyring: Keyring
    users: Users
    factor: SecondFactor
    sessions: Sessions
    setup: Setup

    @classmethod
    def begin(
        cls, db: Database, vault: Vault, ids: Ids, clock: Clock, issuer: str, setup_file: Path, denies: Denies
    ) -> "People":
        """The parts. `issuer` is where this gateway is known, `setup_file` where codes are laid."""
        tokens, passwords, users = Tokens(vault, clock, issuer), Passwords(), Users(db, vault, ids)
        factor = SecondFactor(db, vault, users)
        return cls(
            callers=Callers(db, vault, tokens, clock, denies),
            keyring=Keyring(db, vault, ids, clock),
            users=users,
            factor=factor,
            sessions=Sessions(db, vault, ids, clock, tokens, users, passwords, factor),
            setup=Setup(db, vault, users, passwords, clock, setup_file),
        )

    async def tidy(self, hourly: bool) -> None:
        """Once a minute: which keys were used; hourly: sessions that are over, the code for the first owner."""
        await self.callers.note_use()
        if hourly:
            await self.sessions.forget_old()
            await self.setup.for_first_owner()
