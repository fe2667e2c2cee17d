"""Pages for guests: whose they are, how they look, in which language, and that nothing on them leaves the house."""

import gzip
import re

import pytest

from gateway.catalogue import LANGUAGES
from gateway.config import load
from gateway.config.colours import GROUNDS, contrast
from gateway.web import look as looks
from tests.guest_pages import STRANGER, link, look
from tests.running import BOOKING, CONFIG, NEWS, running

ANA = {"email": "ana@example.org", "phone": "+351912345678", "country": "PT", "language": "pt"}
NIGHT = "#6fd3b0"


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; Ana reads Portuguese and was sent an offer."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        await run.yes(ANA, channels=["email", "sms"])
        clock.forward(60)
        run.offer = (await run.send(NEWS | {"to": ANA["email"]})).json["id"]
        run.paths = [link(run, purpose, ANA["email"], run.offer) for purpose in ("unsubscribe", "preferences")]
        yield run


async def test_every_page_is_the_venues_and_keeps_to_itself(run):
    """Name, postal address and contact on each; no script, no cookie, no address elsewhere, nothing to be found by a
    search engine; and the address of the guest only masked."""
    for path in [*run.paths, "/u/made-up", "/p/made-up"]:
        reply = await run.call("GET", path, headers=STRANGER)
        status, page = await look(run, path)
        assert status == (404 if "made-up" in path else 200)
        for said in ("Quinta das Flores", "Rua das Flores 1, 2710 Sintra, Portugal", "+351 219 000 000"):
            assert said in page.text
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Robots-Tag"] == "noindex" and page.all("meta", name="robots", content="noindex")
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert "script" not in reply.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in reply.headers
        assert not {"script", "style", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
        leads = [known[name] for _, known in page.tags for name in ("href", "src", "action") if name in known]
        assert leads and all(re.match(r"/(?!/)|#|\?", lead) for lead in leads)
        assert not any("style" in known or any(name.startswith("on") for name in known) for _, known in page.tags)
        assert "ana@" not in page.source and "912345" not in page.source
    assert "a•••@example.org" in (await look(run, run.paths[0]))[1].text
    assert "+351 ••• ••• ••78" in (await look(run, run.paths[1]))[1].text


async def test_what_a_page_loads_is_small_and_kept_for_a_year(run):
    """HTML within 3 kB, style within 5 kB, all of a first visit within 50 kB as it travels; the names of what is kept
    change with what is in it, and the style asks for the font under the name it has."""
    total = 0
    for path in run.paths:
        page = gzip.compress((await run.call("GET", path, headers=STRANGER)).raw)
        assert len(page) <= 3072
        total = max(total, len(page))
    _, page = await look(run, run.paths[0])
    for known in page.all("link"):
        thing = await run.call("GET", known["href"], headers=STRANGER)
        assert (thing.status, thing.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        size = len(gzip.compress(thing.raw))
        assert size <= 5120 or known["rel"] == "preload"
        total += size
    assert total <= 51_200
    (style,) = page.all("link", rel="stylesheet")
    text = (await run.call("GET", style["href"])).raw.decode()
    (font,) = page.all("link", rel="preload")
    assert font["href"].removeprefix("/look/") in text
    for name in ("guest-000000000000.css", "../look.py", "accent-0b6e4f-6fd3b0.css", "tokens.css"):
        assert (await run.call("GET", f"/look/{name}")).status == 404


async def test_pages_travel_small_to_whoever_takes_them_so(run):
    """With Accept-Encoding they are compressed, without it they are not; the page is the same."""
    plain = await run.call("GET", run.paths[0], headers=STRANGER | {"Accept-Encoding": "identity"})
    small = await run.call("GET", run.paths[0], headers=STRANGER | {"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


# -- language ---------------------------------------------------------------------------------------------------------


async def test_the_language_is_the_guests_then_the_browsers_then_the_venues(run):
    """Ana's is Portuguese whatever her browser says; of somebody nobody knows it is what his browser likes best, and
    the venue's where that is not spoken. A link list leads to every other one."""
    stranger = link(run, "unsubscribe", "ben@example.org")
    for path, browser, language in (
        (run.paths[0], "de", "pt"), (stranger, "fr-CH, de;q=0.9", "fr"), (stranger, "ja", "en"), (stranger, "", "en"),
        (f"{run.paths[0]}?lang=es", "de", "es"), (f"{run.paths[0]}?lang=xx&utm_source=mail", "de", "pt"),
    ):  # fmt: skip
        _, page = await look(run, path, **{"Accept-Language": browser})
        assert page.all("html")[0]["lang"] == language
        others = [known["href"] for known in page.all("a") if "hreflang" in known]
        assert others == [f"?lang={one}" for one in LANGUAGES if one != language]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_whole_in_every_language(run, language):
    """One heading that the title repeats, everything that can be pressed has a name, every field a label, a way to skip
    to the content; and no phrase is missing."""
    for path in [*run.paths, "/u/made-up"]:
        _, page = await look(run, f"{path}?lang={language}")
        assert page.all("html") == [{"lang": language, "dir": "ltr"}]
        assert len(page.all("h1")) == len(page.all("main", id="main")) == 1
        assert page.all("a")[0]["href"] == "#main"
        assert page.all("meta", name="viewport")
        labels = {known.get("for") for known in page.all("label")}
        assert all(known["id"] in labels for known in page.all("select"))
        assert re.search(r"<label[^>]*><input", page.source) or not page.all("input", type="radio")
        ids_ = [known["id"] for _, known in page.tags if "id" in known]
        assert len(ids_) == len(set(ids_))
        names = re.findall(r"<(?:a|button|legend|label|h1|title)\b[^>]*>(.*?)</(?:a|button|legend|label|h1|title)>",
                           page.source, re.DOTALL)  # fmt: skip
        assert all(re.sub("<[^>]+>", "", name).strip() for name in names)
        assert all("aria-hidden" in known for known in page.all("svg"))


# -- colour -----------------------------------------------------------------------------------------------------------


def test_the_grounds_are_those_of_the_style():
    """Contrast is computed against what pages are really written on."""
    text = (looks.FOLDER / "tokens.css").read_text()
    assert re.search(r"--bg:light-dark\((#\w+),(#\w+)\)", text).groups() == ("#fff", GROUNDS[1])
    for name, least in (("text", 4.5), ("text2", 4.5), ("brand", 4.5), ("edge", 3), ("focus", 3)):
        pair = re.search(rf"--{name}:light-dark\((#\w{{6}}),(#\w{{6}})\)", text).groups()
        assert all(contrast(*both) >= least for both in zip(pair, GROUNDS, strict=True)), name


@pytest.mark.parametrize(
    ("venue", "used", "warned"),
    [
        ('accent = "#0b6e4f"', True, ()),
        (f'accent = "#0B6E4F"\naccent_dark = "{NIGHT}"', True, ()),
        ('accent = "#7fd6b4"', False, ("venue.accent ",)),
        ('accent = "#0b6e4f"\naccent_dark = "#0b6e4f"', False, ("venue.accent_dark ",)),
        ("", False, ()),
    ],
)
def test_an_accent_is_used_if_words_in_it_can_be_read(tmp_path, venue, used, warned):
    """By day on white and by night on the dark ground, 4.5:1; else the default stays and the check says which is too
    faint and by how much."""
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.replace("[sender]", f"{venue}\n[sender]", 1))
    config = load(file, {})
    assert bool(config.accent) == used
    assert not used or all(contrast(*both) >= 4.5 for both in zip(config.accent, GROUNDS, strict=True))
    found = [line for line in config.warnings() if "faint-colour" in line]
    assert len(found) == len(warned) and all(key in line for key, line in zip(warned, found, strict=True))
    assert all(re.search(r"[0-9.]+:1 on #", line) for line in found)


async def test_a_venues_accent_is_served_and_no_other(tmp_path, clock):
    """The page loads a sheet of this name; a name with another colour is nothing."""
    config = CONFIG.replace("[sender]", f'accent = "#0b6e4f"\naccent_dark = "{NIGHT}"\n[sender]', 1)
    async with running(tmp_path, config, clock, deliver=False) as run:
        _, page = await look(run, "/u/made-up")
        name = page.all("link", rel="stylesheet")[1]["href"]
        assert name == "/look/accent-0b6e4f-6fd3b0.css"
        assert "light-dark(#0b6e4f,#6fd3b0)" in (await run.call("GET", name)).raw.decode()
        assert (await run.call("GET", name.replace("0b6e4f", "0b6e4e"))).status == 404


# -- weather ----------------------------------------------------------------------------------------------------------


async def test_an_error_is_a_page_too(run):
    """What cannot be saved is said so, with the status and Retry-After of the problem; a body that is too large too."""
    run.gateway.health.draining = True
    reply = await run.call("POST", run.paths[0], b"stop=offers", headers=STRANGER)
    run.gateway.health.draining = False
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert "Your wish counts anyway if you reply STOP" in reply.raw.decode()
    reply = await run.call("POST", run.paths[0], b"x" * 9000, headers=STRANGER)
    assert (reply.status, reply.headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert (await run.send(BOOKING | {"to": ANA["email"]})).status == 202
