"""What a guest sees behind an opt-out link: no script, no cookie, no address in clear. GET shows, only POST acts."""

from gateway.answers import Answer
from gateway.errors import NotFound
from gateway.privacy.forms import UnsubscribeOrder
from gateway.web.door import Call
from gateway.web.render import render
from gateway.web.routes import Media, Routes

routes = Routes(prefix="")
HTML = Media("text/html")


def page(name: str, status: int, call: Call, **known: str) -> Answer:
    """A page in the venue's name."""
    config = call.parts.config
    text = render(name, venue=config.venue, sender=config.sender, **known)
    return Answer(text, status, (), "text/html")


@routes.get("/u/{token}", scope=None, gives=HTML, also=(404,))
async def ask(call: Call) -> Answer:
    """Show what pressing the button will stop. Scanners that follow links change nothing."""
    link = call.parts.opt_outs.link(call.match("token"), "unsubscribe")
    if link is None:
        return page("dead-link.html", 404, call)
    return page("unsubscribe.html", 200, call)


@routes.post("/u/{token}", scope=None, gives=HTML, also=(404,))
async def stop(call: Call) -> Answer:
    """Stop. The guest's button and a mail program's one-click (RFC 8058) are the same request."""
    try:
        order = UnsubscribeOrder(token=call.match("token"), source="unsubscribe_link")
        await call.parts.opt_outs.unsubscribe(order, None)
    except NotFound:
        return page("dead-link.html", 404, call)
    return page("unsubscribed.html", 200, call)
