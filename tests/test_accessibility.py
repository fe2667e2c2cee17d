"""The pages for guests before axe-core, in a real browser: WCAG 2.2 AA on a phone and at a desk, in the light and in
the dark, in every language. Runs where there is a Chromium and axe (`make axe`)."""

from pathlib import Path

import pytest

from gateway import ids
from gateway.catalogue import LANGUAGES
from tests import test_consents, test_my_data
from tests.browser import CHROMIUM, browsing
from tests.guest_pages import link
from tests.running import NEWS, running
from tests.test_consents import ANA

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = f"""
    axe.run({{runOnly: {RULES}}}).then(found => found.violations.map(one =>
        one.id + ': ' + one.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | ')))
"""
EVERYWHERE = ((390, "dark"), (1440, "light"))
pytestmark = pytest.mark.skipif(CHROMIUM is None or not AXE.exists(), reason="no Chromium, or no `make axe`")


class Eye:
    """A browser that looks for what keeps people out. `seen`: the headings of the pages it was shown."""

    def __init__(self, tab, base):
        self.tab, self.base, self.seen = tab, base, []
        self.found = {}

    async def look(self, path, where=EVERYWHERE):
        """Open a page, on a phone in the dark and at a desk in the light unless told otherwise."""
        for width, scheme in where:
            await self.tab.show(f"{self.base}{path}", width, scheme)
            await self.judge(f"{path[:3]} {width} {scheme}")

    async def press(self, form="document.forms[0]", **fields):
        """Fill in a form of the page that is open, send it, and judge what comes, the other way round."""
        for name, value in fields.items():
            await self.tab.find(f"{form}.elements['{name}'].value = '{value}'")
        await self.tab.leave(f"{form}.noValidate = true, {form}.requestSubmit({form}.querySelector('button'))")
        for width, scheme in ((390, "light"), (1440, "dark")):
            await self.tab.dress(width, scheme)
            await self.judge(f"after {fields} {width} {scheme}")

    async def judge(self, what):
        self.seen.append(await self.tab.find("document.querySelector('h1').textContent.trim()"))
        if not await self.tab.find("'axe' in window"):
            await self.tab.find(AXE.read_text() + "; true")
        wrong = await self.tab.find(LOOK)
        assert wrong is not None, what
        if wrong:
            self.found[f"{what}: {self.seen[-1]}"] = wrong


async def test_nobody_is_kept_out(tmp_path):
    """Every page and every state of it: what stops and what is undone, topics, a question and its answer, the receipt,
    the data held, the code, wrong and right, the copy, an erasure and its end, and pages that say no. A page that does
    keep somebody out is found."""
    async with running(tmp_path, deliver=False) as run, browsing(tmp_path / "browser") as tab:
        eye = Eye(tab, run.base)
        await stops(run, eye)
        await questions(run, eye)
        await data(run, eye)
        assert eye.found == {}
        assert len(set(eye.seen)) >= 25
        await tab.find("document.querySelector('h1').style.color = '#eee', document.body.style.background = '#fff'")
        await tab.find("document.documentElement.removeAttribute('lang')")
        await eye.judge("spoilt")
        assert any("html-has-lang" in one for one in next(iter(eye.found.values())))


async def stops(run, eye):
    """The pages behind the opt-out link, and topics; in each language once."""
    guest = {"email": ANA["email"], "country": "PT"}
    await run.yes(guest)
    sent = (await run.send(NEWS | {"to": ANA["email"]})).json["id"]
    stop, choose = (link(run, purpose, ANA["email"], sent) for purpose in ("unsubscribe", "preferences"))
    await eye.look(stop)
    await eye.press()
    await eye.press("document.querySelector('[name=undo]').form")
    await eye.look(choose)
    await eye.press()
    for language in LANGUAGES:
        for path in (stop, choose):
            await eye.look(f"{path}?lang={language}", [(390, "light")])
    await eye.look("/u/forged")


async def questions(run, eye):
    """A question, its answer, and the receipt: on record, taken back, and altered."""
    _, question = await test_consents.ask(run)
    for language in LANGUAGES:
        await eye.look(f"{question}?lang={language}", [(390, "light")])
    await eye.look(question)
    await eye.press()
    receipt = await eye.tab.find("document.querySelector('a.btn').pathname")
    await eye.look(receipt)
    for language in LANGUAGES:
        await eye.look(f"{receipt}?lang={language}", [(1440, "dark")])
    guest = (await run.call("POST", "/communications/guests/search", {"email": ANA["email"]})).json["items"][0]["id"]
    await run.call("POST", test_consents.CONSENT, {"guest": {"guest_id": guest}, "action": "withdraw"})
    await eye.look(receipt, [(390, "light")])
    await test_consents.alter(run)
    await eye.look(receipt)  # which is not on record as it stands


async def data(run, eye):
    """What is held, what is asked about it, the code, and the way back."""
    run.ana = await test_my_data.guest(run, contacts=[{"kind": "email", "address": "eva@example.org"}])
    page = await test_my_data.data_page(run, run.ana)
    await eye.look(page)
    for language in LANGUAGES:
        await eye.look(f"{page}?lang={language}", [(390, "dark")])
    for wish in ("objection", "access", "erasure"):
        await eye.look(page, [(390, "light")])
        await eye.press("document.querySelector('[name=wish]').form", wish=wish)
    path, code = await test_my_data.newest(run)
    await eye.look(path)
    await eye.press(code="0000 0000")
    await eye.press(code=code)
    undo, _ = await test_my_data.newest(run)
    await eye.look(undo)
    await eye.press()
    nobody = await test_my_data.data_page(run, run.ana)
    await run.gateway.erasure.erase(ids.parse("gst", run.ana), "usr_privacy")
    await eye.look(nobody, [(390, "light")])
