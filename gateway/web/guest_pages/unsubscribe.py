"""`/u/`: the page behind an opt-out link. GET shows what can be stopped, only POST stops it."""

from gateway.answers import Answer
from gateway.web.door import Call
from gateway.web.guest_pages.frame import GuestRoutes, form, links_to, page, visitor, words_for

routes = GuestRoutes("/u")
LINKS = ("by_topic", "my_data")


@routes.get("/{token}")
async def ask(call: Call) -> Answer:
    """Show what can be stopped. Scanners that follow links change nothing."""
    who = visitor(call, "unsubscribe")
    choices = call.parts.button.choices(who)
    return page(call, "unsubscribe", who, choices=choices, words=words_for(call, who),
                links=links_to(call, who, *LINKS))  # fmt: skip


@routes.post("/{token}")
async def stop(call: Call) -> Answer:
    """Stop what was chosen, or take that back. A mail program's one click (RFC 8058) chooses nothing: it stops the
    channel. No form token is asked for here: the mail program has none, and the link is the proof."""
    who = visitor(call, "unsubscribe")
    fields = await form(call)
    button = call.parts.button
    if "undo" in fields:
        name = "undone" if await button.undo(who, fields["undo"][0]) else "too-late"
        return page(call, name, who, switch=False, links=links_to(call, who, *LINKS))
    pressed = await button.press(who, fields.get("stop", [""])[0])
    words, venue = words_for(call, who), call.parts.config.venue
    minute = words.minute(pressed.at, venue.timezone)
    return page(call, "unsubscribed", who, switch=False, pressed=pressed, minute=minute, words=words,
                links=links_to(call, who, *LINKS))  # fmt: skip
