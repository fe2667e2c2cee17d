"""What guests ask by themselves, on pages behind links in their messages."""

import io
import re
import zipfile

import pytest

from gateway.catalogue import LANGUAGES, catalogue
from tests.running import BOOKING, NEWS, running
from tests.test_data_requests import ANA, DAY, REQUESTS, act, ask, guest, letters, now, proven, reasons, status

PHONE = "+351912345678"
NO_KEY = {"Authorization": None}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver, with Ana in it, and the link to her data that is in her messages."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        run.ana = await guest(run, contacts=[{"kind": "email", "address": ANA}, {"kind": "phone", "address": PHONE}])
        run.page = await data_page(run, run.ana)
        yield run


async def data_page(run, public):
    """Where a guest finds his data, by a message he got."""
    sent = await run.send(BOOKING | {"to": {"guest_id": public}})
    rows = await run.gateway.db.read(
        lambda reader: reader.execute(
            "SELECT m.uuid, c.blind FROM messages m JOIN contacts c ON c.id = m.contact_id ORDER BY m.id DESC LIMIT 1"
        ).fetchone()
    )
    assert sent.status == 202
    token = run.gateway.vault.links.make(
        "preferences", rows[1], "email", rows[0], run.gateway.clock.now() // 86_400_000
    )
    return f"/p/{token}/data"


async def get(run, path):
    return await run.call("GET", path, headers=NO_KEY)


async def post(run, path, **fields):
    """What a guest's browser sends when he presses the button on the page at this address."""
    shown = (await get(run, path)).raw.decode()
    form = re.search(r'name="form" value="([^"]+)"', shown)[1]
    return await sent(run, path, form=form, **fields)


async def sent(run, path, **fields):
    return await run.call("POST", path, headers=NO_KEY, data=fields)


async def newest(run):
    """The path and the code in the newest letter."""
    text = (await letters(run))[0]["text"]
    found = re.search(r"\d{4} \d{4}", text)
    return re.search(r"https?://[^/]+(/p/\S+)", text)[1], found[0] if found else None


async def of(run, kind):
    return (await run.call("GET", f"{REQUESTS}?kind={kind}")).json["items"]


async def test_the_page_says_what_is_held(run):
    """In numbers and masked, for whoever has the link may have been passed it; nothing is changed by looking."""
    page = (await get(run, run.page)).raw.decode()
    assert "a•••@example.org" in page and "•78" in page and "<dd>1</dd>" in page
    assert "Ana" not in page and ANA not in page and PHONE not in page
    for kind in ("access", "rectification", "erasure", "portability", "restriction", "objection"):
        assert f'value="{kind}"' in page
    assert "After 7 days we erase" in page and "<script" not in page and "set-cookie" not in page.lower()
    assert (await run.call("GET", REQUESTS)).json["items"] == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_speaks_every_language(run, language):
    """The page, the code's page and what is said afterwards, and the letters; no phrase is missing."""
    words = catalogue(language)
    assert words.say("my_data.heading") in (await get(run, f"{run.page}?lang={language}")).raw.decode().replace(
        "&#39;", "'"
    )
    await run.call("PATCH", f"/communications/guests/{run.ana}", {"language": language})
    assert (await post(run, run.page, wish="erasure")).status == 200
    path, code = await newest(run)
    text = (await letters(run))[0]["text"]
    assert words.say("request_letters.not_you") in text and words.say("request_kinds.erasure") in text
    assert words.say("my_data.code_label") in (await get(run, path)).raw.decode()
    done = (await post(run, path, code=code)).raw.decode()
    assert words.say("my_data.graced") in done and words.day(1_796_119_200_000, "Europe/Lisbon") in done
    undo, _ = await newest(run)
    assert words.say("my_data.undo_button") in (await get(run, undo)).raw.decode()


async def test_a_copy_is_asked_for_proven_and_fetched(run):
    """First a link and a code to the known address; then, once it is done, a link and another code, for the ZIP. Each
    works once."""
    asked = (await post(run, run.page, wish="access")).raw.decode()
    assert "a•••@example.org" in asked and "R-1" in asked
    (request,) = await of(run, "access")
    assert (request["status"], request["received_via"], (await letters(run))[0]["to"]) == (
        "verifying",
        "guest_page",
        ANA,
    )
    path, code = await newest(run)
    wrong = await post(run, path, code="0000 0000")
    assert (wrong.status, "not right" in wrong.raw.decode()) == (422, True)
    proof = await post(run, path, code=code)
    assert proof.status == 200 and "24 December 2026" in proof.raw.decode()
    assert (await now(run, request))["verification"]["verified_by"] == "link"
    assert (await get(run, path)).status == 404
    await act(run, request, "complete", {})
    fetch, code = await newest(run)
    assert (await post(run, fetch, code="0000 0000")).status == 422
    copy = await post(run, fetch, code=code)
    assert (copy.status, copy.headers["Content-Type"]) == (200, "application/zip")
    assert ANA.encode() in zipfile.ZipFile(io.BytesIO(copy.raw)).read("data.json")
    assert (await get(run, fetch)).status == 404
    story = (await now(run, request))["events"]
    assert [one["by"] for one in story if one["type"] == "exported"] == ["guest"]


