"""From where and with which keys the API may be used: asked before anything else, and never instead of a key."""

import asyncio
import ipaddress
import random
import sys
from urllib.parse import urlsplit

import pytest

from gateway import metrics
from gateway.access.prefixes import Prefixes
from gateway.config import ConfigFaults, load
from gateway.vault.apikeys import _check
from gateway.web import app
from gateway.web.routes import Door
from tests.guest_pages import FORM, link
from tests.people import person
from tests.running import BOOKING, CONFIG, running
from tests.test_cli import run as command

__all__ = ["command"]
RULES, LIST, KEYS = "/communications/access-rules", "/communications/messages", "/communications/api-keys"
PROXIED = CONFIG + '[server]\nproxies = ["127.0.0.1"]\n'
OFFICE, ABUSER, NEIGHBOUR, ELSEWHERE = "192.0.2.10", "203.0.113.7", "203.0.113.8", "198.51.100.9"
DAY = 86_400


@pytest.fixture
async def run(tmp_path, clock):
    """A gateway behind a proxy; it is 10:00 UTC."""
    async with running(tmp_path, PROXIED, clock) as run:
        yield run


async def make(run, verdict, about, **more):
    """A new rule, made at the office; its id."""
    reply = await try_to(run, verdict, about, **more)
    assert reply.status == 201, reply.json
    return reply.json["id"]


async def try_to(run, verdict, about, source=OFFICE, **more):
    body = {"verdict": verdict, "reason": "because", "api_key" if about.startswith("key_") else "network": about}
    return await run.call("POST", RULES, body | more, headers={"X-Forwarded-For": source})


async def enter(run, source, key=None, path=LIST):
    """What is answered to whoever comes from an address."""
    headers = {"X-Forwarded-For": source} | ({"Authorization": f"Bearer {key}"} if key else {})
    return (await run.call("GET", path, headers=headers)).status


async def reload(run, config):
    """Let the gateway take this text for its config.toml."""
    (run.folder / "config.toml").write_text(config)
    assert await run.gateway.reload(load(run.folder / "config.toml", {})) == []


def denied(by):
    return metrics.of(metrics.ACCESS_DENIED, by)._value.get()


def public_of(key):
    return f"key_{key[3:11]}"


# -- by address -------------------------------------------------------------------------------------------------------


async def test_whoever_is_denied_is_not_even_asked_for_a_key(run):
    """403 whatever he shows, counted; everybody else is answered as ever, and an allowed one still needs a key."""
    assert await enter(run, ABUSER) == 200
    before = denied("rule")
    await make(run, "deny", "203.0.113.0/24")
    await make(run, "allow", NEIGHBOUR)
    for key in (run.key, "gk_wrong", " "):
        assert await enter(run, ABUSER, key) == 403
    assert denied("rule") == before + 3
    reply = await run.call("GET", LIST, headers={"X-Forwarded-For": ABUSER})
    assert (reply.json["type"], "203.0" in reply.raw.decode()) == ("urn:guest-gateway:problem:forbidden", False)
    assert ABUSER not in run.log_text.getvalue()
    for source in (NEIGHBOUR, OFFICE, ELSEWHERE):
        assert (await enter(run, source), await enter(run, source, "gk_wrong")) == (200, 401)
    assert (await run.local("GET", LIST)).status == 200


async def test_he_is_answered_before_his_body_is_read(run):
    """A body that never comes holds nobody up: the answer is there. From elsewhere the gateway waits for it."""
    await make(run, "deny", ABUSER)
    where = urlsplit(run.base)

    async def first_line(source):
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        head = (
            f"POST /communications/messages/send HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {source}\r\n"
            f"Authorization: Bearer {run.key}\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n"
        )
        writer.write(head.encode())
        try:
            return await asyncio.wait_for(reader.readline(), 0.5)
        except TimeoutError:
            return b""
        finally:
            writer.close()

    assert b" 403 " in await first_line(ABUSER)
    assert await first_line(OFFICE) == b""


