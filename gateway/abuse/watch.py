"""Looks at what was answered, keeps the scores, and holds up whoever has earned it. All in memory, and bounded."""

from collections import OrderedDict
from typing import NamedTuple

from gateway import metrics, reach
from gateway.abuse.hold import STEPS, Hold, lasts, reached
from gateway.abuse.register import Case, Register
from gateway.abuse.signals import Sight, look, shown
from gateway.abuse.trail import Kind, Neighbours, Trail
from gateway.callers import Caller
from gateway.clock import Clock
from gateway.config import Abuse
from gateway.errors import HeldUp
from gateway.logs import Log
from gateway.vault import Vault

REMEMBERED = 20_000
"""How many sources and callers have a trail; of more the longest unseen is forgotten, but nobody under a step is."""
NETWORKS = 5_000
HELD = 10_000
"""How many are under a step at once; of more the one goes whose step was taken first."""
TICK = 1.0
"""Seconds between two looks at a caller who does nothing but what he should."""
SAYS = {
    "throttle": "Requests without a valid key are taken more slowly from where this comes, after what came from there.",
    "challenge": "After what came from there, requests without a valid key have to wait longer each time.",
    "block": "After what came from there, requests without a valid key are not taken for a while.",
}
SAYS_TO_CALLER = {
    "throttle": "Requests of this caller are taken more slowly for a while, after what they were.",
    "challenge": "After what they were, requests of this caller have to wait longer each time.",
    "block": "After what they were, requests of this caller are not taken for a while.",
}


class Whose(NamedTuple):
    """Who a trail belongs to: a keyed digest; the address of a source, the `actor` of a caller."""

    digest: bytes
    kind: Kind
    address: str = ""
    actor: str | None = None


