"""People who work with the gateway: who they are and which role they have. How they prove it is in `sessions`."""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, json

from gateway import ids, reading
from gateway.callers import Caller
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.errors import Conflict, Fault, Invalid, NotFound, Precondition
from gateway.orders import Email
from gateway.pages import PageQuery, cut
from gateway.reach import Reach
from gateway.roles import ROLES
from gateway.store import users
from gateway.store.db import Database, Tx
from gateway.store.users import NewUser, User
from gateway.vault import Vault
from gateway.views import Time, UserId

RoleName = Literal["owner", "admin", "coordinator", "reception", "privacy", "reader"]
PersonName = Annotated[str, Meta(min_length=1, max_length=200)]


class UserOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A new user."""

    email: Email
    name: PersonName
    role: RoleName


class UserChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different about a user; a member left out stays as it is."""

    email: Email | UnsetType = UNSET
    name: PersonName | UnsetType = UNSET
    role: RoleName | UnsetType = UNSET


class UserView(Struct, frozen=True, kw_only=True):
    """A user. `ready`: he has a password; `totp`: and a second factor."""

    id: UserId
    email: str
    name: str
    role: str
    ready: bool
    totp: bool
    created_at: Time
    signed_in_at: Time | None
    version: int
    setup_code: str | UnsetType = UNSET
    """What he chooses his password with: shown once, when he is added."""


class UserList(Struct, frozen=True):
    """A page of users, newest first."""

    items: list[UserView]
    next_cursor: str | None


class Profile(Struct, frozen=True):
    """What is sealed of a user."""

    email: str
    name: str


class Users:
    """All users. Whoever acts must reach as far himself as the user's role does, before and after."""

    def __init__(self, db: Database, vault: Vault, ids_: ids.Ids):
        self._db, self._vault, self._ids = db, vault, ids_

    async def many(self, query: PageQuery, caller: Caller) -> UserList:
        """A page of users; that their names were looked at is noted."""
        found = await self._db.read(users.page, query.before, query.limit + 1)
        page, more = cut(found, query.limit, lambda user: user.id)
        await reading.seen(self._db, caller, "user.read", "users", [user.uuid for user in page])
        return UserList([self.view(user) for user in page], more)

    async def one(self, public: str, caller: Caller) -> UserView:
        """One user; that his name was looked at is noted. Raises NotFound."""
        user = self.find(public)
        await reading.seen(self._db, caller, "user.read", public, [user.uuid])
        return self.view(user)

    def find(self, public: str) -> User:
        """The row behind a public id. Raises NotFound."""
        uuid = ids.parse("usr", public)
        user = users.find(self._db.reader, uuid) if uuid else None
        if user is None:
            raise NotFound()
        return user

    def behind(self, email: str) -> User | None:
        """The user who has this e-mail address."""
        return users.behind(self._db.reader, self.blind(email))

    def blind(self, email: str) -> bytes:
        """By what a user is found. It is another one than a guest's of the same address; what is no address has one
        too, which nobody is found by."""
        try:
            email = self._vault.index.normalise("email", email)
        except Invalid:
            return self._vault.index.blind("nobody", email)
        return self._vault.index.blind("user", email)

    async def add(self, order: UserOrder, caller: Caller) -> User:
        """Write a new user, who has no password yet. Raises Forbidden, Invalid, Conflict."""
        caller.reach.need(reach_of(order.role))
        new = self.new(order)
        await self._db.do(lambda tx: write(tx, new, caller.actor))
        return self.find(ids.public("usr", new.uuid))

    def new(self, order: UserOrder) -> NewUser:
        """A user, to be written. Raises Invalid for an address that is none."""
        uuid = self._ids.new()
        profile = Profile(order.email.strip(), order.name)
        return NewUser(uuid, order.role, self._blind_of(order.email), self._seal(uuid, profile))

    async def change(self, public: str, order: UserChange, caller: Caller, version: int | None) -> UserView:
        """Change a user; a new role is in force with the answer. Raises NotFound, Forbidden, Invalid, Conflict,
        Precondition."""
        known = self.find(public)
        profile = self.profile(known)
        email = profile.email if order.email is UNSET else order.email.strip()
        name = profile.name if order.name is UNSET else order.name
        role = known.role if order.role is UNSET else order.role
        caller.reach.need(reach_of(role))
        sealed = self._seal(known.uuid, Profile(email, name))
        new = known._replace(role=role, blind=self._blind_of(email), profile_sealed=sealed)

        def act(tx: Tx) -> None:
            _only(tx, new.blind, known)
            users.change(tx, new)

        await self._act(known, caller, version, "user.changed", act, new)
        return self.view(self.find(public))

    async def remove(self, public: str, caller: Caller, version: int | None) -> None:
        """Delete a user; from the answer on nothing of his is taken. Raises as `change` does."""
        known = self.find(public)
        await self._act(known, caller, version, "user.removed", lambda tx: users.remove(tx, known), None)

    async def _act(
        self, known: User, caller: Caller, version: int | None, action: str, act: Callable[[Tx], None], new: User | None
    ) -> None:
        """Act on a user who is still as he was read, and leave at least one owner who could sign in, if there was."""
        caller.reach.need(reach_of(known.role))

        def work(tx: Tx) -> None:
            user = users.find(tx.connection, known.uuid)
            if user is None or {user.version, version or user.version} != {known.version}:
                raise Precondition()
            owners = users.owners(tx.connection)
            act(tx)
            if owners and not users.owners(tx.connection):
                raise Conflict("The last owner cannot be removed.")
            tx.audit(caller.actor, action, ids.public("usr", known.uuid), _hash(new or known))

        await self._db.do(work)

    def view(self, user: User, setup_code: str | UnsetType = UNSET) -> UserView:
        """A user as callers see him."""
        profile = self.profile(user)
        return UserView(
            id=ids.public("usr", user.uuid),
            email=profile.email,
            name=profile.name,
            role=user.role,
            ready=user.password is not None,
            totp=user.totp_on,
            created_at=rfc3339(user.created_at),
            signed_in_at=rfc3339_or_none(user.signed_in_at),
            version=user.version,
            setup_code=setup_code,
        )

    def profile(self, user: User) -> Profile:
        """Name and address."""
        return json.decode(self._vault.open_venue("users", "profile", user.uuid, user.profile_sealed), type=Profile)

    def _blind_of(self, email: str) -> bytes:
        try:
            return self._vault.index.blind("user", self._vault.index.normalise("email", email))
        except Invalid:
            raise Invalid(faults=[Fault("/email", "bad-address", "an e-mail address")]) from None

    def _seal(self, uuid: bytes, profile: Profile) -> bytes:
        return self._vault.seal_venue("users", "profile", uuid, json.encode(profile))


def write(tx: Tx, new: NewUser, actor: str) -> int:
    """The work of adding a user; his row. Raises Conflict when the address is somebody else's."""
    _only(tx, new.blind, None)
    tx.audit(actor, "user.created", ids.public("usr", new.uuid), _hash(new))
    return users.add(tx, new)


def reach_of(role: str) -> Reach:
    """How far a role reaches: from anywhere, for good."""
    return Reach(ROLES[role])


def _only(tx: Tx, blind: bytes, user: User | None) -> None:
    """Raise Conflict when the address is somebody else's."""
    other = users.behind(tx.connection, blind)
    if other is not None and (user is None or other.id != user.id):
        raise Conflict("Another user has this address.")


def _hash(user: User | NewUser) -> bytes:
    """What the audit log keeps of a user: role and profile, as sealed."""
    return sha256(user.role.encode() + user.profile_sealed).digest()
