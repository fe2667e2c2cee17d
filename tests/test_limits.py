"""How much a caller may ask for: counted per caller and per limit, on disk before it is given."""

import pytest

from gateway.store import limits
from tests.running import BOOKING, CONFIG, running

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
        assert (refused.json["limit"], refused.headers["Retry-After"]) == ("daily", "43201")
        clock.forward(43_201)
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
            return {name for name, _ in limits.load(run.gateway.db.reader)}, {
                rule.name for rule in parts.limits.rules if rule.accounts
            }

        await run.call("GET", LIST, headers=WRONG)
        assert await statuses(run, 2) == [202, 202]
        assert known() == ({"auth", "send"}, {"auth", "send"})
        clock.forward(60)
        await parts.limits.forget_whole()
        assert known() == ({"send"}, {"send"})
        assert await statuses(run, 1) == [429]
