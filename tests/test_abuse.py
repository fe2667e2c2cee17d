"""Steps against abuse, from outside: who is held up, what is told of it, and how it ends."""

import contextlib
import urllib.error
import urllib.request

import pytest

from gateway.abuse import Sight, watch
from gateway.abuse.watch import SAYS, SAYS_TO_CALLER
from gateway.config import load
from tests.guest_pages import link
from tests.people import person
from tests.running import BOOKING, CONFIG, running
from tests.test_cli import run, served

__all__ = ["run", "served"]

PROXY = '[server]\nproxies = ["127.0.0.0/8"]\n[venue]'
SETTINGS = CONFIG.replace("[venue]", PROXY, 1)
ABUSE = "/communications/abuse"
READ = "/communications/messages"
TOKEN = "/communications/auth/token"
SOURCE = "198.51.100.7"
DAY = 86_400


def stranger(address=SOURCE, key=None):
    return {"Authorization": key and f"Bearer {key}", "X-Forwarded-For": address}


async def guess(run, many=12, address=SOURCE, begin=0):
    """So many different keys that never were one."""
    return [
        await run.call("GET", READ, headers=stranger(address, f"gk_guess{number}"))
        for number in range(begin, begin + many)
    ]


async def block(run, address=SOURCE, begin=0):
    """Guess until nothing is taken any more."""
    network = address.rpartition(".")[0]
    for last in range(200, 250):
        await guess(run, 1, f"{network}.{last}", begin + last)
    return await guess(run, 4, address, begin + 300)


async def steps(run, query=""):
    """The steps on disk, once those that were taken are."""
    await run.gateway.db.do(lambda tx: None)
    return (await run.call("GET", ABUSE + query)).json["items"]


async def actions(run):
    """What the audit log says of abuse, with its actors."""
    found = (await run.call("GET", "/communications/audit?limit=200")).json["items"]
    return [(one["actor"], one["action"]) for one in reversed(found) if one["action"].startswith("abuse.")]


async def test_a_guesser_is_slowed_down_step_by_step_and_let_go_by_itself(tmp_path, clock):
    """More guesses, severer steps, longer waits; at the end of the last everything is forgiven, and all of it is told
    and audited. A valid key from the same address is taken all the while."""
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        assert [reply.status for reply in await guess(run, 8)] == [401] * 8
        assert await steps(run, "?step=throttle") == []
        clock.forward(10)
        await guess(run, 7, begin=8)
        (step,) = await steps(run)
        assert (step["step"], step["kind"], step["ended_at"], step["address"]) == ("throttle", "ipv4", None, None)
        assert step["until"] == "2026-11-24T10:10:10Z"
        assert ("key_guessing", "different keys or passwords that never were good") in [
            (signal["name"], signal["says"]) for signal in step["signals"]
        ]
        held = (await guess(run, 1, begin=50))[0]
        assert (held.status, held.json["detail"]) == (429, SAYS["throttle"])
        assert held.json["type"].endswith("quota-exceeded") and int(held.headers["Retry-After"]) <= 2
        good = await run.call("GET", READ, headers={"X-Forwarded-For": SOURCE})
        assert good.status == 200
        waits, number = [], 100
        while "block" not in [one["step"] for one in await steps(run)]:
            reply = (await guess(run, 1, begin=number))[0]
            number += 1
            wait = int(reply.headers.get("Retry-After", 1))
            waits += [wait] if reply.status == 429 and reply.json["detail"] == SAYS["challenge"] else []
            clock.forward(wait)
        assert len(waits) >= 3 and waits == sorted(waits) and waits[-1] > waits[0]
        (step,) = await steps(run)
        reply = (await guess(run, 1, begin=number))[0]
        assert (reply.status, reply.json["detail"]) == (429, SAYS["block"])
        assert 880 <= int(reply.headers["Retry-After"]) <= 900
        assert (await run.call("GET", READ, headers={"X-Forwarded-For": SOURCE})).status == 200
        clock.forward(int(reply.headers["Retry-After"]))
        assert (await guess(run, 1))[0].status == 401
        await run.gateway.watch.tidy()
        assert (await steps(run, "?state=in_force")) == []
        assert (await steps(run, "?state=ended"))[0]["ended_at"] == step["until"]
        told = [("gateway", f"abuse.{done}") for done in ("alerted", "throttled", "challenged", "blocked", "ended")]
        assert await actions(run) == told
        assert SOURCE not in run.log_text.getvalue()
        assert SOURCE.encode() not in run.gateway.data.database.read_bytes()


async def test_a_block_outlives_a_restart_and_the_next_is_twice_as_long(tmp_path, clock):
    """What is on disk holds on; whoever begins anew waits longer, and a dozen others wait for nobody."""
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        assert (await block(run))[-1].status == 429
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        reply = (await guess(run, 1))[0]
        assert (reply.status, reply.headers["Retry-After"]) == (429, "900")
        assert (await guess(run, 1, "203.0.113.9"))[0].status == 401
        clock.forward(900)
        assert (await block(run, begin=1000))[-1].headers["Retry-After"] == "1800"


