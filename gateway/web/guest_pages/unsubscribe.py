"""`/u/`: the page behind an opt-out link. GET shows what would stop, only POST stops it."""

from gateway.answers import Answer
from gateway.privacy.forms import UnsubscribeOrder
from gateway.web.door import Call
from gateway.web.guest_pages.frame import GuestRoutes, page, visitor

routes = GuestRoutes("/u")


@routes.get("/{token}")
async def ask(call: Call) -> Answer:
    """Show what pressing the button will stop. Scanners that follow links change nothing."""
    return page(call, "unsubscribe", visitor(call, "unsubscribe"))


@routes.post("/{token}")
async def stop(call: Call) -> Answer:
    """Stop. The guest's button and a mail program's one-click (RFC 8058) are the same request."""
    who = visitor(call, "unsubscribe")
    order = UnsubscribeOrder(token=who.token, source="unsubscribe_link")
    await call.parts.opt_outs.unsubscribe(order, None)
    return page(call, "unsubscribed", who, switch=False)
