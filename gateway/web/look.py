"""How pages for people look: style sheets, a font, a mark, from the folder `looks/`. Served by ourselves and kept by
browsers for a year, since what they are is in their names."""

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from gateway.answers import Answer
from gateway.errors import NotFound
from gateway.overload import Importance
from gateway.web.door import Call
from gateway.web.routes import Media, Routes

FOLDER = Path(__file__).parent / "looks"
KEPT = (("Cache-Control", "public, max-age=31536000, immutable"),)
FONT, MARK, SHEETS = "inter-latin.woff2", "mark.svg", ("tokens.css", "components.css")
ACCENT = re.compile("accent-([0-9a-f]{6})-([0-9a-f]{6})[.]css")
routes = Routes(prefix="/look")


@lru_cache(1)
def names() -> dict[str, str]:
    """What each thing is called where it is served: `font`, `mark`, `style`."""
    return {kind: name for kind, (name, _, _) in _things().items()}


@lru_cache(1)
def _things() -> dict[str, tuple[str, bytes, str]]:
    """Name, bytes and type of each."""
    font = _named(FONT, (FOLDER / FONT).read_bytes())
    mark = _named(MARK, (FOLDER / MARK).read_bytes())
    text = "".join((FOLDER / sheet).read_text("utf-8") for sheet in SHEETS).replace(FONT, font[0])
    style = _named("guest.css", text.encode())
    return {"font": (*font, "font/woff2"), "mark": (*mark, "image/svg+xml"), "style": (*style, "text/css")}


def _named(name: str, content: bytes) -> tuple[str, bytes]:
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{sha256(content).hexdigest()[:12]}.{ending}", content


def accent(pair: tuple[str, str]) -> str:
    """The name of the sheet that brings in a venue's colour by day and by night."""
    return "accent-{}-{}.css".format(*(colour.removeprefix("#") for colour in pair))


def _accent(day: str, night: str) -> bytes:
    """What is brand becomes accent; the words on it have the ground's colour, which it was chosen against."""
    return f""":root{{--brand:light-dark(#{day},#{night});--on-brand:var(--bg);
--brand-hi:color-mix(in srgb,var(--brand) 85%,var(--text));--brand-soft:color-mix(in srgb,var(--brand) 10%,var(--bg))}}
""".encode()


@routes.get("/{name}", scope=None, gives=Media("*/*"), importance=Importance.FIRST)
async def show(call: Call) -> Answer:
    """A style sheet, the font or the mark of the pages."""
    wanted = call.match("name")
    for name, content, kind in _things().values():
        if name == wanted:
            return Answer(content, 200, KEPT, kind)
    pair = call.parts.config.accent
    if (found := ACCENT.fullmatch(wanted)) and pair and wanted == accent(pair):
        return Answer(_accent(*found.groups()), 200, KEPT, "text/css")
    raise NotFound()
