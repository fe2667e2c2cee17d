"""The page where a guest chooses by topic: what it shows is what holds, and what is saved counts from then on."""

import re

import pytest

from tests.guest_pages import link, look, send
from tests.running import BOOKING, CONFIG, NEWS, running
from tests.test_guest_opt_out import TOPICS

ANA = {"email": "ana@example.org", "phone": "+351912345678", "country": "PT"}
STOP = "/communications/compliance/unsubscribe"
WEDDING = BOOKING | {"class": "informational", "category": "wedding"}
ALL = {"wedding:email", "wedding:sms", "booking:email", "booking:sms", "news:email", "news:sms", "spa:email", "spa:sms"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; Ana agreed to news by e-mail, and got one."""
    async with running(tmp_path, CONFIG + TOPICS, clock, deliver=False) as run:
        await run.yes(ANA, channels=["email"], categories=["news"])
        clock.forward(60)
        run.path = link(run, "preferences", ANA["email"], (await run.send(NEWS | {"to": ANA["email"]})).json["id"])
        run.clock = clock
        yield run


async def change(run, page, on=(), off=(), **more):
    """The page's answer when these boxes are ticked and unticked."""
    run.clock.forward(1)
    wanted = (page.ticked | set(on)) - set(off)
    fields = [*page.hidden, *(("want", name) for name in wanted), *more.items()]
    return await send(run, run.path, fields)


async def reasons(run, order):
    reply = await run.send(order | {"to": ANA["email"]})
    return reply.json["compliance"]["reasons"]


async def test_the_page_shows_what_holds(run):
    """A box for every topic and channel the venue has; ticked is what she gets, by her own word and by the law: offers
    only where she said yes. What she would miss is said by topic, and both addresses are masked."""
    _, page = await look(run, run.path)
    assert [one["value"] for one in page.all("input", type="checkbox")] == sorted(
        ALL, key=lambda name: (["wedding", "booking", "news", "spa"].index(name.partition(":")[0]), name))  # fmt: skip
    assert page.ticked == {"wedding:email", "wedding:sms", "booking:email", "booking:sms", "news:email"}
    assert "For a•••@example.org, +351 ••• ••• ••78" in page.text
    assert page.heading == "Which messages do you want?"
    await run.call("POST", STOP, {"guest": ANA["phone"], "classes": ["marketing", "transactional", "informational"]})
    _, page = await look(run, run.path)
    assert page.ticked == {"wedding:email", "booking:email", "news:email"}


async def test_a_no_counts_from_now_on(run):
    """Unticked: that topic over that channel, and nothing else; of offers the offers only. The page then says so."""
    _, page = await look(run, run.path)
    status, page = await change(run, page, off=["news:email", "wedding:email"])
    assert (status, page.ticked) == (200, {"wedding:sms", "booking:email", "booking:sms"})
    assert "Saved. This counts from now on." in page.text
    assert await reasons(run, NEWS) == ["CORE-SUP-3"]
    assert await reasons(run, WEDDING) == ["CORE-SUP-3"]
    assert await reasons(run, BOOKING) == []
    assert await reasons(run, BOOKING | {"category": "news"}) == []
    assert run.log_text.getvalue().count("ana@") == 0


async def test_what_was_not_touched_changes_nothing(run):
    """A page that is saved as it is writes nothing; nor does it take back a stop that came while it was open."""
    _, page = await look(run, run.path)
    await run.call("POST", STOP, {"guest": ANA["email"], "scope": "global"})
    before = run.gateway.db.reader.execute("SELECT count(*) FROM suppressions").fetchone()
    _, saved = await change(run, page)
    assert run.gateway.db.reader.execute("SELECT count(*) FROM suppressions").fetchone() == before
    assert "news:email" not in saved.ticked
    assert await reasons(run, NEWS) == ["CORE-SUP-1"]


async def test_a_yes_to_what_is_no_offer_counts_at_once_and_brings_no_offers(run):
    """After a stop for everything: the wedding by e-mail comes again, with the proof in the ledger; an offer in that
    same category does not, nor anything she did not tick."""
    everything = ["marketing", "transactional", "informational"]
    await run.call("POST", STOP, {"guest": ANA["email"], "scope": "global", "classes": everything})
    _, page = await look(run, run.path)
    assert page.ticked == set()
    _, page = await change(run, page, on=["wedding:email"])
    assert page.ticked == {"wedding:email"}
    assert await reasons(run, WEDDING) == []
    assert await reasons(run, BOOKING) == ["CORE-SUP-1"]
    assert "CORE-SUP-3" in await reasons(run, NEWS | {"category": "wedding"})
    guest = (await run.call("GET", "/communications/guests")).json["items"][0]["id"]
    ledger = (await run.call("GET", f"/communications/compliance/consent?guest={guest}")).json["consents"]
    (given,) = [one for one in ledger if one["categories"] == ["wedding"]]
    assert (given["source"], given["kind"], given["wording_version"]) == ("web_form", "express", "preferences-en")


async def test_a_yes_to_offers_counts_once_it_is_confirmed_by_mail(run):
    """The box stays off and the page says that a mail is on its way; the link in it leads to the words, and only
    pressing there turns the box on: that one and no other."""
    _, page = await look(run, run.path)
    _, page = await change(run, page, on=["spa:email", "wedding:email"], language="de")
    assert "spa:email" not in page.ticked
    assert "Wir haben Ihnen eine E-Mail geschickt." in page.text
    assert await reasons(run, NEWS | {"category": "spa"}) != []
    (mail,) = (await run.call("GET", "/communications/messages?category=consent&include=content")).json["items"]
    path = re.search(r"/c/[\w-]+", mail["content"]["text"])[0]
    _, words = await look(run, path)
    status, _ = await send(run, path, words.hidden)
    run.clock.forward(1)
    _, page = await look(run, run.path)
    assert (status, page.ticked & {"spa:email", "spa:sms"}) == (200, {"spa:email"})
    assert await reasons(run, NEWS | {"category": "spa"}) == []


async def test_what_only_two_people_can_lift_is_named(run):
    """A box that stays off although it was ticked: the page says which, instead of claiming that it was saved."""
    await run.call("POST", STOP, {"guest": ANA["email"], "source": "complaint",
                                  "classes": ["marketing", "transactional", "informational"]})  # fmt: skip
    _, page = await look(run, run.path)
    _, page = await change(run, page, on=["booking:email"])
    assert "booking:email" not in page.ticked
    assert "Your booking, Email: this could not be switched on here." in page.text


async def test_the_language_of_messages_is_the_guests_choice(run):
    """Saved with the guest, noted in the audit log, and the page speaks it from then on."""
    _, page = await look(run, run.path)
    _, page = await change(run, page, language="de")
    assert page.all("html")[0]["lang"] == "de"
    guest = (await run.call("GET", "/communications/guests")).json["items"][0]
    assert (guest["language"], guest["version"]) == ("de", 2)
    _, page = await look(run, run.path)
    assert page.all("option", value="de")[0].keys() >= {"selected"}
    for language in ("xx", "de"):
        await change(run, page, language=language)
        assert (await run.call("GET", "/communications/guests")).json["items"][0]["version"] == 2


async def test_only_the_page_itself_can_be_saved(run):
    """Without the form's token, with another link's or one of three days ago nothing counts: the guest is asked to open
    the page again."""
    _, page = await look(run, run.path)
    _, other = await look(run, link(run, "preferences", ANA["phone"]))
    for fields in ([], [("form", "x")], other.hidden, [("want", "spa:sms")]):
        status, answer = await send(run, run.path, fields)
        assert (status, answer.heading) == (403, "This page was open for too long")
    run.clock.forward(3 * 86_400)
    assert (await change(run, page, off=["news:email"]))[0] == 403
    assert await reasons(run, NEWS) == []
    _, page = await look(run, run.path)
    assert (await change(run, page, off=["news:email"]))[0] == 200
    assert await reasons(run, NEWS) == ["CORE-SUP-3"]


async def test_a_link_opens_one_page_only(run):
    """An opt-out link is no preferences link, and the other way round: the same dead page as for a forged one."""
    pages = set()
    for path in (run.path.replace("/p/", "/u/"), link(run, "unsubscribe", ANA["email"]).replace("/u/", "/p/"), "/p/x"):
        status, page = await look(run, path)
        assert status == 404
        pages.add(page.source)
    assert len(pages) == 1


async def test_of_a_shared_address_only_that_address_is_shown(run):
    """Nobody knows which of the two looks at the page: no phone of either, and a stop is for this address."""
    contacts = [{"kind": "email", "address": ANA["email"]}, {"kind": "phone", "address": "+351911111111"}]
    await run.call("POST", "/communications/guests", {"name": "Ben", "country": "PT", "contacts": contacts})
    _, page = await look(run, run.path)
    assert {name.partition(":")[2] for name in page.ticked} == {"email"}
    assert "+351" not in page.text.replace("+351 219 000 000", "")


async def test_somebody_on_no_list_has_nothing_to_choose(run):
    """An address nobody has: said so, with the way to stop messages all the same."""
    status, page = await look(run, link(run, "preferences", "gone@example.org"))
    assert (status, page.heading) == (200, "You are on no list of ours")
    assert any(known["href"].startswith("/u/") for known in page.all("a"))


async def test_without_topics_in_the_configuration_there_are_those_of_messages_so_far(tmp_path, clock):
    """By their categories; a kind that has one only goes by its plain name. One offer makes it offers."""
    async with running(tmp_path, CONFIG, clock, deliver=False) as run:
        await run.yes(ANA, channels=["email"])
        clock.forward(60)
        for order in (NEWS, NEWS | {"category": "spa-weekend"}, BOOKING | {"category": "news"}, WEDDING):
            await run.send(order | {"to": ANA["email"]})
        _, page = await look(run, link(run, "preferences", ANA["email"]))
        names = [known["value"] for known in page.all("input", type="checkbox")]
        assert [name for name in names if name.endswith("email")] == [
            "wedding:email", "booking:email", "news:email", "spa-weekend:email"]  # fmt: skip
        for name in ("The event", "Your booking", "Spa weekend", "News"):
            assert name in page.text
