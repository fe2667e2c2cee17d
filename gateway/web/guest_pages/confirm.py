"""`/c/`: the page behind the link of a mail that asks for a yes. GET shows the words, only POST says yes to them."""

from gateway.answers import Answer
from gateway.errors import NotFound
from gateway.web.door import Call
from gateway.web.guest_pages.frame import GuestRoutes, form_token, own_form, page, visitor

routes = GuestRoutes("/c")


@routes.get("/{token}")
async def ask(call: Call) -> Answer:
    """Show the words, and what saying yes to them means. Scanners that follow links agree to nothing."""
    who = visitor(call, "confirm")
    asked = call.parts.confirmations.asked(who.token)
    if asked is None:
        raise NotFound()
    return page(call, "confirm", who, asked=asked, form=form_token(call, who))


@routes.post("/{token}")
async def confirm(call: Call) -> Answer:
    """Say yes: recorded with the time and, sealed, from where. Once is enough; once more changes nothing."""
    who = visitor(call, "confirm")
    await own_form(call, who)
    asked = await call.parts.confirmations.confirm(who.token, call.address)
    if asked is None:
        raise NotFound()
    return page(call, "confirm", who, asked=asked, form="", switch=False)
