"""How much a caller may ask for: counted per caller and per limit, on disk before it is given."""

import asyncio
import contextlib
import itertools
import random

import pytest
from msgspec import json

from gateway import metrics
from gateway.errors import QuotaExceeded
from gateway.limits import Asking, LimiterTime, Limits, Rule
from gateway.limits.accounts import Accounts
from gateway.model import ENDPOINTS
from gateway.plugins import find
from gateway.store import limits
from gateway.web.app import DESCRIBED
from tests.conftest import MovedClock
from tests.people import person
from tests.running import BOOKING, CONFIG, running
from tests.test_cli import run as command

__all__ = ["command"]

ORDER = BOOKING | {"to": "ana@example.org"}
SEND = '[limits.{name}]\nendpoints = ["messages.send"]\nquota = {quota}\nwindow = "{window}"\n'
LIST = "/communications/messages"
PROXIED = CONFIG + '[server]\nproxies = ["127.0.0.1/32"]\n'
WRONG = {"Authorization": "Bearer x"}


def limited(*tables):
    """A configuration with these limits on sending: (name, quota, window)."""
    return CONFIG + "".join(SEND.format(name=name, quota=quota, window=window) for name, quota, window in tables)


async def statuses(run, times):
    """What this many sends are answered."""
    return [(await run.send(ORDER)).status for _ in range(times)]


async def test_the_built_in_limits_are_told_on_every_answer(tmp_path, clock):
    """100 messages and 500 checks a minute, on success and refusal alike; where nothing is limited nothing is said."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        assert (await run.send(ORDER)).headers["RateLimit-Policy"] == '"send";q=100;w=60'
        wrong = await run.send(ORDER | {"colour": 1})
        assert (wrong.status, wrong.headers["RateLimit"]) == (422, '"send";r=98;t=2')
        check = await run.call("POST", "/communications/compliance/check", {"message": ORDER})
        assert check.headers["RateLimit-Policy"] == '"check";q=500;w=60'
        assert "RateLimit" not in (await run.call("GET", LIST)).headers


async def test_a_caller_uses_up_his_own_quota_only(tmp_path, clock):
    """One key is out of takes, another is not; and the sender's use does not count against looking."""
    async with running(tmp_path, limited(("send", 2, "1m")), clock, deliver=False) as run:
        assert await statuses(run, 3) == [202, 202, 429]
        assert (await run.call("GET", LIST)).status == 200
        run.key = await run.draw("send")
        assert await statuses(run, 1) == [202]


async def test_of_two_limits_the_tighter_one_comes_first(tmp_path, clock):
    """Both are told, most restrictive first; the one that is used up is named in the refusal."""
    async with running(tmp_path, limited(("send", 9, "1m"), ("daily", 2, "1d")), clock, deliver=False) as run:
        first = await run.send(ORDER)
        assert first.headers["RateLimit-Policy"] == '"daily";q=2;w=86400, "send";q=9;w=60'
        assert await statuses(run, 2) == [202, 429]
        refused = await run.send(ORDER)
        assert (refused.json["limit"], refused.headers["Retry-After"]) == ("daily", "43200")
        clock.forward(43_200)
        assert await statuses(run, 2) == [202, 429]


