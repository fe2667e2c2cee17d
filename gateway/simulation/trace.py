"""Reads traces: a table of requests, the gateway's own log, or the access log of a proxy before it."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import json

from gateway.clock import parse_rfc3339
from gateway.errors import Fault, Invalid
from gateway.model import ENDPOINTS
from gateway.simulation.ask import FACTS, Ask

COLUMNS = ("time", "endpoint", *FACTS, "ip", "cost")
MOST_FAULTS = 20
ACCESS = re.compile(r'(\S+) \S+ (\S+) \[([^\]]+)\] "([A-Z]+) ([^ "]+)[^"]*" (\d{3})')
Doors = Mapping[tuple[str, str], str]
"""The endpoint, as limits name it, of a method and a path whose variable parts are written {so}."""


class Trace(NamedTuple):
    """Requests in the order of their times, and how many other lines there were."""

    asks: list[Ask]
    passed_over: int


class Line(msgspec.Struct):
    """What counts in a line of the gateway's log."""

    ts: str
    event: str
    route: str = ""
    method: str = ""
    code: int = 0
    dur_ms: float = 0
    actor: str = ""


def read(text: str, doors: Doors) -> Trace:
    """The requests of a trace; which kind it is, its first line shows. Raises Invalid for a table with faults, each
    with its line, and for what holds no request. Lines of a log that are no requests are passed over."""
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    first = lines[0].lstrip() if lines else ""
    if first.startswith("{"):
        found = _each(lines, _of_gateway(doors))
    elif ACCESS.match(first):
        found = _each(lines, _of_proxy(doors))
    else:
        found = _table(text.removeprefix("\ufeff"))
    if not found.asks:
        raise _fault("/trace", "holds no request: a CSV table with time and endpoint, or a log, would be right")
    return Trace(sorted(found.asks, key=lambda ask: ask.at), found.passed_over)


def _each(lines: Sequence[str], ask_of: Callable[[str], Ask | None]) -> Trace:
    asks = [ask for line in lines if (ask := ask_of(line)) is not None]
    return Trace(asks, len(lines) - len(asks))


# -- logs -------------------------------------------------------------------------------------------------------------


def _of_gateway(doors: Doors) -> Callable[[str], Ask | None]:
    """Reads lines of the gateway's own log. They do not say where a request came from."""
    decode = json.Decoder(Line).decode

    def ask_of(line: str) -> Ask | None:
        try:
            said = decode(line)
        except (msgspec.MsgspecError, UnicodeError):
            return None
        ended = parse_rfc3339(said.ts)
        endpoint = _endpoint(doors.get((said.method, said.route)), said.code)
        if said.event != "request" or ended is None or endpoint is None:
            return None
        took = round(said.dur_ms * 1000)
        kind, _, name = said.actor.partition(":")
        facts = {"key": {"api_key": f"key_{name}"}, "user": {"user": f"usr_{name}"}}.get(kind, {})
        return Ask(ended * 1000 - took, endpoint, facts, took=took)

    return ask_of


def _of_proxy(doors: Doors) -> Callable[[str], Ask | None]:
    """Reads lines of the common and the combined log format. Whoever logged in at the proxy counts as a key."""
    patterns = [
        (method, re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))), endpoint)
        for (method, path), endpoint in doors.items()
    ]

    def ask_of(line: str) -> Ask | None:
        found = ACCESS.match(line)
        if found is None:
            return None
        address, who, when, method, path, code = found.groups()
        path = path.partition("?")[0]
        plain = doors.get((method, path)) or next(
            (endpoint for one, pattern, endpoint in patterns if one == method and pattern.fullmatch(path)), None
        )
        endpoint = _endpoint(plain, int(code))
        try:
            at = int(datetime.strptime(when, "%d/%b/%Y:%H:%M:%S %z").timestamp()) * 1_000_000
        except ValueError:
            return None
        return endpoint and Ask(at, endpoint, {} if who == "-" else {"api_key": who}, address)  # type: ignore[return-value]

    return ask_of


def _endpoint(door: str | None, code: int) -> str | None:
    """A wrong credential counts as a guess and not at the door it was shown at."""
    return "auth" if door is not None and code == 401 else door


# -- tables -----------------------------------------------------------------------------------------------------------


def _table(text: str) -> Trace:
    rows = csv.reader(text.splitlines())
    head = [cell.strip() for cell in next(rows, [])]
    strange = [name for name in head if name not in COLUMNS]
    if strange or not {"time", "endpoint"} <= set(head) or len(set(head)) != len(head):
        raise _fault("/trace/1", f"must name columns, each once: time, endpoint, and of {', '.join(COLUMNS[2:])}")
    asks: list[Ask] = []
    faults: list[Fault] = []
    for cells in rows:
        if any(cells):
            row = dict(zip(head, map(str.strip, cells), strict=False))
            wrong = [Fault(f"/trace/{rows.line_num}/{name}", "invalid", why) for name, why in _wrong(row)]
            faults += wrong
            asks += [] if wrong else [_ask(row)]
    if faults:
        raise told(*faults[:MOST_FAULTS])
    return Trace(asks, 0)


def _wrong(row: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Which cells cannot be used, and what would be right."""
    if _micros(row.get("time", "")) is None:
        yield "time", 'must be a moment such as "2026-10-09T10:00:00Z", or seconds'
    if row.get("endpoint") not in (*ENDPOINTS, "auth"):
        yield "endpoint", 'must be an endpoint such as "messages.send", or "auth"'
    if not re.fullmatch("0*[1-9][0-9]{0,8}", row.get("cost") or "1"):
        yield "cost", "must be a whole number of recipients from 1"


def _ask(row: dict[str, str]) -> Ask:
    facts = {name: row[name] for name in FACTS if row.get(name)}
    at = _micros(row["time"]) or 0
    return Ask(at, row["endpoint"], facts, row.get("ip", ""), int(row.get("cost") or 1))


def _micros(text: str) -> int | None:
    """A moment, or seconds since whenever the trace counts from."""
    if re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,6})?", text):
        whole, _, rest = text.partition(".")
        return int(whole) * 1_000_000 + int(rest.ljust(6, "0") or 0)
    at = parse_rfc3339(text)
    return None if at is None else at * 1000


def told(*faults: Fault) -> Invalid:
    """The error that says all of them in words too, for a terminal."""
    return Invalid("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults), faults=list(faults))


def _fault(pointer: str, detail: str) -> Invalid:
    return told(Fault(pointer, "invalid", detail))