class Watch:
    """Told of every answer, asked before some. What is remembered of an address is its keyed digest; the address itself
    is only written down, sealed, with a step."""

    def __init__(self, register: Register, rules: Abuse, vault: Vault, clock: Clock, log: Log):
        self.rules = rules
        self._register, self._vault, self._clock, self._log = register, vault, clock, log
        self._trails: OrderedDict[bytes, Trail] = OrderedDict()
        self._networks: OrderedDict[bytes, Neighbours] = OrderedDict()
        self._held: dict[bytes, Hold] = {}

    def load(self) -> None:
        """Take up the steps that were in force when the gateway stopped."""
        now, wall = self._clock.monotonic(), self._clock.now()
        for case in self._register.in_force():
            left = min((case.until - wall) / 1000, self.rules.longest_block)
            self._held[case.digest] = Hold(case.uuid, case.step, now + left, case.dry_run)

    # -- holding up ---------------------------------------------------------------------------------------------------

    def hold_source(self, address: str) -> None:
        """Raise HeldUp for a request without a valid key from somewhere under a step."""
        if self._held and address and self.rules.enabled and not reach.within(address, self.rules.exempt):
            self._hold(self._digest(reach.source(address)), SAYS)

    def hold_caller(self, caller: Caller) -> None:
        """Raise HeldUp for a caller under a step, where `[abuse] keys` wants that."""
        if self._held and self.rules.keys and self.rules.enabled:
            self._hold(_of_caller(caller).digest, SAYS_TO_CALLER)

    def _hold(self, digest: bytes, says: dict[str, str]) -> None:
        hold = self._held.get(digest)
        wait = hold.admit(self._clock.monotonic(), self.rules.throttle_to) if hold else 0.0
        if hold is None or not wait:
            return
        if hold.dry_run or self.rules.dry_run:
            metrics.of(metrics.ABUSE_WOULD_HOLD, hold.step).inc()
            return
        metrics.of(metrics.ABUSE_HELD, hold.step).inc()
        raise HeldUp(says[hold.step], retry_after=wait)

    # -- looking ------------------------------------------------------------------------------------------------------

    def passes(self, caller: Caller) -> bool:
        """Note an ordinary request of a caller; whether it is time for a closer look at him."""
        trail = self._trails.get(caller.limit_keys["api_key"])
        if trail is None:
            return True
        trail.waiting += 1
        return self._clock.monotonic() - trail.looked >= TICK

    def saw_caller(self, caller: Caller, address: str, sight: Sight) -> None:
        """A caller was answered."""
        if not self.rules.enabled:
            return
        now, whose = self._clock.monotonic(), _of_caller(caller)
        trail = self._trail(whose.digest, whose.kind, now)
        around = self._around(address, hash(whose.digest), now) if whose.kind == "key" else 0.0
        sight = sight._replace(many=max(1, trail.waiting), keys_around=around)
        trail.waiting, trail.looked = 0, now
        self._judge(whose, look(trail, sight, now), now, trail)

    def saw_source(self, address: str, sight: Sight) -> None:
        """Somebody without a valid key was answered."""
        if not address or not self.rules.enabled or reach.within(address, self.rules.exempt):
            return
        now, source = self._clock.monotonic(), reach.source(address)
        whose = Whose(self._digest(source), "ipv6" if ":" in source else "ipv4", address)
        trail = self._trail(whose.digest, whose.kind, now)
        if sight.wrong_key is not None:
            sight = sight._replace(keys_around=self._around(address, sight.wrong_key, now))
        self._judge(whose, look(trail, sight, now), now, trail)

    def _around(self, address: str, key: int, now: float) -> float:
        """How many keys the network of an address has shown, with this one; nothing for one it has shown before."""
        if not address:
            return 0.0
        digest = self._digest(reach.neighbourhood(address))
        network = self._networks.setdefault(digest, Neighbours())
        self._networks.move_to_end(digest)
        if len(self._networks) > NETWORKS:
            self._networks.popitem(last=False)
        return network.shows(key, now)

    def _trail(self, key: bytes, kind: Kind, now: float) -> Trail:
        """A trail, a new one for a stranger, and for whoever has a step behind him."""
        hold = self._held.get(key)
        if hold is not None and now >= hold.until:
            self.release(key)
        trail = self._trails.get(key)
        if trail is None:
            trail = self._trails[key] = Trail(kind, now)
            if len(self._trails) > REMEMBERED:
                self._trails.popitem(last=False)
        self._trails.move_to_end(key)
        return trail

    # -- stepping in --------------------------------------------------------------------------------------------------

    def _judge(self, whose: Whose, score: float, now: float, trail: Trail) -> None:
        """Take the step that a score asks for, if it is severer than the one in force."""
        step = reached(score, self.rules)
        if step is None:
            return
        if not trail.is_source and not self.rules.keys:
            step = "alert"
        held = self._held.get(whose.digest)
        if held is not None and STEPS.index(held.step) >= STEPS.index(step):
            return
        before = self._register.blocks(whose.digest) if step == "block" else 0
        seconds = lasts(step, self.rules, before)
        uuid = held.uuid if held is not None else self._register.uuid()
        self._pin(whose.digest, Hold(uuid, step, now + seconds, self.rules.dry_run))
        until = self._clock.now() + round(seconds * 1000)
        self._register.open(
            Case(uuid, whose.digest, whose.kind, step, until, self.rules.dry_run, shown(trail, now), whose.actor),
            whose.address,
        )
        metrics.of(metrics.ABUSE_STEPS, step).inc()
        self._log.warning("abuse", code=step, actor=whose.actor)

    def _pin(self, digest: bytes, hold: Hold) -> None:
        self._held.pop(digest, None)
        self._held[digest] = hold
        if len(self._held) > HELD:
            del self._held[next(iter(self._held))]

    def release(self, digest: bytes) -> None:
        """Let go of whoever this is, and forget what he has done."""
        self._held.pop(digest, None)
        self._trails.pop(digest, None)

    async def tidy(self) -> None:
        """Steps that are over are let go of, and their end is noted."""
        now = self._clock.monotonic()
        for digest in [digest for digest, hold in self._held.items() if now >= hold.until]:
            self.release(digest)
        await self._register.close_over()

    def _digest(self, source: str) -> bytes:
        return self._vault.limiter_key(source.encode())


def _of_caller(caller: Caller) -> Whose:
    kind: Kind = "key" if caller.session is None else "user"
    return Whose(caller.limit_keys["api_key"], kind, actor=caller.actor)