async def test_guests_and_probes_come_from_anywhere(run):
    """Every address is denied; health, pages, the description and one-click opt-outs are there all the same, and the
    socket of the machine."""
    offer = await run.send(BOOKING | {"to": {"email": "ana@example.org", "country": "PT"}})
    await make(run, "deny", "0.0.0.0/0", force=True)
    pages = [link(run, purpose, "ana@example.org", offer.json["id"]) for purpose in ("unsubscribe", "preferences")]
    for path in (*pages, "/health/live", "/health/ready", "/communications/health", "/docs", "/openapi.json"):
        assert await enter(run, ABUSER, path=path) == 200, path
    headers = FORM | {"X-Forwarded-For": ABUSER}
    stop = await run.call("POST", pages[0], b"List-Unsubscribe=One-Click", headers=headers)
    assert stop.status == 200
    assert len((await run.local("GET", "/communications/suppressions")).json["items"]) == 1
    for path in (LIST, "/communications/auth/keys", RULES):
        assert await enter(run, ABUSER, path=path) == 403, path


def test_every_door_of_the_api_is_guarded_but_those_for_strangers():
    """Whatever asks for a scope is, and signing in; health and what providers call back are not, nor is a page."""
    open_ = {door.path for door in app.doors(app.MAIN) if not door.guarded}
    assert {door.path for door in app.doors(app.MAIN) if door.scope is not None}.isdisjoint(open_)
    assert {"/communications/health", "/u/{token}", "/p/{token}", "/health/live", "/docs"} <= open_
    assert "/communications/auth/token" not in open_
    called_back, other = (
        Door("POST", f"/communications/{area}/{{provider}}", print, None) for area in ("inbound", "inbounds")
    )
    assert (called_back.guarded, other.guarded) == (False, True)


async def test_only_what_is_allowed_where_that_is_the_default(run):
    """`default = "deny"`: only allowed networks are asked for their key, and an allowed key from wherever no rule
    denies it, if it is a good one. A HUP is enough."""
    await reload(run, PROXIED + f'[access]\ndefault = "deny"\nallow = ["{OFFICE}"]\n')
    before = denied("default")
    assert [await enter(run, source) for source in (OFFICE, ELSEWHERE, "nowhere", "")] == [200, 403, 403, 403]
    assert denied("default") == before + 3
    assert await enter(run, OFFICE, "gk_wrong") == 401
    roaming, other = await run.draw("read"), await run.draw("read")
    await make(run, "allow", public_of(roaming))
    await make(run, "deny", ABUSER)
    assert [await enter(run, ELSEWHERE, key) for key in (roaming, other)] == [200, 403]
    assert await enter(run, ABUSER, roaming) == 403
    assert await enter(run, ELSEWHERE, forged(roaming)) == 401
    await reload(run, PROXIED)
    assert await enter(run, ELSEWHERE, other) == 200


def forged(key):
    """A well-formed key with the public part of another, that nobody drew."""
    wrong = key[:12] + "x" * 43
    return wrong + _check(wrong[3:11] + wrong[12:])


async def test_the_narrowest_network_has_the_say_wherever_it_stands(run):
    """Rules of the file and rules of the store count alike; of two about the same network the one that denies."""
    await reload(run, PROXIED + f'[access]\ndeny = ["203.0.113.0/24", "2001:db8::/32"]\nallow = ["{ELSEWHERE}"]\n')
    await make(run, "allow", "203.0.113.0/28")
    await make(run, "deny", ABUSER)
    await make(run, "allow", "2001:db8::/32")
    await make(run, "deny", ELSEWHERE)
    verdicts = {
        ABUSER: 403,
        NEIGHBOUR: 200,
        "203.0.113.99": 403,
        "2001:db8::1": 403,
        ELSEWHERE: 403,
        "2001:db9::1": 200,
    }
    assert {source: await enter(run, source) for source in verdicts} == verdicts