async def test_a_step_is_lifted_by_whoever_may(tmp_path, clock):
    """One with the scope lets a source go before its time, once, and it begins with nothing."""
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        assert (await block(run))[-1].status == 429
        step = next(one for one in await steps(run) if one["step"] == "block")
        reader = await run.draw("read")
        path, as_reader = f"{ABUSE}/{step['id']}/lift", {"Authorization": f"Bearer {reader}"}
        assert (await run.call("POST", path, headers=as_reader)).status == 403
        assert (await run.call("GET", ABUSE, headers=as_reader)).status == 403
        assert (await run.call("POST", path)).json["ended_at"] == "2026-11-24T10:00:00Z"
        assert (await guess(run, 1))[0].status == 401
        assert (await run.call("POST", path)).status == 409
        assert (await run.call("POST", f"{ABUSE}/abu_{'0' * 26}/lift")).status == 404
        lifted = [one for one in await actions(run) if one[1] == "abuse.lifted"]
        assert len(lifted) == 1 and lifted[0][0].startswith("key:")


async def test_addresses_are_sealed_shown_to_few_and_forgotten_after_thirty_days(tmp_path, clock):
    """An address is told to whoever may read content, which is noted; after 30 days the entry is gone."""
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        await guess(run, 13, "2001:db8:1:2:3::4")
        (step,) = await steps(run, "?include=address")
        assert (step["kind"], step["address"]) == ("ipv6", "2001:db8:1:2:3::4")
        assert (await run.call("GET", "/communications/audit")).json["items"][0]["action"] == "content.read"
        limits = {"Authorization": f"Bearer {await run.draw('limits')}"}
        assert (await run.call("GET", f"{ABUSE}?include=address", headers=limits)).status == 403
        (step,) = (await run.call("GET", ABUSE, headers=limits)).json["items"]
        assert step["address"] is None
        clock.forward(30 * DAY)
        await run.gateway.abuse.forget_old()
        assert len(await steps(run)) == 1
        clock.forward(1)
        await run.gateway.abuse.forget_old()
        assert await steps(run) == []


async def test_steps_come_in_pages(tmp_path, clock):
    """The newest first, each once, narrowed by kind."""
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        for number in range(3):
            await guess(run, 13, f"203.0.{number}.1")
        first = (await run.call("GET", f"{ABUSE}?limit=2")).json
        second = (await run.call("GET", f"{ABUSE}?limit=2&cursor={first['next_cursor']}")).json
        assert len({one["id"] for one in first["items"] + second["items"]}) == 3 and second["next_cursor"] is None
        assert await steps(run, "?kind=ipv6") == [] and len(await steps(run, "?kind=ipv4")) == 3


async def test_guests_and_good_credentials_pass_where_an_attacker_is_blocked(tmp_path, clock):
    """From a blocked address a guest opens his page and stops; a key is exchanged for a token, a session goes on, a
    stop and health are taken. A stranger without any of these is held up everywhere else."""
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        owner = await person(run, "owner")
        old = owner.access
        clock.forward(1000)
        assert (await block(run))[-1].status == 429
        mine, here = {"X-Forwarded-For": SOURCE}, stranger()
        page = link(run, "unsubscribe", "ana@example.org")
        assert (await run.call("GET", page, headers=here)).status == 200
        click = here | {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await run.call("POST", page, b"List-Unsubscribe=One-Click", headers=click)).status == 200
        exchanged = await run.call("POST", TOKEN, {"grant": "api_key", "api_key": run.key}, headers=here)
        refreshed = await run.call("POST", TOKEN, {"grant": "refresh", "refresh_token": owner.refresh}, headers=here)
        assert (exchanged.status, refreshed.status) == (200, 200)
        assert (await run.call("GET", READ, headers=stranger(key=old))).status == 401
        stop = {"guest": {"email": "bela@example.org"}}
        assert (await run.call("POST", "/communications/compliance/unsubscribe", stop, headers=mine)).status == 200
        assert (await run.call("GET", "/communications/health", headers=here)).status != 429
        assert (await run.call("GET", "/nowhere", headers=mine)).status == 404
        sign_in = {"grant": "password", "email": "a@b.example", "password": "x"}
        for method, path, body in (("GET", "/nowhere", None), ("GET", "/docs", None), ("GET", READ, None),
                                   ("POST", TOKEN, sign_in)):  # fmt: skip
            reply = await run.call(method, path, body, headers=here)
            assert (reply.status, reply.json["detail"]) == (429, SAYS["block"]), path


