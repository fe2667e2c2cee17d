"""The register of breaches: what is noted, the clocks that run, what closing asks for, and the guests being told."""

import asyncio

import pytest

from gateway import metrics
from gateway.stationery.starters import starters
from tests.running import CONFIG, running

BREACHES = "/communications/compliance/breaches"
NOTICED = "2026-11-24T08:00:00Z"
FACTS = "A list of the guests of room 7 went to the wrong couple."
ORDER = {"noticed_at": NOTICED, "facts": FACTS}
DONE = {"effects": "Two people know the addresses.", "remedy": "They deleted it."}
UNLIKELY = {"risk": "unlikely", "risk_reasons": "Only names of guests who know each other."}
WORDS = {"what_happened": "A list was sent to the wrong people.", "what_it_means": "They know your address.",
         "what_we_do": "They deleted it.", "what_you_can_do": "Nothing."}  # fmt: skip


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver, at a Portuguese venue, on a Tuesday."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def guest(run, email, country, **more):
    body = {"contacts": [{"kind": "email", "address": email}], "country": country} | more
    return (await run.call("POST", "/communications/guests", body)).json["id"]


async def noted(run, **more):
    reply = await run.call("POST", BREACHES, ORDER | more)
    assert reply.status == 201, reply.json
    return reply.json


async def change(run, breach, body, **more):
    return await run.call("PATCH", f"{BREACHES}/{breach['id']}", body, **more)


def faults(reply):
    assert reply.status == 422, reply.json
    return {fault["pointer"] for fault in reply.json["errors"]}


# -- noted -------------------------------------------------------------------------------------------------------------


async def test_every_country_involved_has_its_clock(run):
    """The venue's, the guests' and those named: by its law, or an alarm where none names a time."""
    guests = [await guest(run, "ana@example.org", "BR"), await guest(run, "bo@example.org", "DE")]
    breach = await noted(run, guests=guests, countries=["US", "NZ", "SG", "DE"])
    clocks = {one["country"]: (one["due_at"], one["rule"]) for one in breach["authorities"]}
    assert clocks == {
        "PT": ("2026-11-27T08:00:00Z", "BRE-2"),
        "DE": ("2026-11-27T08:00:00Z", "BRE-2"),
        "BR": ("2026-11-28T00:00:00Z", "BR-1"),
        "SG": ("2026-11-28T00:00:00Z", "SG-1"),
        "NZ": ("2026-11-27T08:00:00Z", None),
        "US": ("2026-12-24T08:00:00Z", None),
    }
    assert (breach["status"], breach["guests"], breach["risk"]) == ("open", 2, None)


async def test_whoever_a_filter_finds_is_frozen(run):
    """Who comes later is not in it; an empty filter is everybody; nobody counts twice."""
    first = await guest(run, "ana@example.org", "PT", tags=["room-7"])
    await guest(run, "bo@example.org", "DE")
    breach = await noted(run, guests=[first], filter={"tags": ["room-7"]})
    await guest(run, "cleo@example.org", "FR", tags=["room-7"])
    shown = (await run.call("GET", f"{BREACHES}/{breach['id']}")).json
    assert (shown["guests"], [one["country"] for one in shown["authorities"]]) == (1, ["PT"])
    wider = (await change(run, breach, {"filter": {}})).json
    assert (wider["guests"], [one["country"] for one in wider["authorities"]]) == (3, ["DE", "FR", "PT"])


async def test_what_cannot_be_noted_is_refused_with_every_fault(run):
    """A time to come, a guest nobody knows; and nothing is kept of it."""
    order = ORDER | {"noticed_at": "2026-11-25T08:00:00Z", "guests": ["gst_" + "0" * 26]}
    assert faults(await run.call("POST", BREACHES, order)) == {"/noticed_at", "/guests/0"}
    assert (await run.call("GET", BREACHES)).json["items"] == []