async def test_an_address_is_the_same_however_it_is_written(run):
    """IPv4 in the clothes of IPv6, a zone, capitals; and what is no address is none, and breaks nothing."""
    await make(run, "deny", ABUSER)
    await make(run, "deny", "fe80::/10")
    await make(run, "deny", "::ffff:198.51.100.0/120")
    for source in (f"::ffff:{ABUSER}", "::FFFF:cb00:7107", "fe80::1%eth0", "fe80::1%", ELSEWHERE):
        assert await enter(run, source) == 403, source
    strange = (
        "",
        "unknown",
        "1.2.3.4.5",
        "%",
        "::ffff:",
        "203.0.113.07",
        "9" * 5000,
        "[::1]:80",
        "203.0.113.7/32",
        "٣",
    )
    for source in strange:
        assert await enter(run, source) == 200, source
    for network in ("203.0.113.7/24", "fe80::1%eth0", "10.0.0.0/33", "", "x", "10"):
        reply = await try_to(run, "deny", network)
        assert [fault["code"] for fault in reply.json["errors"]] == ["bad-network"], network


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_header_is_believed_only_from_a_proxy_of_ours(tmp_path, clock, trusted):
    """Without one, neither does a header hide where somebody is, nor put another in his place; behind one, what stands
    before its own word is anybody's."""
    async with running(tmp_path, PROXIED if trusted else CONFIG, clock, deliver=False) as run:
        await make(run, "deny", ABUSER, source=OFFICE)
        assert await enter(run, ABUSER) == (403 if trusted else 200)
        assert await enter(run, f"{OFFICE}, {ABUSER}") == (403 if trusted else 200)
        assert await enter(run, f"{ABUSER}, {OFFICE}") == 200
        await make(run, "deny", "127.0.0.1", source=OFFICE, force=True)
        assert await enter(run, OFFICE) == (200 if trusted else 403)


# -- by key -----------------------------------------------------------------------------------------------------------


async def test_a_denied_key_is_answered_like_one_that_never_was(run, clock):
    """Not one byte tells them apart but the request's id; the tokens it got end with it, and it works again when the
    rule is over."""
    key, other = await run.draw("read"), await run.draw("read")
    token = (await run.call("POST", "/communications/auth/token", {"grant": "api_key", "api_key": key})).json
    assert [await enter(run, OFFICE, one) for one in (key, token["access_token"])] == [200, 200]
    before = denied("key")
    await make(run, "deny", public_of(key), expires_at="2026-11-24T10:05:00Z")
    assert [await enter(run, OFFICE, one) for one in (key, token["access_token"], other)] == [401, 401, 200]
    assert denied("key") == before + 2
    told = [
        await run.call("GET", LIST, headers={"Authorization": f"Bearer {one}"})
        for one in (key, run.gateway.vault.apikeys.draw()[0])
    ]
    one, two = (reply.json | {"instance": None} for reply in told)
    assert one == two
    assert {*told[0].headers} == {*told[1].headers}
    again = await run.call("POST", "/communications/auth/token", {"grant": "api_key", "api_key": key})
    assert again.status == 401
    clock.forward(300)
    assert await enter(run, OFFICE, key) == 200


async def test_nobody_denies_a_key_that_reaches_farther_than_himself(run):
    """It takes the scope `keys` besides, and as much reach as the key has; taking the rule away too."""
    narrow, wide = await run.draw("limits", "read"), await run.draw("limits", "keys", "read")
    target, own = await run.draw("read"), public_of(wide)
    for key, about, status in ((narrow, target, 403), (wide, run.key, 403), (wide, target, 201)):
        body = {"verdict": "deny", "api_key": public_of(about), "reason": "leaked"}
        reply = await run.call("POST", RULES, body, headers={"Authorization": f"Bearer {key}"})
        assert reply.status == status
    path = f"{RULES}/{reply.json['id']}"
    assert (await run.call("DELETE", path, headers={"Authorization": f"Bearer {narrow}"})).status == 403
    assert (await run.call("DELETE", path, headers={"Authorization": f"Bearer {wide}"})).status == 204
    assert await enter(run, OFFICE, target) == 200
    body = {"verdict": "deny", "api_key": own, "reason": "leaked"}
    reply = await run.call("POST", RULES, body, headers={"Authorization": f"Bearer {wide}"})
    assert [fault["code"] for fault in reply.json["errors"]] == ["own-key"]


# -- as a collection --------------------------------------------------------------------------------------------------