async def test_links_live_a_day_and_open_nothing_else(run, clock):
    """A link of another purpose, a forged one, an old one: all get the page of a dead link."""
    await post(run, run.page, wish="access")
    path, code = await newest(run)
    token = path.split("/")[2]
    for other in (f"/u/{token}", f"/p/{token}", f"/p/{token}/data", f"/p/{token}/undo", f"/p/{token[:-3]}abc/proof",
                  run.page.replace("/data", "/proof"), run.page.replace("/data", "/undo")):  # fmt: skip
        assert (await get(run, other)).status == 404, other
    assert (await sent(run, path, code=code)).status == 403
    assert (await get(run, path)).status == 200
    clock.forward(DAY)
    assert (await get(run, path)).status == 404


async def test_asking_again_sends_another_code(run):
    """The same request, some times; who has proven himself is told that it is in already."""
    for _ in range(5):
        assert (await post(run, run.page, wish="access")).status == 200
    assert len(await of(run, "access")) == 1 and len(await letters(run)) == 5
    path, code = await newest(run)
    assert "+351 219 000 000" in (await post(run, run.page, wish="access")).raw.decode()
    assert len(await letters(run)) == 5
    await post(run, path, code=code)
    assert "in already" in (await post(run, run.page, wish="access")).raw.decode()
    assert len(await of(run, "access")) == 1


async def test_an_erasure_can_be_taken_back_with_its_link(run):
    """Only by the button; the guest is as before, and told so, in case it was not him."""
    await post(run, run.page, wish="erasure")
    path, code = await newest(run)
    await post(run, path, code=code)
    assert await status(run, run.ana) == "erasure_pending"
    undo, _ = await newest(run)
    assert (await get(run, undo)).status == 200 and await status(run, run.ana) == "erasure_pending"
    assert (await sent(run, undo)).status == 403
    assert "not erased" in (await post(run, undo)).raw.decode()
    assert await status(run, run.ana) == "active"
    assert "tell us: +351 219 000 000" in (await letters(run))[0]["text"]
    assert (await get(run, undo)).status == 404


async def test_an_objection_counts_at_once(run):
    """It needs no code: it gives nothing away."""
    page = (await post(run, run.page, wish="objection")).raw.decode()
    assert "No advertising any more" in page
    assert "CORE-SUP-1" in await reasons(run, NEWS | {"to": ANA})
    assert [one["status"] for one in await of(run, "objection")] == ["open"] and await letters(run) == []


async def test_what_is_to_be_corrected_is_read_by_staff_alone(run):
    """The guest's words are sealed; they are no part of a page or a letter."""
    await post(run, run.page, wish="rectification", note="I am Anna <b>not</b> canary")
    (request,) = await of(run, "rectification")
    told = (await run.call("GET", f"{REQUESTS}/{request['id']}?include=content")).json
    assert told["events"][0]["note"] == "I am Anna <b>not</b> canary"
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert b"canary" not in files and "canary" not in (await letters(run))[0]["text"]
    assert "canary" not in run.log_text.getvalue()


async def test_a_link_leads_to_its_own_guest(run):
    """Of two who share an address each sees his own page; a code goes to an address of his own, or to none."""
    ben = await guest(run, ANA, name="Ben Duarte")
    page = await data_page(run, ben)
    assert "•78" not in (await get(run, page)).raw.decode()
    assert "+351 219 000 000" in (await post(run, page, wish="access")).raw.decode()
    assert await of(run, "access") == [] and await letters(run) == []
    await post(run, run.page, wish="access")
    assert [one["guest_id"] for one in await of(run, "access")] == [run.ana]
    assert (await letters(run))[0]["to"] == PHONE


async def test_whoever_is_erased_has_no_page(run):
    """The link is as dead as any; what is asked by it leads nowhere."""
    request = await proven(run, "erasure")
    before = (await get(run, run.page)).raw.decode()
    form = re.search(r'name="form" value="([^"]+)"', before)[1]
    await act(run, request, "complete", {"now": True})
    page = (await get(run, run.page)).raw.decode()
    assert "•" not in page.replace("•••@", "") and 'name="wish"' not in page
    assert (await sent(run, run.page, wish="access", form=form)).status == 404
    assert await ask(run, whom="eve@example.org")