async def test_the_words_are_sealed_and_shown_to_whoever_may_read_content(run, tmp_path):
    """In no file in clear; on the page only when asked for, which the record notes."""
    breach = await noted(run, **DONE)
    assert "content" not in breach or breach["content"] is None
    content = (await run.call("GET", f"{BREACHES}/{breach['id']}?include=content")).json["content"]
    assert (content["facts"], content["effects"]) == (FACTS, DONE["effects"])
    listed = (await run.call("GET", f"{BREACHES}?include=content&state=open&from={NOTICED}")).json["items"]
    assert [one["content"]["facts"] for one in listed] == [FACTS]
    assert (await run.call("GET", f"{BREACHES}?to={NOTICED}")).json["items"] == []
    for file in (tmp_path / "data").glob("gateway.db*"):
        assert b"room 7" not in file.read_bytes()
    bearer = {"Authorization": f"Bearer {await run.draw('privacy')}"}
    path = f"{BREACHES}/{breach['id']}"
    assert (await run.call("GET", path, headers=bearer)).status == 200
    assert (await run.call("GET", f"{path}?include=content", headers=bearer)).status == 403
    read = (await run.call("GET", f"/communications/audit?action=content.read&object={breach['id']}")).json["items"]
    assert len(read) == 2


# -- kept up to date ---------------------------------------------------------------------------------------------------


async def test_an_authority_is_told_in_time_or_late_with_reasons(run, clock):
    """Within 72 hours a time is enough; after them reasons are asked for (GDPR Art. 33(1)), and it stays late."""
    breach = await noted(run)
    told = {"country": "PT", "status": "notified"}
    assert faults(await change(run, breach, {"authorities": [told | {"country": "XX"}]})) == {"/authorities/0/country"}
    early = told | {"at": "2026-11-24T07:59:00Z"}
    assert faults(await change(run, breach, {"authorities": [early]})) == {"/authorities/0/at"}
    clock.forward(80 * 3600)
    assert faults(await change(run, breach, {"authorities": [told]})) == {"/authorities/0/reasons"}
    in_time = (await change(run, breach, {"authorities": [told | {"at": "2026-11-26T09:00:00Z"}]})).json
    assert (in_time["authorities"][0]["late"], in_time["authorities"][0]["status"]) == (False, "notified")
    late = await change(run, breach, {"authorities": [told | {"reasons": "The weekend.", "reference": "CNPD 17/2026"}]})
    assert (late.status, late.json["authorities"][0]["late"]) == (200, True)
    content = (await run.call("GET", f"{BREACHES}/{breach['id']}?include=content")).json["content"]
    assert content["authorities"] == {"PT": {"reference": "CNPD 17/2026", "reasons": "The weekend."}}
    not_needed = {"country": "PT", "status": "not_required"}
    assert faults(await change(run, breach, {"authorities": [not_needed]})) == {"/authorities/0/reasons"}
    done = await change(run, breach, {"authorities": [not_needed | {"reasons": "The lead authority was told."}]})
    assert done.json["authorities"][0]["late"] is False


async def test_a_risk_below_high_is_reasoned(run):
    """Why authorities or guests are not told is what the register is there to show."""
    breach = await noted(run)
    assert faults(await change(run, breach, {"risk": "unlikely"})) == {"/risk_reasons"}
    assessed = (await change(run, breach, UNLIKELY)).json
    assert (assessed["status"], assessed["risk"], assessed["version"]) == ("assessed", "unlikely", 2)
    assert (await change(run, breach, {"risk": "high"})).status == 200


async def test_an_edit_of_an_older_version_is_refused(run):
    """If-Match holds, and what a refused edit said is not kept."""
    breach = await noted(run)
    assert (await change(run, breach, DONE, headers={"If-Match": '"1"'})).status == 200
    stale = await change(run, breach, {"countries": ["DE"]}, headers={"If-Match": '"1"'})
    assert stale.status == 412
    shown = await run.call("GET", f"{BREACHES}/{breach['id']}")
    assert (shown.headers["ETag"], len(shown.json["authorities"])) == ('"2"', 1)