async def test_a_rule_is_made_shown_and_taken_away(run):
    """Its reason is sealed and read by whoever may, which is noted; every change is in the record with its actor."""
    admin = await person(run, "admin")
    body = {
        "verdict": "deny",
        "network": "203.0.113.0/24",
        "reason": "canary of Mr Smith",
        "expires_at": "2026-11-25T10:00:00Z",
    }
    made = await admin.call("POST", "access-rules", body)
    public = made.json["id"]
    assert (made.status, made.headers["Location"]) == (201, f"{RULES}/{public}")
    author = f"user:{admin.id.removeprefix('usr_')}"
    assert made.json == {
        "id": public, "verdict": "deny", "network": "203.0.113.0/24", "api_key": None, "author": author,
        "created_at": "2026-11-24T10:00:00Z", "expires_at": "2026-11-25T10:00:00Z", "content": None,
    }  # fmt: skip
    assert (await admin.call("GET", f"access-rules/{public}")).json == made.json
    read = (await admin.call("GET", "access-rules?include=content&verdict=deny")).json["items"]
    assert [one["content"] for one in read] == [{"reason": "canary of Mr Smith"}]
    assert (await admin.call("GET", "access-rules?verdict=allow")).json["items"] == []
    blind = {"Authorization": f"Bearer {await run.draw('limits')}"}
    assert (await run.call("GET", f"{RULES}/{public}?include=content", headers=blind)).status == 403
    assert (await run.call("GET", f"{RULES}/{public}", headers=blind)).status == 200
    assert (await admin.call("DELETE", f"access-rules/{public}")).status == 204
    assert (await admin.call("DELETE", f"access-rules/{public}")).status == 404
    assert await enter(run, ABUSER) == 200
    entries = [(one["actor"], one["action"], one["object"]) for one in await record(run)]
    for entry in (("access.deny", public), ("access.removed", public), ("content.read", "access-rules")):
        assert (author, *entry) in entries
    files = b"".join(path.read_bytes() for path in run.folder.rglob("*") if path.is_file())
    assert b"canary" not in files


async def record(run):
    return (await run.call("GET", "/communications/audit?limit=200")).json["items"]


async def test_all_faults_are_told_at_once_and_a_network_has_one_rule(run, clock):
    """422 with each member that is wrong; 409 for a second rule about the same, until the first is over."""
    body = {
        "verdict": "deny",
        "network": "10.0.0.1/8",
        "api_key": "key_00000000",
        "reason": "x",
        "expires_at": "2020-01-01T00:00:00Z",
    }
    faults = (await run.call("POST", RULES, body)).json["errors"]
    codes = {(fault["pointer"], fault["code"]) for fault in faults}
    assert codes == {
        ("", "one-of"),
        ("/network", "bad-network"),
        ("/api_key", "unknown-key"),
        ("/expires_at", "bad-time"),
    }
    neither = await run.call("POST", RULES, {"verdict": "deny", "reason": "x"})
    assert [fault["code"] for fault in neither.json["errors"]] == ["one-of"]
    await make(run, "deny", ABUSER, expires_at="2026-11-24T11:00:00Z")
    assert (await try_to(run, "allow", f"{ABUSER}/32")).status == 409
    assert (await try_to(run, "allow", f"::ffff:{ABUSER}")).status == 409
    clock.forward(3600)
    assert await enter(run, ABUSER) == 200
    await make(run, "deny", f"{ABUSER}/32")
    assert await enter(run, ABUSER) == 403
    assert len((await run.call("GET", RULES)).json["items"]) == 1


async def test_nobody_locks_himself_out_by_mistake(run):
    """A rule that denies the address it comes from, or takes away the one that lets it in, has to be meant."""
    refused = await try_to(run, "deny", "192.0.2.0/24")
    assert [(fault["pointer"], fault["code"]) for fault in refused.json["errors"]] == [("/network", "own-address")]
    await make(run, "deny", "192.0.2.0/24", source=ELSEWHERE)
    assert (await try_to(run, "deny", ELSEWHERE, source=ELSEWHERE, force=True)).status == 201
    inside = await make(run, "allow", "198.51.100.0/24", source=NEIGHBOUR)
    path, headers = f"{RULES}/{inside}", {"X-Forwarded-For": "198.51.100.1"}
    assert (await run.call("DELETE", path, headers=headers)).status == 409
    assert (await run.call("DELETE", f"{path}?force=true", headers=headers)).status == 204
    everybody = {"verdict": "deny", "network": "0.0.0.0/0", "reason": "x", "force": True}
    assert (await run.local("POST", RULES, everybody)).status == 201
    assert await enter(run, OFFICE) == 403
    assert (await run.local("GET", RULES)).status == 200


