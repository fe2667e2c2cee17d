"""The eight patterns. Each is a rule that says how many times an answered request shows it: arithmetic on a trail, with
the time passed in. The table at the end names them all, with their points and how fast they fade.
"""

from collections.abc import Callable
from math import log
from typing import NamedTuple

from gateway.abuse.trail import GONE, Evidence, Trail, remember

BURST, BURST_OF_CALLER = 60, 1000
"""What `rapid_fire` lets pass at a stroke; four or seventy a second may go on for good."""
TEN_SECONDS, MINUTE, SIX_HOURS = 10.0, 60.0, 21_600.0
HISTORY = 3600.0
"""Seconds after which somebody has a history to be measured by."""
JUMP, JUMP_FROM, JUMP_FROM_OF_CALLER = 10, 60, 300
"""So many times his usual speed is a jump; below so many requests in a minute nothing is."""
AGENTS, PLACES, KEYS = 16, 32, 32
"""How many different ones are remembered of a source."""
KEYS_OF_A_NETWORK, KEYS_A_TIME = 10, 2
"""So many keys nobody minds of one network; every two more count once more."""
MOST_TIMES = 50.0


class Sight(NamedTuple):
    """What an answered request showed. `many`: for how many requests it stands; 0 for one on a guest's page, where
    speed says nothing. `refused`: it came to nothing, by the caller's own fault. `agent`: what its program calls
    itself. `place`: a path that leads nowhere. `wrong_key`: what was shown and never was a key; `wrong_password`: what
    was no password or code. `keys_around`: how many different keys its network has shown of late, where it has just
    shown one. `invalid`: how many recipients cannot be."""

    many: int = 1
    refused: bool = False
    agent: int = 0
    place: int | None = None
    wrong_key: int | None = None
    wrong_password: bool = False
    keys_around: float = 0.0
    invalid: int = 0


Rule = Callable[[Trail, Sight, float], float]


def rapid_fire(trail: Trail, sight: Sight, now: float) -> float:
    """Requests beyond a burst."""
    level = trail.burst.add(sight.many, now, TEN_SECONDS)
    beyond = level - (BURST if trail.is_source else BURST_OF_CALLER)
    return max(0.0, min(sight.many, beyond))


def user_agents(trail: Trail, sight: Sight, now: float) -> float:
    """A request that came to nothing, under a name not seen of late."""
    if not sight.refused or sight.agent in trail.agents:
        return 0.0
    first = not trail.agents
    trail.agents = remember(trail.agents, sight.agent, AGENTS)
    return 0.0 if first else 1.0


def scanning(trail: Trail, sight: Sight, now: float) -> float:
    """A path that leads nowhere, not tried of late."""
    if sight.place is None or sight.place in trail.places:
        return 0.0
    trail.places = remember(trail.places, sight.place, PLACES)
    return 1.0


def key_guessing(trail: Trail, sight: Sight, now: float) -> float:
    """A wrong password, or something that never was a key, not tried of late."""
    if sight.wrong_key is None or sight.wrong_key in trail.keys:
        return float(sight.wrong_password)
    trail.keys = remember(trail.keys, sight.wrong_key, KEYS)
    return 1.0


def many_keys(trail: Trail, sight: Sight, now: float) -> float:
    """One more key out of a network that has shown many: the more, the worse."""
    return max(0.0, sight.keys_around - KEYS_OF_A_NETWORK) / KEYS_A_TIME


def sudden_jump(trail: Trail, sight: Sight, now: float) -> float:
    """Requests of a minute that is many times as busy as the hours before."""
    fast = trail.fast.add(sight.many, now, MINUTE)
    slow = trail.slow.add(sight.many, now, SIX_HOURS)
    floor = JUMP_FROM if trail.is_source else JUMP_FROM_OF_CALLER
    per_minute, usual = fast * log(2), slow * log(2) * MINUTE / SIX_HOURS
    known = now - trail.since >= HISTORY
    return float(sight.many) if known and per_minute > max(floor, JUMP * usual) else 0.0


def invalid_recipients(trail: Trail, sight: Sight, now: float) -> float:
    """Recipients that cannot be."""
    return float(sight.invalid)


def refusals(trail: Trail, sight: Sight, now: float) -> float:
    """A request that came to nothing."""
    return float(sight.refused)


class Signal(NamedTuple):
    """A pattern: so many `points` each time that its `rule` sees it, halved every `half_life` seconds; what it looks
    at, and what is said of whoever shows it."""

    name: str
    points: float
    half_life: float
    rule: Rule
    looks_at: str
    says: str


SIGNALS = (
    Signal("rapid_fire", 2, 60, rapid_fire, "how fast requests come", "requests beyond what comes at a stroke"),
    Signal("user_agents", 4, 300, user_agents, "User-Agent of requests that came to nothing",
           "names that its program took, one after the other"),
    Signal("scanning", 4, 300, scanning, "paths that lead nowhere", "different paths that lead nowhere"),
    Signal("key_guessing", 5, 600, key_guessing, "keys and passwords that are not good",
           "different keys or passwords that never were good"),
    Signal("many_keys", 5, 600, many_keys, "different keys out of one network",
           "keys out of a network that has shown many"),
    Signal("sudden_jump", 1, 60, sudden_jump, "requests of a minute beside those of six hours",
           "requests in minutes many times as busy as the hours before"),
    Signal("invalid_recipients", 1, 300, invalid_recipients, "recipients that cannot be",
           "recipients that cannot be"),
    Signal("refusals", 1, 120, refusals, "answers that say no", "requests that came to nothing"),
)  # fmt: skip
BY_NAME = {signal.name: signal for signal in SIGNALS}


def look(trail: Trail, sight: Sight, now: float) -> float:
    """Let every rule see a request; the score that this leaves."""
    for signal in SIGNALS:
        if times := min(MOST_TIMES, signal.rule(trail, sight, now)):
            trail.evidence.setdefault(signal.name, Evidence()).add(signal.points, times, now, signal.half_life)
    return score(trail, now)


def score(trail: Trail, now: float) -> float:
    """All signals together, as far as they have not faded."""
    return sum(evidence.score.now(now, BY_NAME[name].half_life) for name, evidence in trail.evidence.items())


def shown(trail: Trail, now: float) -> dict[str, int]:
    """How often each signal was seen, of those that have not faded."""
    fresh = {name: one for name, one in trail.evidence.items() if one.score.now(now, BY_NAME[name].half_life) >= GONE}
    return {name: fresh[name].count for name in BY_NAME if name in fresh}
