"""People who work with the gateway: a role, a sealed name and address, what they prove themselves with."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from gateway.store.db import Tx


class NewUser(NamedTuple):
    """A user to be written."""

    uuid: bytes
    role: str
    blind: bytes
    profile_sealed: bytes


class User(NamedTuple):
    """A user as stored. `blind` finds him by his address; `password` is an Argon2id string, None until he chose one;
    `totp_step` is the last time step whose code was used; `version` counts changes of name, address and role."""

    id: int
    uuid: bytes
    role: str
    blind: bytes
    profile_sealed: bytes
    password: str | None
    totp_sealed: bytes | None
    totp_on: bool
    totp_step: int
    version: int
    created_at: int
    signed_in_at: int | None


_COLUMNS = """
    id, uuid, role, blind, profile_sealed, password, totp_sealed, totp_on, totp_step, version, created_at, signed_in_at
"""


def add(tx: Tx, user: NewUser) -> int:
    """Write a user; his row."""
    return tx.insert(
        "INSERT INTO users (uuid, role, blind, profile_sealed, created_at) VALUES (?, ?, ?, ?, ?)", (*user, tx.now)
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> User | None:
    """The user of this id."""
    return _one(reader, "uuid = ?", uuid)


def at(reader: sqlite3.Connection, row: int) -> User | None:
    """The user in this row."""
    return _one(reader, "id = ?", row)


def behind(reader: sqlite3.Connection, blind: bytes) -> User | None:
    """The user who has this address."""
    return _one(reader, "blind = ?", blind)


def page(reader: sqlite3.Connection, before: int, limit: int) -> list[User]:
    """Users whose row is below `before`, newest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM users WHERE id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608 our own columns
        (before, limit),
    )
    return [_user(row) for row in rows]


def anybody(reader: sqlite3.Connection) -> bool:
    """Whether there is any user."""
    return reader.execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None


def owners(reader: sqlite3.Connection) -> int:
    """How many owners could sign in."""
    (count,) = reader.execute("SELECT count(*) FROM users WHERE role = 'owner' AND password IS NOT NULL").fetchone()
    return count


def change(tx: Tx, user: User) -> None:
    """Write role, address and profile, and count the version on."""
    tx.execute(
        "UPDATE users SET role = ?, blind = ?, profile_sealed = ?, version = version + 1 WHERE id = ?",
        (user.role, user.blind, user.profile_sealed, user.id),
    )
    tx.changed(user.uuid)


def remove(tx: Tx, user: User) -> None:
    """Delete a user with his sessions and codes."""
    tx.execute("DELETE FROM users WHERE id = ?", (user.id,))
    tx.changed(user.uuid)


def set_password(tx: Tx, row: int, uuid: bytes, password: str) -> None:
    """Keep a new password."""
    tx.execute("UPDATE users SET password = ? WHERE id = ?", (password, row))
    tx.changed(uuid)


def set_totp(tx: Tx, user: User, sealed: bytes | None, on: bool, step: int = 0) -> None:
    """Keep a second factor, or none; without one there are no recovery codes either."""
    tx.execute("UPDATE users SET totp_sealed = ?, totp_on = ?, totp_step = ? WHERE id = ?", (sealed, on, step, user.id))
    if not on:
        tx.execute("DELETE FROM recovery_codes WHERE user_id = ?", (user.id,))
    tx.changed(user.uuid)


def use_step(tx: Tx, user: User, step: int) -> bool:
    """Use the code of a time step up; False when it, or a later one, was used before."""
    return bool(
        tx.execute("UPDATE users SET totp_step = ? WHERE id = ? AND totp_step < ?", (step, user.id, step)).rowcount
    )


def add_recovery_codes(tx: Tx, user: User, digests: Iterable[bytes]) -> None:
    """Keep the digests of recovery codes."""
    tx.executemany(
        "INSERT INTO recovery_codes (digest, user_id) VALUES (?, ?)", [(digest, user.id) for digest in digests]
    )


def use_recovery_code(tx: Tx, user: User, digest: bytes) -> bool:
    """Use a recovery code up; False when it is none of his, or was used before."""
    return bool(tx.execute("DELETE FROM recovery_codes WHERE digest = ? AND user_id = ?", (digest, user.id)).rowcount)


def signed_in(tx: Tx, user: User) -> None:
    """Note that he was here."""
    tx.execute("UPDATE users SET signed_in_at = ? WHERE id = ?", (tx.now, user.id))


def _one(reader: sqlite3.Connection, where: str, value: bytes | int) -> User | None:
    row = reader.execute(f"SELECT {_COLUMNS} FROM users WHERE {where}", (value,)).fetchone()  # noqa: S608
    return _user(row) if row else None


def _user(row: tuple) -> User:
    return User._make([*row[:7], bool(row[7]), *row[8:]])
