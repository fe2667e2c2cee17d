"""Users over HTTP: added with a code for a password, seen, changed, removed; and an owner always remains."""

import re
import stat

import pytest

from tests.people import PASSWORD, USERS, Person, added, person, sign_in
from tests.running import running

SETUP = "/communications/auth/setup"
ANA = {"email": "Ana@Quinta.example", "name": "Ana Silva", "role": "reception"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; it is 10:00 UTC."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def redeem(run, code, password=PASSWORD, **more):
    """Use a setup code."""
    return await run.call("POST", SETUP, {"code": code, "password": password} | more, headers={"Authorization": None})


async def test_a_user_chooses_his_password_with_a_code(run):
    """He is added without a password, uses the code once, and signs in; his address is found however it is written."""
    made = await run.call("POST", USERS, ANA)
    assert (made.status, made.json["ready"], made.json["email"]) == (201, False, ANA["email"])
    assert (await sign_in(run, ANA["email"], PASSWORD)).status == 401
    done = await redeem(run, made.json["setup_code"].upper().replace("-", " "))
    assert (done.status, done.json) == (200, {"id": made.json["id"]})
    assert (await redeem(run, made.json["setup_code"])).status == 401
    assert (await sign_in(run, "ana@QUINTA.example", PASSWORD)).status == 200
    seen = (await run.call("GET", f"{USERS}/{made.json['id']}")).json
    assert (seen["ready"], seen["signed_in_at"], "setup_code" in seen) == (True, "2026-11-24T10:00:00Z", False)


async def test_a_code_is_good_for_an_hour_and_a_new_one_ends_it(run, clock):
    """A code too old, or replaced by a newer one, is worth nothing."""
    made = (await run.call("POST", USERS, ANA)).json
    newer = (await run.call("POST", f"{USERS}/{made['id']}/setup-code")).json["setup_code"]
    assert (await redeem(run, made["setup_code"])).status == 401
    clock.forward(3600)
    assert (await redeem(run, newer)).status == 401
    newest = (await run.call("POST", f"{USERS}/{made['id']}/setup-code")).json["setup_code"]
    clock.forward(3599)
    assert (await redeem(run, newest)).status == 200


@pytest.mark.parametrize(
    "password",
    ["elf Zeichen", "x" * 257, "password1234", "qwertyuiopas", "321098765432", "Ana Silva 26", "aaaaaaaaaaaabbbb"],
)
async def test_a_password_that_is_guessed_soon_is_not_taken(run, password):
    """Too short, too long, known, a run of keys, one's own name: refused, and the code stays good."""
    code = (await run.call("POST", USERS, ANA)).json["setup_code"]
    refused = await redeem(run, code, password)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/password")
    assert password.encode() not in refused.raw
    assert (await redeem(run, code, "zwölf Zeichen")).status == 200


async def test_the_first_owner_comes_in_by_the_code_in_the_data_folder(run):
    """While there are no users a code lies in a file that only its owner can read; it works once, and is taken away."""
    await run.gateway.people.tidy(hourly=True)
    file = run.gateway.data.setup_code
    code = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert re.fullmatch("([0-9a-z]{6}-){3}[0-9a-z]{6}", code)
    unnamed = await redeem(run, code)
    assert [fault["pointer"] for fault in unnamed.json["errors"]] == ["/email", "/name"]
    assert (await redeem(run, code, email="nobody", name="Bo")).json["errors"][0]["pointer"] == "/email"
    done = await redeem(run, code, email="bo@quinta.example", name="Bo")
    assert done.status == 200 and not file.exists()
    assert (await redeem(run, code, email="eve@quinta.example", name="Eve")).status == 401
    await run.gateway.people.tidy(hourly=True)
    assert not file.exists()
    owner = Person(run, done.json["id"], "bo@quinta.example")
    await owner.sign_in()
    assert (await owner.call("GET", f"users/{owner.id}")).json["role"] == "owner"


async def test_the_code_for_the_first_owner_makes_no_second_one(run):
    """Once there is a user, however he came in, the code that still lies there is worth nothing."""
    await run.gateway.people.tidy(hourly=True)
    code = run.gateway.data.setup_code.read_text()
    await added(run, "owner")
    assert (await redeem(run, code, email="eve@quinta.example", name="Eve")).status == 401
    assert len((await run.call("GET", USERS)).json["items"]) == 1


async def test_users_are_changed_and_removed(run):
    """With the answer the change is in force; a removed user is not there any more, and his address is free."""
    someone = await person(run, "reader")
    path = f"{USERS}/{someone.id}"
    assert [one["id"] for one in (await run.call("GET", USERS)).json["items"]] == [someone.id]
    changed = await run.call("PATCH", path, {"name": "Rui", "email": "rui@quinta.example"}, headers={"If-Match": '"1"'})
    assert (changed.json["name"], changed.headers["ETag"]) == ("Rui", '"2"')
    assert (await run.call("PATCH", path, {"name": "x"}, headers={"If-Match": '"1"'})).status == 412
    assert (await sign_in(run, "reader@quinta.example", PASSWORD)).status == 401
    assert (await sign_in(run, "rui@quinta.example", PASSWORD)).status == 200
    assert (await run.call("DELETE", path)).status == 204
    assert (await run.call("GET", path)).status == 404
    assert (await sign_in(run, "rui@quinta.example", PASSWORD)).status == 401
    assert (await run.call("POST", USERS, ANA | {"email": "rui@quinta.example"})).status == 201


async def test_an_address_is_one_users(run):
    """Two users cannot share one, however it is written; and what is no address is nobody's."""
    await run.call("POST", USERS, ANA)
    other = (await run.call("POST", USERS, ANA | {"email": "rui@quinta.example"})).json
    assert (await run.call("POST", USERS, ANA | {"email": "ana@quinta.example"})).status == 409
    assert (await run.call("PATCH", f"{USERS}/{other['id']}", {"email": "ANA@quinta.example"})).status == 409
    assert (await run.call("PATCH", f"{USERS}/{other['id']}", {"email": "Rui@quinta.example"})).status == 200
    refused = await run.call("POST", USERS, ANA | {"email": "nobody"})
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/email")


async def test_names_and_addresses_of_users_are_sealed(run, tmp_path):
    """No file has them in clear; the list has them."""
    await run.call("POST", USERS, {"email": "canary17@quinta.example", "name": "Canary18", "role": "reader"})
    await sign_in(run, "canary17@quinta.example", "canary19 canary19")
    files = [path.read_bytes().lower() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [content for content in files if b"canary1" in content]
    assert "canary1" not in run.log_text.getvalue().lower()
    assert b"canary17" in (await run.call("GET", USERS)).raw


async def test_the_last_owner_remains(run):
    """He is neither removed nor given another role; once there is a second who can sign in, he may go."""
    first = await person(run, "owner")
    invited = (await first.call("POST", "users", ANA | {"role": "owner"})).json
    assert (await first.call("DELETE", f"users/{first.id}")).status == 409
    assert (await first.call("PATCH", f"users/{first.id}", {"role": "admin"})).status == 409
    assert (await redeem(run, invited["setup_code"])).status == 200
    assert (await first.call("DELETE", f"users/{first.id}")).status == 204
    assert await first.enters() == 401


@pytest.mark.parametrize("role", ["owner", "admin"])
async def test_an_admin_neither_makes_nor_touches_an_owner(run, role):
    """What reaches further than oneself is out of reach; what reaches as far is not."""
    admin, other = await person(run, "admin"), await added(run, role, "other@quinta.example")
    expected = (403, 403, 403, 403) if role == "owner" else (201, 200, 201, 204)
    made = await admin.call("POST", "users", ANA | {"role": role})
    changed = await admin.call("PATCH", f"users/{other.id}", {"name": "x"})
    code = await admin.call("POST", f"users/{other.id}/setup-code")
    gone = await admin.call("DELETE", f"users/{other.id}")
    assert (made.status, changed.status, code.status, gone.status) == expected
    assert (await admin.call("PATCH", f"users/{admin.id}", {"role": "owner"})).status == 403


async def test_users_come_in_pages(run):
    """Newest first, and each once."""
    for name in "abc":
        await run.call("POST", USERS, ANA | {"email": f"{name}@quinta.example"})
    first = (await run.call("GET", f"{USERS}?limit=2")).json
    second = (await run.call("GET", f"{USERS}?limit=2&cursor={first['next_cursor']}")).json
    assert [one["email"][0] for one in first["items"] + second["items"]] == ["c", "b", "a"]
    assert second["next_cursor"] is None