@pytest.mark.parametrize("quota", [1, 7, 40])
async def test_a_restart_gives_nothing_back(tmp_path, clock, quota):
    """However often it is restarted, in one minute no more than the quota is taken; a minute later all of it again."""
    config, taken, key = limited(("send", quota, "1m")), 0, ""
    for _ in range(3):
        async with running(tmp_path, config, clock, deliver=False) as run:
            key = run.key = key or run.key
            taken += (await statuses(run, quota // 3 + 1)).count(202)
    assert quota // 3 < taken <= quota
    clock.forward(60)
    async with running(tmp_path, config, clock, deliver=False) as run:
        run.key = key
        assert await statuses(run, quota + 1) == [202] * quota + [429]


async def test_a_clock_set_back_gives_nothing_back(tmp_path, clock):
    """An hour or ten years: used up stays used up, and after Retry-After the next succeeds all the same."""
    async with running(tmp_path, limited(("send", 2, "1m")), clock, deliver=False) as run:
        assert await statuses(run, 3) == [202, 202, 429]
        for back in (3600, 10 * 365 * 86_400):
            clock.set(clock.now() - back * 1000)
            refused = await run.send(ORDER)
            assert refused.status == 429
            assert int(refused.headers["Retry-After"]) <= 91
        clock.forward(int(refused.headers["Retry-After"]))
        assert await statuses(run, 1) == [202]


async def test_guessers_are_counted_by_where_they_come_from(tmp_path, clock):
    """Through our proxy each client has his own ten tries; a right key is let through even from where one guesses."""
    async with running(tmp_path, PROXIED, clock, deliver=False) as run:

        async def tries(address, times):
            told = WRONG | {"X-Forwarded-For": address}
            return [(await run.call("GET", LIST, headers=told)).status for _ in range(times)]

        assert await tries("203.0.113.1", 12) == [401] * 10 + [429] * 2
        assert await tries("203.0.113.2", 1) == [401]
        assert (await run.call("GET", LIST, headers={"X-Forwarded-For": "203.0.113.1"})).status == 200
        clock.forward(60)
        assert await tries("203.0.113.1", 1) == [401]


@pytest.mark.parametrize(
    ("first", "second", "counted_together"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:DB8:0:1::1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("203.0.113.1", "::ffff:203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("::ffff:203.0.113.1", "::ffff:203.0.113.2", False),
        ("nowhere", "203.0.113.1:4711", True),
    ],
)
async def test_a_guesser_is_counted_by_his_line(tmp_path, clock, first, second, counted_together):
    """A house line has a /64 of IPv6 addresses and one of IPv4: that is what is counted. Neighbours are not."""
    async with running(tmp_path, PROXIED, clock, deliver=False) as run:

        async def tries(address, times):
            told = WRONG | {"X-Forwarded-For": address}
            return [(await run.call("GET", LIST, headers=told)).status for _ in range(times)]

        assert await tries(first, 10) == [401] * 10
        assert await tries(second, 1) == [429 if counted_together else 401]
        assert (await run.call("GET", LIST, headers={"X-Forwarded-For": second})).status == 200


async def test_accounts_that_are_whole_again_are_forgotten(tmp_path, clock):
    """In memory and on disk, so that guesses from ever new addresses fill neither; one in use stays."""
    async with running(tmp_path, limited(("send", 2, "1d")), clock, deliver=False) as run:
        parts = run.gateway.parts

        def known():
            return {rule.split()[0] for rule, _, _ in limits.some(run.gateway.db.reader, ("", b""))}

        await run.call("GET", LIST, headers=WRONG)
        assert await statuses(run, 2) == [202, 202]
        assert (known(), len(parts.limits.accounts)) == ({"auth", "send"}, 2)
        clock.forward(60)
        await parts.limits.forget_whole()
        assert (known(), len(parts.limits.accounts)) == ({"send"}, 1)
        assert await statuses(run, 1) == [429]


# -- what is counted, and whose ---------------------------------------------------------------------------------------


def test_every_door_can_be_counted():
    """config.toml may name whatever the API's description names, and nothing that is not there."""
    doors = {door.endpoint for routes in DESCRIBED for door in routes.doors if not door.exempt}
    assert set(ENDPOINTS) == doors
    assert list(ENDPOINTS) == sorted(ENDPOINTS)


def of(name, **keys):
    """A table of limits."""
    lines = [f"{key} = {json.encode(value).decode()}" for key, value in keys.items()]
    return f"[limits.{name}]\n" + "\n".join(lines) + "\n"


async def test_an_area_is_counted_together(tmp_path, clock):
    """Whatever is looked at of messages takes from one account; guests are another area."""
    table = of("look", endpoints=["messages.*"], quota=2, window="1m", by="ip")
    async with running(tmp_path, CONFIG + table, clock, deliver=False) as run:
        answers = [(await run.call("GET", LIST)).status for _ in range(3)]
        assert answers == [200, 200, 429]
        assert (await run.call("GET", "/communications/guests")).status == 200


async def test_a_pair_has_an_account_for_each_pairing(tmp_path, clock):
    """One mail of a category to each guest and hour: the same guest may have one about something else."""
    table = of("guest", endpoints=["messages.send"], quota=1, window="1h", by="guest+category")
    async with running(tmp_path, CONFIG + table, clock, deliver=False) as run:
        sends = [("ana@example.org", "stay"), ("ANA@example.org", "stay"), ("ana@example.org", "bill"),
                 ("rui@example.org", "stay")]  # fmt: skip
        assert [(await run.send(ORDER | {"to": to, "category": category})).status for to, category in sends] == [
            202, 429, 202, 202,
        ]  # fmt: skip


async def test_recipients_are_counted_where_that_is_asked_for(tmp_path, clock):
    """Three of five are used, so four do not fit and two do; six never would, and it is said how many would."""
    table = of("many", endpoints=["messages.bulk"], quota=5, window="1m", cost="recipients")
    async with running(tmp_path, CONFIG + table, clock, deliver=False) as run:

        async def bulk(many, **more):
            people = [{"to": f"guest{number}@example.org"} for number in range(many)]
            headers = {"Idempotency-Key": str(next(numbers))}
            order = BOOKING | {"recipients": people} | more
            return await run.call("POST", "/communications/messages/bulk", order, headers=headers)

        numbers = itertools.count()
        assert [(await bulk(many)).status for many in (3, 4, 2)] == [202, 429, 202]
        clock.forward(60)
        refused = await bulk(6)
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/recipients")
        assert "lets 5 through" in refused.json["errors"][0]["detail"]
        assert (await bulk(4, dry_run=True)).headers["RateLimit"].startswith('"many";r=4')


async def test_who_is_exempt_is_not_counted(tmp_path, clock):
    """By network here; everybody else is."""
    table = of("look", endpoints=["messages.list"], quota=1, window="1m", exempt=["203.0.113.0/24"])
    async with running(tmp_path, PROXIED + table, clock, deliver=False) as run:

        async def looks(address):
            return [(await run.call("GET", LIST, headers={"X-Forwarded-For": address})).status for _ in range(2)]

        assert await looks("203.0.113.9") == [200, 200]
        assert await looks("198.51.100.9") == [200, 429]


async def test_a_limit_on_trial_refuses_nobody(tmp_path, clock):
    """It counts what it would have refused, and is not told in the answer of those."""
    table = of("trial", endpoints=["messages.list"], quota=1, window="1m", dry_run=True)
    async with running(tmp_path, CONFIG + table, clock, deliver=False) as run:
        before = metrics.of(metrics.WOULD_LIMIT, "trial")._value.get()
        assert [(await run.call("GET", LIST)).status for _ in range(3)] == [200, 200, 200]
        assert metrics.of(metrics.WOULD_LIMIT, "trial")._value.get() == before + 2


async def test_what_one_limit_refuses_the_others_do_not_count(tmp_path, clock):
    """And Retry-After is that of the one that holds up longest: after it the next request passes all of them."""
    async with running(tmp_path, limited(("send", 3, "1m"), ("hour", 2, "1h")), clock, deliver=False) as run:
        assert await statuses(run, 3) == [202, 202, 429]
        refused = await run.send(ORDER)
        assert (refused.json["limit"], refused.headers["Retry-After"]) == ("hour", "1800")
        clock.forward(1800)
        answer = await run.send(ORDER)
        assert (answer.status, answer.headers["RateLimit"]) == (202, '"hour";r=0;t=3600, "send";r=2;t=20')


async def test_one_at_a_time_means_at_the_same_time(tmp_path, clock):
    """A second request while the first is under way is refused, and passes when the first has been answered."""
    table = of("one", endpoints=["batches.events"], quota=1, window="1h", algorithm="concurrency")
    async with running(tmp_path, CONFIG + table) as run:
        order = BOOKING | {"recipients": [{"to": "ana@example.org"}], "deliver_at": "2099-01-01T00:00:00Z"}
        made = await run.call("POST", "/communications/messages/bulk", order, headers={"Idempotency-Key": "1"})
        events = f"/communications/batches/{made.json['id']}/events"
        headers = {"Authorization": f"Bearer {run.key}"}
        async with run.http.get(f"{run.base}{events}", headers=headers) as stream:
            assert stream.status == 200
            assert (await run.call("GET", events)).status == 429
            assert (await run.call("POST", f"/communications/batches/{made.json['id']}/cancel")).status == 202
            await stream.read()
        assert (await run.call("GET", events)).status == 200


# -- what is on disk --------------------------------------------------------------------------------------------------


class Memory:
    """Another ledger: what it was told last, and what of that lasts when it is killed."""

    def __init__(self):
        self.kept: dict = {}
        self.time = 0

    def latest(self):
        return self.time

    async def state(self, rule, account):
        return self.kept.get((rule, account))

    def keep(self, rule, account, state, now):
        self.kept[rule, account], self.time = state, max(self.time, now)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def forget(self, rule, account, state):
        if self.kept.get((rule, account)) == state:
            del self.kept[rule, account]

    async def some(self, after):
        return sorted((*key, state) for key, state in self.kept.items() if key > after)[:2]


@pytest.mark.parametrize("name", sorted(find(()).limiters))
@pytest.mark.parametrize("seed", range(12))
async def test_kills_and_letting_go_never_give_anything_back(name, seed):
    """Beside an account that nobody ever kills, at the same times, never more than it would have let pass since the
    last whole window; with two places for five callers, so that accounts come and go all the time."""
    kind, chance = find(()).limiters[name], random.Random(seed)
    quota = chance.choice([1, 3, 20, 50])
    rule = Rule("r", kind(kind.Settings(quota, 60_000_000, quota)), ("ip",), ["x"])
    ledger, clock = Memory(), MovedClock(1_795_514_400_000)
    passed = {caller: [] for caller in range(5)}
    limits_ = None
    for _ in range(400):
        if limits_ is None or chance.random() < 0.05:
            limits_ = Limits([rule], Accounts(ledger, at_hand=2), LimiterTime(clock, ledger.latest()))
        clock.forward(chance.choice([0, 0, 0, 0.3, 1, 5, 40]))
        caller = chance.randrange(5)
        asking = Asking({}, frozenset(), f"192.0.2.{caller}", lambda digest: digest)
        with contextlib.suppress(QuotaExceeded):
            passed[caller] += [take.at for take in await limits_.at_door("x", asking)]
        if chance.random() < 0.1:
            await limits_.forget_whole()
    most = quota if name == "sliding_log" else 2 * quota
    if name == "concurrency":
        return
    assert sum(map(len, passed.values())) > quota
    for times in passed.values():
        for start in times:
            assert sum(start <= at < start + 60_000_000 for at in times) <= most


# -- where everybody stands -------------------------------------------------------------------------------------------


async def test_the_limits_in_force_are_told_with_who_stands_where(tmp_path, clock):
    """Rules, refusals of the hour, and the tightest account: by its id to whoever may list keys, else by a digest; an
    hour later nothing was refused of late."""
    trial = of("trial", endpoints=["messages.send"], quota=1, window="1m", dry_run=True)
    async with running(tmp_path, limited(("send", 2, "1m")) + trial, clock, deliver=False) as run:
        sender = run.key
        assert await statuses(run, 4) == [202, 202, 429, 429]

        async def told(*scopes):
            run.key = await run.draw(*scopes)
            answer = await run.call("GET", "/communications/limits")
            return answer.status, {one["name"]: one for one in answer.json.get("items", [])}

        status, found = await told("limits", "keys")
        assert (status, [one["refused_last_hour"] for one in (found["send"], found["trial"])]) == (200, [2, 3])
        tightest = found["send"]["tightest"][0]
        assert (tightest["caller"], tightest["remaining"]) == (f"key_{sender.split('_')[1]}", 0)
        assert (await told("limits"))[1]["send"]["tightest"][0] == tightest | {"caller": None}
        assert (await told("read"))[0] == 403
        clock.forward(3600)
        assert (await told("limits"))[1]["send"]["refused_last_hour"] == 0


async def explained(run, whom, key=None):
    """What each limit says to somebody's next request; the status where it is no answer."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = await run.call("GET", f"/communications/limits/{whom}", headers=headers)
    return {one["limit"]: one for one in answer.json["items"]} if answer.status == 200 else answer.status


async def test_why_the_next_request_passes_or_not_is_told_in_words(tmp_path, clock):
    """For a key, and for its account: what is left, what is used up and when it passes, which then is true; a trial,
    an exemption, and what the key alone does not settle. Looking takes nothing."""
    config = limited(("send", 2, "1m")) + of("trial", endpoints=["messages.send"], quota=1, window="1m", dry_run=True)
    config += of("wide", endpoints=["messages.send"], quota=9, window="1m", by="api_key+ip")
    async with running(tmp_path, config, clock, deliver=False) as run:
        key, asker = f"key_{run.key[3:11]}", await run.draw("limits", "keys")
        before = await explained(run, key, asker)
        assert {name: before[name]["verdict"] for name in ("send", "trial", "wide", "auth")} == {
            "send": "passes", "trial": "passes", "wide": "depends", "auth": "depends",
        }  # fmt: skip
        assert before["send"]["why"] == "send counts requests to messages.send: the next one passes, 2 of 2 are left."
        assert await statuses(run, 2) == [202, 202]
        now = await explained(run, key, asker)
        assert (now["send"]["verdict"], now["send"]["wait"], now["trial"]["verdict"]) == ("refused", 30, "trial")
        assert now["send"]["why"] == (
            "send counts requests to messages.send: none of 2 is left (2 in 60 s). "
            "The next one passes in 30 s, if none comes meanwhile."
        )
        assert "on trial" in now["trial"]["why"] and "api_key and ip" in now["wide"]["why"]
        (account,) = (one["tightest"][0]["account"] for one in await in_force(run) if one["name"] == "send")
        only = await run.draw("limits")
        assert (await explained(run, account, only))["send"] == now["send"]
        clock.forward(29)
        assert await statuses(run, 1) == [429]
        clock.forward(1)
        assert (await explained(run, key, asker))["send"]["verdict"] == "passes"
        assert await statuses(run, 1) == [202]
        assert [await explained(run, one, only) for one in (key, "0" * 32, "usr_x", "none")] == [403, 404, 404, 404]
        assert await explained(run, "key_00000000", asker) == 404


async def in_force(run):
    return (await run.call("GET", "/communications/limits")).json["items"]


async def test_an_account_is_explained_after_a_restart_and_for_people(tmp_path, clock):
    """It is looked up on disk; whoever is spared by his role is told so."""
    spared = of("spared", endpoints=["messages.*"], quota=1, window="1m", exempt=["owner"])
    config = limited(("send", 1, "1h")) + spared
    async with running(tmp_path, config, clock, deliver=False) as run:
        key = f"key_{run.key[3:11]}"
        assert await statuses(run, 1) == [202]
    async with running(tmp_path, config, clock, deliver=False) as run:
        assert (await explained(run, key))["send"]["verdict"] == "refused"
        owner, reader = await person(run, "owner"), await person(run, "reader")
        assert (await explained(run, owner.id))["spared"]["verdict"] == "exempt"
        assert (await explained(run, reader.id))["spared"]["verdict"] == "passes"
        keys_only = await run.draw("limits", "keys")
        assert await explained(run, owner.id, keys_only) == 403


def test_the_command_explains_one_caller(command):
    """A sentence a limit, on a folder whose gateway does not run; a stranger is told of."""
    command("init")
    key = command("apikey", "create", "--scopes", "send", "--json").json["id"]
    lines = command("limits", "status", "--explain", key).out.splitlines()
    assert "bulk counts requests to messages.bulk: the next one passes, 10 of 10 are left." in lines
    assert command("limits", "status", "--explain", key, "--json").json["caller"] == key
    assert command("limits", "status", "--explain", "../guests").code == 64
