"""One table says who may pass which door; it is printed, and walked through."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.model import ALL_SCOPES, SCOPES
from gateway.roles import ROLES
from gateway.web import app
from gateway.web.roles import page
from tests.people import person
from tests.running import running

ROOT = Path(__file__).parent.parent
DOORS = sorted(app.doors(app.MAIN), key=lambda door: door.path.endswith("/logout"))
"""Whoever goes through the last one goes out."""


def table():
    """The doors of the page: what is needed, and the roles that pass."""
    rows = re.findall(r"^\| `((?:GET|POST|PATCH|DELETE|PUT) [^`]+)` \| ([^|]*) \| (.*) \|$", stored(), re.MULTILINE)
    return {
        door: {role for role, mark in zip(ROLES, marks.split("|"), strict=True) if "✓" in mark}
        for door, _, marks in rows
    }


def stored():
    return (ROOT / "docs/roles.md").read_text()


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


def test_the_stored_page_is_the_one_the_code_makes():
    """Nobody reads of a right that is not there, or misses one that is; the command that the page names writes it."""
    assert stored() == page(app.doors(app.MAIN))
    command = [sys.executable, "-m", "gateway.web.roles"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == stored()


def test_every_door_has_its_row():
    """A door that is not in the table is one that nobody thought about."""
    assert set(table()) == {door.name for door in DOORS}


async def reply_at(run, door, token):
    """What a caller gets at a door with an empty body and a name that nothing has."""
    path = re.sub(r"\{\w+\}", "none", door.path)
    body = None if door.method in ("GET", "DELETE") else {}
    return (await run.call(door.method, path, body, headers={"Authorization": f"Bearer {token}"})).status


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_passes_the_doors_of_its_column_and_no_others(run, role):
    """Real requests with a real token: 403 where the table has no mark, anything else where it has one."""
    someone = await person(run, role)
    rows = table()
    for door in DOORS:
        status = await reply_at(run, door, someone.access)
        assert (status != 403) == (role in rows[door.name]), (door.name, status)
        assert status != 500 and (status != 401 or door.scope is None), (door.name, status)


@pytest.mark.parametrize("door", [door for door in DOORS if door.scope], ids=lambda door: door.name)
async def test_a_key_passes_a_door_with_its_scope_alone(run, door):
    """One of the scopes a door names is enough, and all others together are not."""
    scopes = [door.scope] if isinstance(door.scope, str) else list(door.scope)
    others = [scope for scope in SCOPES if scope not in scopes]
    assert await reply_at(run, door, await run.draw(*others)) == 403
    for scope in scopes:
        assert await reply_at(run, door, await run.draw(scope)) != 403


def test_roles_are_made_of_known_scopes():
    """The two dangerous scopes are the owner's alone, and nobody has a scope the owner lacks."""
    assert set(ROLES) == {"owner", "admin", "coordinator", "reception", "privacy", "reader"}
    assert ROLES["owner"] == set(SCOPES)
    assert ROLES["admin"] == ALL_SCOPES
    assert all(scopes <= ROLES["admin"] for role, scopes in ROLES.items() if role != "owner")