async def test_rules_outlive_a_restart_and_go_a_month_after_they_are_over(tmp_path, clock):
    """What was denied stays denied; what is over no longer counts, is shown for thirty days, and is then forgotten."""
    async with running(tmp_path, PROXIED, clock, deliver=False) as run:
        await make(run, "deny", ABUSER, expires_at="2026-11-25T10:00:00Z")
        await make(run, "deny", ELSEWHERE)
    async with running(tmp_path, PROXIED, clock, deliver=False) as run:
        assert [await enter(run, source) for source in (ABUSER, ELSEWHERE, OFFICE)] == [403, 403, 200]
        for days, left in ((1, 2), (29.9, 2), (0.2, 1)):
            clock.forward(days * DAY)
            assert [await enter(run, source) for source in (ABUSER, ELSEWHERE)] == [200, 403]
            await run.gateway.access.tidy()
            assert len((await run.call("GET", RULES)).json["items"]) == left
        tidied = [one for one in await record(run) if one["action"] == "access.tidied"]
        assert [(one["actor"], one["object"]) for one in tidied] == [("gateway", "rules:1")]


def test_a_file_that_contradicts_itself_is_refused(tmp_path):
    """The same network allowed and denied: the fault says where. Apart from each other they are taken."""
    file = tmp_path / "config.toml"
    file.write_text('[access]\nallow = ["10.0.0.0/8", "192.0.2.1"]\ndeny = ["192.0.2.1/32"]\n')
    with pytest.raises(ConfigFaults) as raised:
        load(file, {})
    assert str(raised.value).endswith("access.allow[1] — access.deny has it too")
    file.write_text('[access]\nallow = ["10.0.0.0/8"]\ndeny = ["10.0.0.0/9"]\n')
    assert load(file, {}).access.deny == ("10.0.0.0/9",)


def test_commands_make_list_and_take_away(command):
    """On a folder whose gateway does not run; what cannot be used is told."""
    command("init")
    made = command("access", "deny", ABUSER, "--reason", "tries keys", "--for", "24h", "--json").json
    assert (made["network"], made["author"].partition(":")[0]) == (f"{ABUSER}/32", "local")
    key = command("apikey", "create", "--scopes", "read", "--json").json["id"]
    assert command("access", "allow", key, "--reason", "it roams", "--json").json["api_key"] == key
    table = command("access", "list", "--reasons").out
    assert all(word in table for word in (ABUSER, key, "tries keys", "it roams", "for good"))
    assert "tries keys" not in command("access", "list").out
    assert command("access", "remove", made["id"], "--json").json == {"id": made["id"], "status": "removed"}
    assert [one["api_key"] for one in command("access", "list", "--json").json["items"]] == [key]
    wrong = command("access", "deny", "10.0.0.1/8", "--reason", "x")
    assert (wrong.code, "/network" in wrong.err) == (64, True)
    assert command("access", "deny", ABUSER, "--reason", "x", "--for", "ever").code == 2


# -- how it is looked up ----------------------------------------------------------------------------------------------


def some_network(draw):
    bits, kind = draw.choice([(32, ipaddress.IPv4Network), (128, ipaddress.IPv6Network)])
    length = draw.randint(0, bits)
    return kind(((draw.getrandbits(8) << (bits - 8)) >> (bits - length) << (bits - length), length))


def test_networks_are_found_as_by_looking_at_each():
    """Against a list that is gone through: every network around an address, the narrowest first; also after some were
    said anew and some were dropped."""
    draw = random.Random(4711)
    prefixes, oracle = Prefixes(), {}
    for turn in range(600):
        network = some_network(draw)
        if turn % 3 == 2 and oracle:
            network = draw.choice([*oracle])
            prefixes.drop(network)
            del oracle[network]
        else:
            prefixes.put(network, turn)
            oracle[network] = turn
        address = some_network(draw).network_address
        around = [(one.prefixlen, word) for one, word in oracle.items() if address in one]
        assert list(prefixes.around(address)) == sorted(around, reverse=True)
    for network in oracle:
        prefixes.drop(network)
    assert not prefixes


def steps(act):
    """How many calls Python makes, of its own functions and of those in C."""
    count = 0

    def seen(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("address", ["10.0.0.77", "250.1.2.3"])
def test_a_hundred_thousand_networks_are_looked_up_like_a_hundred(address):
    """Found or not, a look-up does exactly as much among many as among few of the same lengths."""
    few, many = Prefixes(), Prefixes()
    for prefixes, count in ((few, 100), (many, 100_000)):
        for number in range(count):
            prefixes.put(ipaddress.IPv4Network(((10 << 24) + number, 32)), "deny")
        prefixes.put(ipaddress.ip_network("192.0.2.0/24"), "allow")
    ip = ipaddress.ip_address(address)
    taken = [steps(lambda one=one: next(one.around(ip), None)) for one in (few, many)]
    assert taken[0] == taken[1] < 20
