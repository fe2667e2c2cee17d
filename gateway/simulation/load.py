"""A load in words: `send: 5 callers x 120/min for 10m, burst 50 at 3m`."""

import re

from gateway.errors import Fault, Invalid
from gateway.model import ENDPOINTS
from gateway.simulation.ask import Ask
from gateway.simulation.trace import Trace, told

UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
STEADY = re.compile(
    r"(?P<endpoint>[a-z_]+(\.[a-z_]+)?): (?P<callers>[1-9]\d{0,4}) callers? x (?P<rate>[1-9]\d{0,6})/(?P<per>[a-z]+) "
    r"for (?P<length>[1-9]\d{0,5}[smhd])"
)
BURST = re.compile(r"burst (?P<many>[1-9]\d{0,6}) at (?P<at>\d{1,6}[smhd])")
MOST = 2_000_000
NETWORK = (198 << 24) + (18 << 16)
"""198.18.0.0/15 is nobody's: it is there for trials (RFC 2544)."""


def load(described: str) -> Trace:
    """The requests of a load: each caller asks at an even pace, one after the other; in a burst each asks so often at
    once. Caller 3 of `send` is called `send-3`, with an address of his own. Raises Invalid for what cannot be read."""
    steady, *bursts = [part.strip() for part in described.split(",")]
    found = STEADY.fullmatch(steady)
    peaks = [BURST.fullmatch(burst) for burst in bursts]
    if found is None or None in peaks or found["per"] not in UNITS:
        raise _fault('must be such as "send: 5 callers x 120/min for 10m, burst 50 at 3m"')
    callers, rate, length = int(found["callers"]), int(found["rate"]), _seconds(found["length"])
    each, pause = rate * length // UNITS[found["per"]], UNITS[found["per"]] * 1_000_000
    many = callers * (each + sum(int(peak["many"]) for peak in peaks if peak))
    if many > MOST:
        raise _fault(f"is {many:,} requests, and {MOST:,} are the most")
    endpoint, name = _endpoint(found["endpoint"]), found["endpoint"]
    asks = []
    for caller in range(callers):
        facts, address = {"api_key": f"{name}-{caller + 1}"}, _address(caller)
        first = caller * pause // rate // callers
        times = [first + number * pause // rate for number in range(each)]
        times += [_seconds(peak["at"]) * 1_000_000 for peak in peaks if peak for _ in range(int(peak["many"]))]
        asks += [Ask(at, endpoint, facts, address) for at in times]
    return Trace(sorted(asks, key=lambda ask: ask.at), 0)


def _endpoint(name: str) -> str:
    """The endpoint of this name, or the only one that ends on it."""
    found = [one for one in (*ENDPOINTS, "auth") if name in (one, one.rpartition(".")[2])]
    if len(found) != 1:
        raise _fault(f"names no endpoint: one of {', '.join(found)}" if found else 'must begin like "messages.send:"')
    return found[0]


def _seconds(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


def _address(number: int) -> str:
    number += NETWORK
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _fault(detail: str) -> Invalid:
    return told(Fault("/load", "invalid", detail))
