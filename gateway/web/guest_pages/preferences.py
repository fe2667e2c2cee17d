"""`/p/`: which messages a guest wants, topic by topic, and in which language."""

from gateway.answers import Answer
from gateway.catalogue import LANGUAGES, spoken
from gateway.privacy import Visitor
from gateway.privacy.wishes import Saved
from gateway.web.door import Call
from gateway.web.guest_pages.frame import GuestRoutes, form_token, links_to, own_form, page, visitor, words_for

routes = GuestRoutes("/p")


@routes.get("/{token}")
async def show(call: Call) -> Answer:
    """Show what the guest gets, and let him choose."""
    return choices(call, visitor(call, "preferences"))


@routes.post("/{token}")
async def save(call: Call) -> Answer:
    """Take down what he changed. What he left as it was shown changes nothing, whatever happened meanwhile."""
    who = visitor(call, "preferences")
    fields = await own_form(call, who)
    ticked, before = set(fields.get("want", ())), set(fields.get("was", ()))
    changed = {name: name in ticked for name in ticked ^ before}
    language = spoken(fields.get("language", [""])[0])
    chosen = language if language not in fields.get("spoke", ()) else None
    saved = await call.parts.wishes.save(who, changed, chosen, words_for(call, who).language)
    return choices(call, visitor(call, "preferences"), saved)


def choices(call: Call, who: Visitor, saved: Saved | None = None) -> Answer:
    """The page, or one that says that there is nothing to choose."""
    rows = call.parts.preferences.boxes(who)
    if not rows:
        return page(call, "no-preferences", who, links=links_to(call, who, "stop_all", "my_data"))
    return page(
        call,
        "preferences",
        who,
        rows=rows,
        addresses=call.parts.preferences.addresses(who),
        words=words_for(call, who),
        written_in=spoken(who.language) or words_for(call, who).language,
        spoken=LANGUAGES,
        form=form_token(call, who),
        switch=saved is None,
        links=links_to(call, who, "stop_all", "my_data"),
        saved=saved,
    )
