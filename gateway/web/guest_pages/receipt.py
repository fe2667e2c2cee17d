"""`/r/`: a guest's receipt, to be looked at, printed and kept as a file."""

from msgspec import json, to_builtins

from gateway.answers import Answer
from gateway.clock import parse_rfc3339
from gateway.errors import NotFound
from gateway.privacy.forms import Receipt
from gateway.web.door import Call
from gateway.web.guest_pages.frame import HEADERS, GuestRoutes, page, visitor, words_for

routes = GuestRoutes("/r")
MOMENTS = ("granted_at", "confirmed_at", "expires_at", "withdrawn_at")


@routes.get("/{token}")
async def show(call: Call) -> Answer:
    """What was agreed to, when and in which words, what has become of it, and whether all that is on record."""
    who, kept = visitor(call, "receipt"), _kept(call)
    words, zone = words_for(call, who), call.parts.config.venue.timezone
    times = {name: words.minute(at, zone) for name in MOMENTS if (at := _at(kept, name)) is not None}
    known = await call.gateway.receipt_checks.check(to_builtins(kept))
    whole, saved = known.genuine and known.recorded and known.logged, f"/r/{who.token}/receipt.json"
    return page(call, "receipt", who, receipt=kept, times=times, on_record=whole, file=saved)


@routes.get("/{token}/receipt.json", gives=Receipt)
async def file(call: Call) -> Answer:
    """The same, signed, as a file."""
    attached = (("Content-Disposition", 'attachment; filename="receipt.json"'), *HEADERS)
    return Answer(json.encode(_kept(call)), 200, attached)


def _kept(call: Call) -> Receipt:
    kept = call.parts.receipts.kept(call.match("token"))
    if kept is None:
        raise NotFound()
    return kept


def _at(receipt: Receipt, name: str) -> int | None:
    """A moment of a receipt (ms), if it has it."""
    return parse_rfc3339(getattr(receipt, name) or "")
