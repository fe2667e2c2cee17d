"""What the doors tell the watch for abuse, and where they ask it. Opt-outs come last: on a guest's page, at a callback,
at a stop and at health nobody is ever held up."""

from typing import TYPE_CHECKING, Any

from aiohttp import web
from msgspec import Struct, json

from gateway.abuse import Sight
from gateway.answers import Answer
from gateway.callers import NOBODY
from gateway.errors import GatewayError, HeldUp, Unauthorized
from gateway.overload import Importance
from gateway.web.client import client_address
from gateway.web.routes import Door

if TYPE_CHECKING:
    from gateway.web.door import Call

USUAL = 5
"""One in so many recipients may be wrong in any list."""
MOST = 50


def hold(door: Door, call: "Call") -> None:
    """Raise HeldUp for whoever is held up for abuse."""
    if call.caller is not NOBODY:
        if door.importance < Importance.FIRST:
            call.gateway.watch.hold_caller(call.caller)
    elif door.holds_strangers:
        call.gateway.watch.hold_source(call.address)


def nowhere(gateway: Any, request: web.BaseRequest, error: GatewayError) -> GatewayError:
    """Somebody came to a path that is none. What he is told: that, or that he is held up, unless he has a good key."""
    proxies = gateway.parts.config.server.proxies
    address, header = client_address(request, proxies), request.headers.get("Authorization")
    try:
        gateway.watch.hold_source(address)
    except HeldUp as held:
        try:
            gateway.callers.by_header(header, address)
        except Unauthorized:
            return held
    gateway.watch.saw_source(address, Sight(refused=True, agent=_agent(request), place=hash(request.path)))
    return error


def answered(door: Door, call: "Call", status: int, refusal: GatewayError | None) -> None:
    """A door has answered. Whoever was held up has shown nothing new, and a session that has run out nothing bad."""
    if isinstance(refusal, HeldUp):
        return
    refused, watch = 400 <= status < 500 and not call.spent, call.gateway.watch
    if call.caller is NOBODY:
        guest = door.importance is Importance.FIRST
        if refused or not guest:
            shown = _shown(door, call, status), _is_wrong(door, call, refusal)
            watch.saw_source(call.address, Sight(int(not guest), refused, _agent(call.request), None, *shown))
    elif watch.passes(call.caller) or refused or call.invalid:
        invalid = call.invalid or _faulty(refusal)
        watch.saw_caller(call.caller, call.address, Sight(1, refused, _agent(call.request), invalid=invalid))


def _agent(request: web.BaseRequest) -> int:
    return hash(request.headers.get("User-Agent", ""))


def _shown(door: Door, call: "Call", status: int) -> int | None:
    """A header that never was good."""
    header = call.request.headers.get("Authorization")
    return hash(header) if header and door.scope is not None and not call.spent and status in (401, 429) else None


def _is_wrong(door: Door, call: "Call", refusal: GatewayError | None) -> bool:
    """Whether what stood in the body was no password, key or code."""
    return door.scope is None and isinstance(refusal, Unauthorized) and not call.spent and not refusal.faults


def _faulty(refusal: GatewayError | None) -> int:
    """How many recipients a request was refused for."""
    faults = refusal.faults if refusal else ()
    return min(MOST, sum(fault.pointer.startswith(("/to", "/recipients/")) for fault in faults))


class _Counts(Struct):
    accepted: int
    deferred: int
    blocked: int
    rejected_total: int


def beyond_usual(answer: Answer) -> int:
    """How many recipients of a bulk cannot be, beyond those of any list."""
    counts = json.decode(answer.body, type=_Counts)
    total = counts.accepted + counts.deferred + counts.blocked + counts.rejected_total
    return max(0, min(MOST, counts.rejected_total - total // USUAL))