async def test_a_breach_is_closed_when_nothing_is_left_to_do(run):
    """Risk, effects and remedy said; authorities told or not needed; at a high risk the guests too, or why not."""
    breach = await noted(run)
    assert (await change(run, breach, {"closed": True})).status == 409
    assert (await change(run, breach, DONE | {"risk": "high"})).status == 200
    assert (await change(run, breach, {"closed": True})).status == 409
    told = {"authorities": [{"country": "PT", "status": "notified"}]}
    assert (await change(run, breach, told | {"closed": True})).status == 409
    assert (await run.call("GET", f"{BREACHES}/{breach['id']}")).json["authorities"][0]["status"] == "open"
    why = {"untold_reasons": "The file was encrypted (Art. 34(3)(a))."}
    closed = await change(run, breach, told | why | {"closed": True})
    assert (closed.status, closed.json["status"]) == (200, "closed")
    assert (await change(run, breach, DONE)).status == 409
    small = await noted(run)
    small = (await change(run, small, DONE | UNLIKELY | {"closed": True})).json
    assert small["authorities"][0]["status"] == "not_required"
    assert len((await run.call("GET", f"{BREACHES}?state=closed")).json["items"]) == 2


async def test_the_clocks_can_be_watched_and_old_ones_go(run, clock):
    """The metric counts what is still to be told, by how near it is; six years after the end nothing is left."""

    def clocks():
        run.gateway.measure()
        names = ("later", "soon", "late")
        return [metrics.REGISTRY.get_sample_value("gateway_breach_deadlines", {"due": name}) for name in names]

    breach = await noted(run)
    assert clocks() == [1, 0, 0]
    clock.forward(50 * 3600)
    assert clocks() == [0, 1, 0]
    clock.forward(24 * 3600)
    assert clocks() == [0, 0, 1]
    await change(run, breach, DONE | UNLIKELY | {"closed": True})
    assert clocks() == [0, 0, 0]
    await run.gateway.parts.breaches.forget_old()
    assert (await run.call("GET", f"{BREACHES}/{breach['id']}")).status == 200
    clock.forward(6 * 366 * 86_400)
    await run.gateway.parts.breaches.forget_old()
    assert (await run.call("GET", f"{BREACHES}/{breach['id']}")).status == 404
    gone = (await run.call("GET", f"/communications/audit?object={breach['id']}&action=breach.forgotten")).json["items"]
    assert len(gone) == 1


# -- the guests --------------------------------------------------------------------------------------------------------


async def test_the_guests_are_told_in_their_language_under_the_class_legal(tmp_path, clock):
    """Even those who want no offers; once, however often it is asked; the breach knows of it."""
    async with running(tmp_path, CONFIG, clock) as run:
        guests = [
            await guest(run, "ana@example.org", "PT", language="pt"),
            await guest(run, "bo@example.org", "DE", language="de"),
            await guest(run, "cleo@example.org", "NL"),
        ]
        stop = {"guest": {"email": "ana@example.org"}, "scope": "global"}
        assert (await run.call("POST", "/communications/compliance/unsubscribe", stop)).status == 200
        breach = await noted(run, guests=guests)
        path, once = f"{BREACHES}/{breach['id']}/notices", {"Idempotency-Key": "notice-1"}
        assert (await run.call("POST", path, {"variables": WORDS}, headers=once)).status == 403
        bearer = {"Authorization": f"Bearer {await run.draw('privacy', 'send.legal', 'read')}"}
        dry = await run.call("POST", path, {"variables": WORDS, "dry_run": True}, headers=bearer)
        assert (dry.status, dry.json["accepted"]) == (200, 3)
        assert (await run.call("GET", f"{BREACHES}/{breach['id']}")).json["notices"] == []
        told = await run.call("POST", path, {"variables": WORDS}, headers=bearer | once)
        assert (told.status, told.json["accepted"], told.json["rejected_total"]) == (202, 3, 0)
        again = await run.call("POST", path, {"variables": WORDS}, headers=bearer | once)
        assert (again.status, again.json["id"]) == (202, told.json["id"])
        shown = (await run.call("GET", f"{BREACHES}/{breach['id']}")).json
        assert [one["batch"] for one in shown["notices"]] == [told.json["id"]]
        mails = await mailed(run, 3)
        for words in ("O que aconteceu", "Was geschehen ist", "What happened"):
            assert any(words in mail for mail in mails), words
        assert all("Quinta das Flores" in mail and "+351 219 000 000" in mail for mail in mails)
        names = (await run.call("GET", "/communications/templates?name=breach-notice")).json["items"]
        assert {one["language"] for one in names} == {"de", "en", "es", "fr", "pt"}
        closing = {"risk": "high", "authorities": [
            {"country": country, "status": "notified"} for country in ("PT", "DE", "NL")]}  # fmt: skip
        assert (await change(run, breach, DONE | closing | {"closed": True})).json["status"] == "closed"


