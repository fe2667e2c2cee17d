"""The pages in a real browser, where there is one."""

import pytest

from tests.browser import CHROMIUM, browsing
from tests.running import running


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
async def test_the_pages_about_the_api_look_right(tmp_path):
    """On a desk in the light and on a phone in the dark: nothing is blocked or complained of, nothing sticks out
    sideways, and the style is there. A page that breaks its own policy shows that the browser would tell."""
    async with running(tmp_path, deliver=False) as run, browsing(tmp_path / "browser") as tab:
        colours = set()
        for path in ("/docs", "/docs/errors/blocked"):
            for width, scheme in ((1440, "light"), (390, "dark")):
                await tab.show(f"{run.base}{path}", width, scheme)
                assert await tab.find("document.documentElement.scrollWidth <= innerWidth"), (path, width)
                colours.add(await tab.find("getComputedStyle(document.body).backgroundColor"))
        assert len(colours) == 2
        assert tab.complaints == []
        picture = "Object.assign(new Image(), {src: '/x.png', onerror: done})"
        await tab.find(f"new Promise(done => document.body.append({picture}))")
        assert tab.complaints
