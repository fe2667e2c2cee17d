"""What is done about a score, and how long somebody under a step has to wait."""

from dataclasses import dataclass
from typing import Literal, get_args

from gateway.config import Abuse

Step = Literal["alert", "throttle", "challenge", "block"]
STEPS: tuple[Step, ...] = get_args(Step)
"""From the mildest to the severest."""
ALERT_FOR = 3600.0
FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
"""Seconds that a challenge asks for at first, and at most."""
MINUTE = 60.0


def reached(score: float, rules: Abuse) -> Step | None:
    """The severest step whose mark a score has reached."""
    return next((step for step in reversed(STEPS) if score >= getattr(rules, step)), None)


def lasts(step: Step, rules: Abuse, before: int) -> float:
    """For how many seconds a step holds. A block holds twice as long as the one before, of which there were so many."""
    if step == "block":
        return min(rules.longest_block, rules.block_for * 2.0 ** min(before, 30))
    return {"alert": ALERT_FOR, "throttle": rules.throttle_for, "challenge": rules.challenge_for}[step]


@dataclass(slots=True)
class Hold:
    """A step in force, until a moment of the monotonic clock. Whoever waits as long as it says may pass."""

    uuid: bytes
    step: Step
    until: float
    dry_run: bool = False
    wait: float = FIRST_WAIT
    free: float = float("-inf")
    tokens: float | None = None
    at: float = 0.0

    def admit(self, now: float, quota: int) -> float:
        """Seconds until a request would pass; 0 lets this one. `quota`: requests a minute under a throttle."""
        if self.step == "alert" or now >= self.until:
            return 0.0
        if self.step == "block":
            return self.until - now
        return min(self.until - now, self._throttled(now, quota) if self.step == "throttle" else self._challenged(now))

    def _throttled(self, now: float, quota: int) -> float:
        """An even pace; a tenth of a minute's requests may come at a stroke."""
        most = max(1.0, quota / 10)
        left = most if self.tokens is None else min(most, self.tokens + max(0.0, now - self.at) * quota / MINUTE)
        passes = left >= 1
        self.tokens, self.at = left - passes, max(self.at, now)
        return 0.0 if passes else (1 - left) * MINUTE / quota

    def _challenged(self, now: float) -> float:
        """Twice as long a wait after every try, whether it came too early or not."""
        passes = now >= self.free
        self.free = max(self.free, now + self.wait)
        self.wait = min(LONGEST_WAIT, self.wait * 2)
        return 0.0 if passes else self.free - now