@pytest.mark.parametrize(("keys", "held"), [("false", 0), ("true", 1)])
async def test_a_key_is_held_up_for_what_it_does_only_where_that_is_wanted(tmp_path, clock, keys, held):
    """A key that tries addresses alerts; with `keys = true` it is held up too, and its stops still pass."""
    settings = SETTINGS + f"[abuse]\nkeys = {keys}\n"
    async with running(tmp_path, settings, clock, deliver=False) as run:
        trying = {"Authorization": f"Bearer {await run.draw('send', 'consent')}"}
        replies = [await run.send(BOOKING | {"to": f"nobody {row}"}, headers=trying) for row in range(80)]
        assert [reply.status for reply in replies[:20]] == [422] * 20
        details = {reply.json["detail"] for reply in replies if reply.status == 429}
        assert (SAYS_TO_CALLER["throttle"] in details) == bool(held)
        (step,) = await steps(run)
        assert step["step"] == ("throttle" if held else "alert")
        assert (step["kind"], step["caller"][:4], step["signals"][0]["name"]) == ("key", "key_", "invalid_recipients")
        assert "abuse" in run.log_text.getvalue()
        stop = {"guest": {"email": "ana@example.org"}}
        assert (await run.call("POST", "/communications/compliance/unsubscribe", stop, headers=trying)).status == 200
        assert (await run.send(BOOKING | {"to": "ana@example.org"})).status == 202


@pytest.mark.parametrize(
    ("table", "noted"),
    [("dry_run = true", 1), ("enabled = false", 0), ('exempt = ["198.51.100.0/24"]', 0), ("throttle = 1000", 1)],
)
async def test_nobody_is_held_up_on_trial_nor_where_that_is_switched_off(tmp_path, clock, table, noted):
    """On trial steps are noted; switched off, or from a network that is exempt, nothing is."""
    settings = SETTINGS + f"[abuse]\n{table}\nchallenge = 1001\nblock = 1002\n"
    async with running(tmp_path, settings, clock, deliver=False) as run:
        for round_ in range(3):
            clock.forward(60)
            replies = await guess(run, 6, begin=round_ * 10)
            assert not [reply for reply in replies if reply.json["detail"] in SAYS.values()]
        found = await steps(run)
        assert len(found) == noted and all(step["dry_run"] == ("dry_run" in table) for step in found)


async def test_a_list_with_many_wrong_recipients_counts_beyond_what_is_usual(tmp_path, clock):
    """A fifth of any list may be wrong; what is wrong beyond that scores."""
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        good = [{"to": f"guest{row}@example.org"} for row in range(40)]
        for number, wrong in enumerate((10, 60)):
            order = BOOKING | {"recipients": good + [{"to": f"nobody {row}"} for row in range(wrong)]}
            reply = await run.call("POST", f"{READ}/bulk", order, headers={"Idempotency-Key": f"list-{number}"})
            assert (reply.status, reply.json["rejected_total"]) == (202, wrong)
            found = [signal["count"] for step in await steps(run) for signal in step["signals"]]
            assert found == ([] if wrong == 10 else [40])


def test_the_command_line_tells_who_it_is_and_lets_him_go(run, served):
    """In words and as JSON, the address only where it is asked for; what is over is told with --all."""
    _, port = served
    assert run("abuse", "list").out == "nobody is held up\n"
    for number in range(10):
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/nowhere/{number}")
    (step,) = run("abuse", "list", "--json").json
    assert (step["step"], step["address"]) == ("alert", None)
    told = run("abuse", "list", "--address").out
    assert "127.0.0.1" in told and "different paths that lead nowhere" in told
    assert run("abuse", "lift", step["id"]).out == f"{step['id']} is lifted\n"
    assert run("abuse", "lift", step["id"]).code == 64
    assert run("abuse", "list", "--json").json == []
    assert step["id"] in run("abuse", "list", "--all").out


async def test_nobody_is_forgotten_for_strangers_while_a_step_holds_him(tmp_path, clock, monkeypatch):
    """However many come by, whoever is blocked stays so; trails and steps in force stay within their bounds, and a
    reload lets go of everybody where it switches this off."""
    monkeypatch.setattr(watch, "REMEMBERED", 20)
    monkeypatch.setattr(watch, "HELD", 60)
    async with running(tmp_path, SETTINGS, clock) as run:
        assert (await block(run))[-1].status == 429
        here = run.gateway.watch
        for number in range(300):
            here.saw_source(f"203.0.{number % 256}.{number // 256}", Sight(refused=True))
        assert len(here._trails) == 20
        assert (await guess(run, 1))[0].json["detail"] == SAYS["block"]
        for number in range(100):
            here.saw_source(f"203.1.{number}.1", Sight(invalid=50))
        assert len(here._held) == 60
        assert (await block(run, "198.51.101.7"))[-1].status == 429
        assert (await steps(run, "?step=block"))[0]["until"] == "2026-11-24T10:15:00Z"
        config = run.folder / "config.toml"
        config.write_text(SETTINGS + "[abuse]\nenabled = false\n")
        assert await run.gateway.reload(load(config, {})) == []
        assert (await guess(run, 1, "198.51.101.7"))[0].json["detail"] not in SAYS.values()
