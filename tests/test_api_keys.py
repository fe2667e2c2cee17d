"""API keys over HTTP: drawn, seen, narrowed, replaced and ended, by whoever reaches as far himself."""

import pytest

from tests.people import KEYS, USERS, person
from tests.running import running

LIST = "/communications/messages"
DAY = 86_400


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; it is 10:00 UTC."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def enter(run, key, path=LIST):
    """The status this key gets at a door."""
    return (await run.call("GET", path, headers={"Authorization": f"Bearer {key}"})).status


def as_(key):
    return {"headers": {"Authorization": f"Bearer {key}"}}


def order(*scopes, **more):
    return {"name": "till", "scopes": list(scopes)} | more


async def drawn(run, *scopes, **more):
    return (await run.local("POST", KEYS, order(*scopes, **more))).json


async def test_a_key_is_drawn_seen_changed_and_ended(run):
    """Its secret is shown once; what is changed is in force with the answer, and so is the end."""
    made = await run.call("POST", KEYS, order("read", expires_at="2027-01-01T00:00:00Z"))
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    key, path = made.json["key"], f"{KEYS}/{made.json['id']}"
    seen = await run.call("GET", path)
    assert seen.json == {name: value for name, value in made.json.items() if name != "key"}
    assert (await enter(run, key), await enter(run, key, KEYS)) == (200, 403)
    changed = await run.call("PATCH", path, {"scopes": ["keys"], "name": "desk", "expires_at": None})
    assert (changed.json["scopes"], changed.json["name"], changed.json["expires_at"]) == (["keys"], "desk", None)
    assert (await enter(run, key), await enter(run, key, KEYS)) == (403, 200)
    assert (await run.call("DELETE", path)).status == 204
    assert await enter(run, key, KEYS) == 401
    assert (await run.call("GET", path)).json["revoked_at"] == "2026-11-24T10:00:00Z"
    assert (await run.call("DELETE", path)).status == 409


async def test_keys_come_in_pages_newest_first(run):
    """Every key is on one page and only on one."""
    names = {(await drawn(run, "read"))["id"] for _ in range(3)}
    first = (await run.call("GET", f"{KEYS}?limit=2")).json
    second = (await run.call("GET", f"{KEYS}?limit=2&cursor={first['next_cursor']}")).json
    found = [one["id"] for one in first["items"] + second["items"]]
    assert len(first["items"]) == 2 and names < set(found) and len(set(found)) == 4
    assert second["next_cursor"] is None
    refused = await run.call("GET", f"{KEYS}?limit=0&cursor=x&colour=red")
    assert {fault["pointer"] for fault in refused.json["errors"]} == {"?limit", "?cursor", "?colour"}


async def test_an_edit_is_meant_for_what_was_seen(run):
    """With If-Match, an edit of anything but today's version is 412; without, or with today's, it is taken."""
    path = f"{KEYS}/{(await drawn(run, 'read'))['id']}"
    assert (await run.call("PATCH", path, {"name": "a"}, headers={"If-Match": '"1"'})).headers["ETag"] == '"2"'
    for tag in ('"1"', "W/2", "2", '"x"'):
        refused = await run.call("PATCH", path, {"name": "b"}, headers={"If-Match": tag})
        assert (refused.status, refused.json["type"]) == (412, "urn:guest-gateway:problem:precondition")
    assert (await run.call("DELETE", path, headers={"If-Match": '"1"'})).status == 412
    assert (await run.call("PATCH", path, {"name": "c"}, headers={"If-Match": "*"})).json["name"] == "c"
    assert (await run.call("DELETE", path, headers={"If-Match": '"3"'})).status == 204


async def test_a_rotated_key_works_beside_the_new_one_for_a_while(run, clock):
    """Both are the same principal with the same rights; after the overlap only the new one is good."""
    old = await drawn(run, "read", networks=["127.0.0.0/8"])
    new = await run.call("POST", f"{KEYS}/{old['id']}/rotate", {"overlap": DAY})
    assert new.status == 201 and new.json["key"] != old["key"]
    assert all(new.json[name] == old[name] for name in ("name", "scopes", "networks", "principal", "expires_at"))
    assert (await enter(run, old["key"]), await enter(run, new.json["key"])) == (200, 200)
    clock.forward(DAY)
    assert (await enter(run, old["key"]), await enter(run, new.json["key"])) == (401, 200)
    assert (await run.call("POST", f"{KEYS}/{old['id']}/rotate", {})).status == 409
    assert (await run.call("POST", f"{KEYS}/{new.json['id']}/rotate", {"overlap": 0})).status == 201
    assert await enter(run, new.json["key"]) == 401


async def test_rotating_never_lengthens_a_life(run):
    """A key that ends before the overlap does still ends when it was to."""
    old = await drawn(run, "read", expires_at="2026-11-24T11:00:00Z")
    new = (await run.call("POST", f"{KEYS}/{old['id']}/rotate", {})).json
    assert new["expires_at"] == old["expires_at"]
    assert (await run.call("GET", f"{KEYS}/{old['id']}")).json["expires_at"] == old["expires_at"]


