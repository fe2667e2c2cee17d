"""A whole morning at one gateway: nobody who should be there is held up, and everybody who should not be is."""

from collections import Counter

from gateway.abuse.watch import SAYS
from tests.guest_pages import link
from tests.people import PASSWORD, TOKEN, added, sign_in
from tests.running import BOOKING, CONFIG, running
from tests.traffic import CAUGHT_WITHIN, Ask, morning

SETTINGS = CONFIG.replace("[venue]", '[server]\nproxies = ["127.0.0.0/8"]\n[venue]', 1)
STAFF = "owner@quinta.example"


class Town:
    """Everybody in the traffic, with the keys they have."""

    def __init__(self, run):
        self.run = run
        self.tokens: dict[str, tuple[str, str]] = {}
        self.made: list[str] = []

    async def wake(self, clock) -> None:
        """The day before: keys are given out, one is revoked, somebody signs in."""
        run = self.run
        self.key, self.list_key, self.revoked = [await run.draw("send", "read") for _ in range(3)]
        revoked = self.revoked.split("_")[1]
        assert (await run.call("DELETE", f"/communications/api-keys/key_{revoked}")).status == 204
        person = await added(run, "owner", STAFF)
        await person.sign_in()
        session = run.gateway.callers.by_header(f"Bearer {person.access}", None).session
        self.made = [run.gateway.callers._tokens.access(person.id, session) for _ in range(20)]
        clock.forward(24 * 3600)

    def shown(self, ask: Ask) -> str | None:
        """The credential of a request."""
        if ask.shows == "session":
            return self.tokens[ask.who][0]
        known = {"key": self.key, "list key": self.list_key, "revoked": self.revoked}
        return self.made.pop() if ask.shows == "yesterday" else known.get(ask.shows, ask.shows) or None

    def body(self, ask: Ask):
        """What a request says."""
        kind, *_ = ask.body.split(" ")
        to = [{"to": f"guest{row}@example.org"} for row in range(30)] + [{"to": f"nobody {row}"} for row in range(3)]
        return {
            "": None, "send": BOOKING | {"to": f"guest{round(ask.at)}@example.org"}, "bad": BOOKING | {"to": "nobody"},
            "bulk": BOOKING | {"recipients": to}, "one": b"List-Unsubscribe=One-Click",
            "password": {"grant": "password", "email": STAFF, "password": PASSWORD},
            "wrong": {"grant": "password", "email": STAFF, "password": "zwei Tee"},
        }[kind]  # fmt: skip

    def path(self, ask: Ask) -> str:
        """Where to; what a scanner cuts off leads nowhere."""
        kind, _, number = ask.path.rpartition(" ")
        if not kind:
            return ask.path
        whole = link(self.run, "unsubscribe", f"guest{number}@example.org")
        return whole[:-9] if kind.startswith("cut") else whole

    async def asks(self, ask: Ask):
        """The answer to a request."""
        if ask.shows == "session" and ask.who not in self.tokens:
            await self.signs_in(ask)
        reply = await self.once(ask)
        if ask.shows == "session" and reply.status == 401:  # a quarter of an hour has gone by
            await self.signs_in(ask)
            reply = await self.once(ask)
        if ask.body == "password":
            self.tokens[ask.who] = (reply.json["access_token"], reply.json["refresh_token"])
        return reply

    async def once(self, ask: Ask):
        key = self.shown(ask)
        headers = {"Authorization": f"Bearer {key}" if key else None, "User-Agent": ask.agent,
                   "X-Forwarded-For": ask.address}  # fmt: skip
        if ask.body.startswith("bulk"):
            headers["Idempotency-Key"] = ask.body.replace(" ", "-")
        if ask.body == "one click":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return await self.run.call(ask.method, self.path(ask), self.body(ask), headers=headers)

    async def signs_in(self, ask: Ask) -> None:
        """Begin a session, or go on with it."""
        if ask.who in self.tokens:
            body = {"grant": "refresh", "refresh_token": self.tokens[ask.who][1]}
            headers = {"Authorization": None, "X-Forwarded-For": ask.address, "User-Agent": ask.agent}
            reply = await self.run.call("POST", TOKEN, body, headers=headers)
        else:
            reply = await sign_in(self.run, STAFF, PASSWORD, source=ask.address)
        assert reply.status == 200, (ask, reply.json)
        self.tokens[ask.who] = (reply.json["access_token"], reply.json["refresh_token"])


def held_up(reply) -> bool:
    return reply.status == 429 and reply.json["detail"] in SAYS.values()


async def test_nobody_who_should_come_is_held_up_and_every_attacker_is(tmp_path, clock):
    """In a morning of mixed traffic no request of a legitimate caller is held up, not even from an attacker's own
    address; every attacker without a key is within so many requests, and one with a key is told of."""
    asked: Counter[str] = Counter()
    caught: dict[str, int] = {}
    async with running(tmp_path, SETTINGS, clock, deliver=False) as run:
        town, at = Town(run), 0.0
        await town.wake(clock)
        for ask in morning():
            clock.forward(ask.at - at)
            at = ask.at
            reply = await town.asks(ask)
            asked[ask.who] += 1
            if held_up(reply):
                caught.setdefault(ask.who, asked[ask.who])
            elif ask.shows == "session" or ask.body in ("send", "password", "one click"):
                assert reply.status in (200, 202), (ask, reply.status, reply.json)
        steps = (await run.call("GET", "/communications/abuse?limit=200")).json["items"]
    assert sum(asked.values()) > 2500
    assert {who: many for who, many in caught.items() if many > CAUGHT_WITHIN.get(who, 0)} == {}
    assert caught.keys() == CAUGHT_WITHIN.keys()
    for name in CAUGHT_WITHIN.keys() - {"guessing_in_the_office"}:
        assert any(name in [signal["name"] for signal in step["signals"]] for step in steps), name
    alerts = [step for step in steps if step["kind"] in ("key", "user")]
    assert [(step["step"], step["signals"][0]["name"]) for step in alerts] == [("alert", "invalid_recipients")]