async def mailed(run, count):
    """The mails, once there are so many, as text."""
    for _ in range(500):
        if len(mails := run.mails()) >= count:
            return [mail.decode().replace("=\n", "") for mail in mails]
        await asyncio.sleep(0.02)
    raise AssertionError("no mails")


async def test_there_must_be_somebody_to_tell(run):
    """A breach without guests: 409; words that are lacking: 422."""
    breach = await noted(run)
    bearer = {"Authorization": f"Bearer {await run.draw('privacy', 'send.legal')}", "Idempotency-Key": "one"}
    path = f"{BREACHES}/{breach['id']}/notices"
    assert (await run.call("POST", path, {"variables": WORDS}, headers=bearer)).status == 409
    await change(run, breach, {"guests": [await guest(run, "ana@example.org", "PT")]})
    assert (await run.call("POST", path, {}, headers=bearer)).status == 422
    assert (await run.call("POST", path, {"variables": WORDS}, headers=bearer)).status == 202


def test_starters_say_the_same_in_five_languages():
    """Every language has the same variables, and an unknown name has none."""
    found = starters("breach-notice")
    assert {one.language for one in found} == {"de", "en", "es", "fr", "pt"}
    for one in found:
        for name in one.schema:
            assert f"{{{{ {name} }}}}" in one.text, (one.language, name)
    assert starters("nothing") == []


# -- the record of processing ------------------------------------------------------------------------------------------


async def test_the_record_of_processing_says_what_the_configuration_says(tmp_path, clock):
    """Controller, purposes with their basis, recipients and their countries, how long, how safe; also as text."""
    mail = 'plugin = "smtp"\nhost = "mail.example"\nchannel = "email"\ncountry = "PT"\n'
    config = CONFIG.replace('plugin = "outbox"\nchannel = "email"\n', mail) + '[retention]\nbodies = "3 months"\n'
    async with running(tmp_path, config, clock, deliver=False) as run:
        record = (await run.call("GET", "/communications/compliance/record")).json
    assert record["controller"]["name"] == "Quinta das Flores"
    assert {one["class"] for one in record["purposes"]} == {
        "transactional", "informational", "marketing", "emergency", "legal"
    }  # fmt: skip
    takers = {(one["name"], one["host"], one["country"]) for one in record["recipients"]}
    assert takers == {("mail", "mail.example", "PT"), ("texts", None, None)}
    assert "3 months" in {one["period"] for one in record["retention"]}
    assert [one["name"] for one in record["transfers"]] == ["texts"]
    assert record["retention"] and record["security"]
    for word in ("Quinta das Flores", "Art. 6(1)(b)", "mail:", "country not said", "6 years"):
        assert word in record["text"], word