async def test_when_a_key_was_last_used_is_known_to_the_minute(run, clock):
    """The use is noted in memory and written by the housekeeping; a key nobody used says so."""
    used, idle = await drawn(run, "read"), await drawn(run, "read")
    for _ in range(3):
        assert await enter(run, used["key"]) == 200
    clock.forward(60)
    await run.gateway.people.tidy(hourly=False)
    assert (await run.call("GET", f"{KEYS}/{used['id']}")).json["last_used_at"] == "2026-11-24T10:01:00Z"
    assert (await run.call("GET", f"{KEYS}/{idle['id']}")).json["last_used_at"] is None


BEYOND = [
    order("read", "send"),
    order("all"),
    order("read", networks=["10.0.0.0/8"]),
    order("read", networks=["127.0.0.0/8", "::1/128"]),
    order("read", networks=[]),
    order("read", networks=["127.0.0.0/30"], expires_at="2027-01-01T00:00:01Z"),
    order("read", networks=["127.0.0.0/30"], expires_at=None),
]
MINE = {"networks": ["127.0.0.0/8"], "expires_at": "2027-01-01T00:00:00Z"}


@pytest.mark.parametrize("beyond", BEYOND)
async def test_nobody_gives_away_more_than_he_has(run, beyond):
    """Scopes, networks and expiry of a key stay within those of who draws it or changes it to that."""
    mine = await drawn(run, "keys", "read", **MINE)
    within = order("read", networks=["127.0.0.0/30"], expires_at="2026-12-01T00:00:00Z")
    good = await run.call("POST", KEYS, within, **as_(mine["key"]))
    assert good.status == 201
    assert (await run.call("POST", KEYS, beyond, **as_(mine["key"]))).status == 403
    changes = {"networks": [], "expires_at": None} | beyond
    assert (await run.call("PATCH", f"{KEYS}/{good.json['id']}", changes, **as_(mine["key"]))).status == 403
    assert (await run.call("PATCH", f"{KEYS}/{good.json['id']}", {"name": "x"}, **as_(mine["key"]))).status == 200


async def test_nobody_touches_what_reaches_further(run):
    """A weaker key neither changes, nor replaces, nor ends a stronger one; nor does it make itself stronger."""
    weak, strong = await drawn(run, "keys"), await drawn(run, "keys", "read")
    path = f"{KEYS}/{strong['id']}"
    assert (await run.call("PATCH", path, {"scopes": ["keys"]}, **as_(weak["key"]))).status == 403
    assert (await run.call("POST", f"{path}/rotate", {}, **as_(weak["key"]))).status == 403
    assert (await run.call("DELETE", path, **as_(weak["key"]))).status == 403
    own = {"scopes": ["keys", "send"]}
    assert (await run.call("PATCH", f"{KEYS}/{weak['id']}", own, **as_(weak["key"]))).status == 403
    assert (await run.call("DELETE", f"{KEYS}/{weak['id']}", **as_(strong["key"]))).status == 204


async def test_a_user_is_not_bound_to_a_network_so_a_key_that_is_adds_none(run):
    """A user signs in from anywhere and for good: only who reaches as far adds one."""
    bound = await drawn(run, "users", "read", networks=["127.0.0.0/8"])
    free = await drawn(run, "users", "read")
    body = {"email": "ana@quinta.example", "name": "Ana", "role": "reader"}
    assert (await run.call("POST", USERS, body, **as_(bound["key"]))).status == 403
    assert (await run.call("POST", USERS, body, **as_(free["key"]))).status == 201


async def test_what_was_read_and_then_changed_by_somebody_else_is_not_overwritten(run):
    """Two edits at once: one is taken, the other is told, and nothing of it is kept."""
    made = await drawn(run, "read")
    keyring = run.gateway.people.keyring
    stale = keyring._find(made["id"])
    await run.call("PATCH", f"{KEYS}/{made['id']}", {"name": "first"})
    keyring._find = lambda _: stale
    refused = await run.call("PATCH", f"{KEYS}/{made['id']}", {"name": "second"})
    del keyring._find
    assert refused.status == 412
    assert (await run.call("GET", f"{KEYS}/{made['id']}")).json["name"] == "first"


@pytest.mark.parametrize("name", ["nothing", "key_", "key_aaaaaaaa", "usr_00000000000000000000000000"])
async def test_a_key_that_is_not_there_is_not_found(run, name):
    """Whatever the id looks like."""
    assert (await run.call("GET", f"{KEYS}/{name}")).status == 404
    assert (await run.call("DELETE", f"{KEYS}/{name}")).status == 404


async def test_every_change_of_a_key_is_in_the_record(run):
    """Who drew, changed, replaced and ended it."""
    admin = await person(run, "owner")
    made = (await admin.call("POST", "api-keys", order("read"))).json
    await admin.call("PATCH", f"api-keys/{made['id']}", {"name": "x"})
    await admin.call("POST", f"api-keys/{made['id']}/rotate", {})
    await admin.call("DELETE", f"api-keys/{made['id']}")
    entries = run.gateway.db.reader.execute("SELECT entry FROM audit ORDER BY seq").fetchall()
    mine = [entry for (entry,) in entries if made["id"].encode() in entry]
    actions = [action for entry in mine for action in ("created", "changed", "rotated", "revoked") if
               f'"apikey.{action}"'.encode() in entry]  # fmt: skip
    assert actions == ["created", "changed", "rotated", "revoked"]
    assert all(b'"actor":"user:' + admin.id.removeprefix("usr_").encode() in entry for entry in mine)
