"""What all pages for guests have in common: the venue's name and look, the guest's language, how a form is read, and
what is said when something goes wrong.
"""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct

from gateway import catalogue
from gateway.answers import Answer
from gateway.catalogue import LANGUAGES, Catalogue
from gateway.errors import Forbidden, GatewayError, NotFound
from gateway.letters import DAY_MS
from gateway.overload import Importance
from gateway.privacy.visitors import Visitor
from gateway.web import body, look, problem
from gateway.web.door import CSP, Call
from gateway.web.render import render, safe
from gateway.web.routes import Media, Routes

HTML = Media("text/html")
FORM = Media("application/x-www-form-urlencoded")
HEADERS = (
    ("Content-Security-Policy", f"{CSP}; font-src 'self'; img-src 'self'"),
    ("X-Robots-Tag", "noindex"),
)
LARGEST_FORM = 8192
FORM_DAYS = 2
"""How long a page may stay open before its form counts."""


class Spoken(Struct, frozen=True):
    """The language that was chosen on a page. Whatever else stands behind the `?` was put there by somebody's mail
    program, and is ignored."""

    lang: str | None = None


class GuestRoutes(Routes):
    """Doors for guests: no key, pages instead of problem documents, open while the gateway stops."""

    def __init__(self, prefix: str):
        super().__init__(prefix)

    def get(self, path: str, **about: Any) -> Callable:
        return super().get(path, **_common(about))

    def post(self, path: str, **about: Any) -> Callable:
        return super().post(path, **({"takes": FORM, "largest": LARGEST_FORM} | _common(about)))


def _common(about: dict[str, Any]) -> dict[str, Any]:
    return {"scope": None, "gives": HTML, "query": Spoken, "told": apology, "importance": Importance.FIRST} | about


# -- what comes in ----------------------------------------------------------------------------------------------------


def visitor(call: Call, purpose: str) -> Visitor:
    """Who came by the link in the path. Raises NotFound for a link that is none, was for something else or was
    forged: it makes no difference to whoever holds it."""
    found = call.gateway.visitors.by(call.match("token"), purpose)
    if found is None:
        raise NotFound()
    return found


async def form(call: Call) -> dict[str, list[str]]:
    """The fields of a form that was sent, by name; none of a body of another kind. Raises as `body.read` does."""
    raw = await body.read(call.request, LARGEST_FORM)
    return parse_qs(raw.decode("ascii", "replace")) if call.request.content_type == FORM.type else {}


async def own_form(call: Call, visitor: Visitor) -> dict[str, list[str]]:
    """The fields of a form that came with the page this visitor was shown. Raises Forbidden for any other.

    There is no session a foreign site could ride on: whoever lacks the link can post nothing. The form's own token
    proves on top that somebody looked at the page first, lately, with this very link."""
    fields = await form(call)
    link = call.gateway.vault.links.read(_form_of(visitor), fields.get("form", [""])[0])
    if link is None or _today(call) - link.day >= FORM_DAYS:
        raise Forbidden("The page was open for too long.")
    return fields


def form_token(call: Call, visitor: Visitor) -> str:
    """What a page puts into its form, as `form`."""
    link = visitor.link
    return call.gateway.vault.links.make(_form_of(visitor), link.blind, "", link.message, _today(call))


def _form_of(visitor: Visitor) -> str:
    return f"form {visitor.token}"


def _today(call: Call) -> int:
    return call.gateway.clock.now() // DAY_MS


def links_to(call: Call, visitor: Visitor, *keys: str) -> dict[str, str]:
    """Where the other pages of this visitor are, by what their links are called: `by_topic`, `stop_all`, `my_data`."""
    link = visitor.link
    make = partial(
        call.gateway.vault.links.make, blind=link.blind, scope=link.scope, message=link.message, day=link.day
    )
    places = {
        "by_topic": lambda: f"/p/{make('preferences')}",
        "stop_all": lambda: f"/u/{make('unsubscribe')}",
        "my_data": lambda: f"/p/{make('preferences')}/data",
    }
    return {key: places[key]() for key in keys}


# -- what goes out ----------------------------------------------------------------------------------------------------


def page(call: Call, name: str, visitor: Visitor | None = None, *, status: int = 200, switch: bool = True,
         headers: tuple[tuple[str, str], ...] = (), **known: Any) -> Answer:  # fmt: skip
    """A page out of `pages/guest/<name>.html`, in the visitor's language. Its template has `say`, `venue`, `sender`,
    `visitor`, `links` and whatever is `known`; with `switch` it links to itself in the other languages."""
    config, words = call.parts.config, words_for(call, visitor)
    text = render(
        f"guest/{name}.html",
        say=partial(_say, words),
        language=words.language,
        languages=LANGUAGES if switch else {},
        venue=config.venue.name or config.sender.name,
        sender=config.sender,
        contact=config.sender.contact or config.sender.phone,
        looks=look.names() | ({"accent": look.accent(config.accent)} if config.accent else {}),
        visitor=visitor,
        **known,
    )
    return Answer(text, status, (*HEADERS, *headers), HTML.type)


def words_for(call: Call, visitor: Visitor | None) -> Catalogue:
    """The words of the language that was chosen, else of the guest's, else his browser's, else the venue's."""
    languages = (
        catalogue.spoken(call.query.lang if isinstance(call.query, Spoken) else None),
        catalogue.spoken(visitor.language if visitor else None),
        catalogue.preferred(call.request.headers.get("Accept-Language", "")),
        catalogue.spoken(call.parts.config.venue.language),
        "en",
    )
    return catalogue.catalogue(next(filter(None, languages)))


def _say(words: Catalogue, key: str, n: int | None = None, /, **values: Any) -> Any:
    """A phrase for a page: what is put into it is escaped, unless it is part of the page already."""
    shown = {name: value.__html__() if hasattr(value, "__html__") else escape(str(value))
             for name, value in values.items()}  # fmt: skip
    return safe(words.say(key, n, **shown))


def apology(error: GatewayError, call: Call) -> Answer:
    """The page for an error. Of a link that is none it says what every such page says; of a trouble of ours, that a
    wish to stop counts all the same if it reaches us otherwise."""
    name = "dead-link" if isinstance(error, NotFound) else "stale" if isinstance(error, Forbidden) else "trouble"
    return page(call, name, status=error.status, headers=problem.headers(error), switch=False)
