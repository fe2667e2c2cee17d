"""The page behind an opt-out link: it offers what the guest may mean, stops that at once, takes a slip back."""

import re
from urllib.parse import quote

import pytest

from gateway.privacy.button import UNDO_MS
from tests.guest_pages import FORM, link, look, press
from tests.running import BOOKING, CONFIG, NEWS, running

ANA = {"email": "ana@example.org", "phone": "+351912345678", "country": "PT"}
STOPS = "/communications/suppressions"
TEXT = {name: value for name, value in NEWS.items() if name != "subject"} | {"channel": "sms"}
WEDDING = BOOKING | {"class": "informational", "category": "wedding"}
TOPICS = """
[topics.wedding]
about = "event"
name = {en = "Sofia and Jonas’s <wedding>"}
[topics.booking]
about = "booking"
[topics.news]
about = "offers"
[topics.spa]
about = "offers"
name = {pt = "O spa"}
"""
ORDERS = {
    "news": NEWS, "spa": NEWS | {"category": "spa"}, "text": TEXT, "wedding": WEDDING, "booking": BOOKING,
    "wedding text": {"channel": "sms", "class": "informational", "category": "wedding", "text": "At noon.",
                     "declares": {"contains_promotion": False}},
    "danger": {"channel": "email", "class": "emergency", "category": "wedding", "subject": "Fire", "text": "Leave."},
}  # fmt: skip


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; Ana agreed to everything, was sent an offer and word of the wedding."""
    async with running(tmp_path, CONFIG + TOPICS, clock, deliver=False) as run:
        run.key = await run.draw("all", "send.emergency")
        await run.yes(ANA, channels=["email", "sms"])
        clock.forward(60)
        run.sent = {name: (await run.send(order | {"to": to(order)})).json for name, order in ORDERS.items()}
        run.link = link(run, "unsubscribe", ANA["email"], run.sent["news"]["id"])
        yield run


def to(order):
    return ANA["email" if order["channel"] == "email" else "phone"]


async def stopped(run):
    """Which orders to Ana are refused now because she said stop."""
    found = set()
    for name, order in ORDERS.items():
        reply = await run.send(order | {"to": to(order)})
        if reply.status == 422 and any(rule.startswith("CORE-SUP") for rule in reply.json["compliance"]["reasons"]):
            found.add(name)
    return found


async def in_force(run):
    return (await run.call("GET", f"{STOPS}?state=in_force")).json["items"]


def undo_of(page):
    """The token behind the button that takes a press back."""
    return page.all("button", name="undo")[0]["value"]


# -- what is offered --------------------------------------------------------------------------------------------------


async def test_the_topic_of_the_message_is_chosen_beforehand(run):
    """From an offer: offers, this one topic of several, the event she hears of, everything. From the event: that first.
    A venue's words are shown as they are, never as HTML."""
    offer = ["offers", "only:news", "topic:wedding", "all"]
    for name, expected in {"news": offer, "wedding": ["topic:wedding", "offers", "all"],
                           "booking": ["topic:booking", "offers", "all"]}.items():  # fmt: skip
        _, page = await look(run, link(run, "unsubscribe", ANA["email"], run.sent[name]["id"]))
        assert [one["value"] for one in page.all("input", type="radio")] == expected
        assert page.ticked == {expected[0]}
        assert page.heading == "Which messages should stop?"
        assert "For a•••@example.org. Nothing has changed yet." in page.text
    assert "Everything about Sofia and Jonas’s <wedding>" in page.text or "Your booking" in page.text
    _, page = await look(run, run.link)
    assert "Everything about Sofia and Jonas’s <wedding>" in page.text and "<wedding>" not in page.source
    assert await stopped(run) == set()


async def test_somebody_who_never_heard_of_the_event_is_not_asked_about_it(run):
    """His offers and everything; no name of a couple he does not know."""
    await run.yes({"email": "ben@example.org", "country": "PT"})
    offer = (await run.send(NEWS | {"to": "ben@example.org"})).json["id"]
    _, page = await look(run, link(run, "unsubscribe", "ben@example.org", offer))
    assert [one["value"] for one in page.all("input", type="radio")] == ["offers", "only:news", "all"]


# -- what is stopped --------------------------------------------------------------------------------------------------


CHOSEN = [
    ("offers", {"news", "spa", "text"}, "Offers and news have stopped"),
    ("only:news", {"news", "text"}, "Stopped: News"),
    ("topic:wedding", {"wedding", "wedding text"}, "Stopped: Sofia and Jonas’s &lt;wedding&gt;"),
    ("all", {"news", "spa", "text", "wedding", "wedding text", "booking"}, "All messages have stopped"),
    ("", {"news", "spa"}, "Offers and news have stopped"),
    ("topic:other", {"news", "spa"}, "Offers and news have stopped"),
]


async def test_what_was_chosen_stops_at_once_and_the_rest_goes_on(run):
    """Over every channel and at every address of hers; without a choice, the channel. Danger always gets through. What
    was said is undone as a whole, and twice is as good as once."""
    for chosen, expected, heading in CHOSEN:
        status, page = await press(run, run.link, **({"stop": chosen} if chosen else {}))
        assert (status, page.heading, page.title) == (200, heading, f"{heading} – Quinta das Flores")
        assert await stopped(run) == expected
        for _ in range(2):
            status, back = await press(run, run.link, undo=undo_of(page))
            assert (status, back.heading) == (200, "Undone")
        assert await stopped(run) == set()
    assert await in_force(run) == []


async def test_one_click_of_a_mail_program_acts_without_a_page(run):
    """In either form of RFC 8058, with nothing but the link: 200 and no way elsewhere, no cookie; again the same. It
    stops the channel for what that message was: of the wedding's, word of events too."""
    wedding = link(run, "unsubscribe", ANA["email"], run.sent["wedding"]["id"])
    for path, expected in ((run.link, {"news", "spa"}), (wedding, {"news", "spa", "wedding"})):
        for body, kind in (
            (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
            (b"--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n",
             "multipart/form-data; boundary=b"),
            (b"", "text/plain"),
        ):  # fmt: skip
            reply = await run.call("POST", path, body, headers=FORM | {"Content-Type": kind}, allow_redirects=False)
            assert (reply.status, "Location" in reply.headers, "Set-Cookie" in reply.headers) == (200, False, False)
            assert await stopped(run) == expected
    assert len(await in_force(run)) == 2


async def test_a_receipt_has_a_number_that_staff_can_find(run, clock):
    """The same number when it is pressed again within minutes, and the list finds the stop by it."""
    _, page = await press(run, run.link, stop="offers")
    clock.forward(60)
    _, again = await press(run, run.link, stop="offers")
    number, minute = re.search(r"Receipt (G-[0-9A-F]{4}-[0-9A-F]{4}), ([^.]+)\.", page.text).groups()
    assert f"Receipt {number}, {minute}." in again.text and minute == "24 November 2026, 10:01"
    for asked in (number, number.lower()):
        (found,) = (await run.call("GET", f"{STOPS}?receipt={quote(asked)}")).json["items"]
        assert (found["scope"], found["source"]) == ("global", "unsubscribe_link")
    assert (await run.call("GET", f"{STOPS}?receipt=G-0000-0000")).json["items"] == []


# -- taking it back ---------------------------------------------------------------------------------------------------


async def test_undo_takes_back_that_press_and_nothing_else(run, clock):
    """An older stop of the same guest stands; the audit log has both, by the guest."""
    await press(run, run.link, stop="topic:wedding")
    _, page = await press(run, run.link, stop="offers")
    assert await stopped(run) == {"news", "spa", "text", "wedding", "wedding text"}
    await press(run, run.link, undo=undo_of(page))
    assert await stopped(run) == {"wedding", "wedding text"}
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert files.count(b'"action":"suppression.added","actor":"guest"') >= 2
    assert b'"action":"suppression.lifted","actor":"guest"' in files


async def test_undo_has_its_time_and_its_link(run, clock):
    """Ten minutes later, by another guest's link, or with a token that is none: nothing is lifted, and the page says
    that it can no longer be undone."""
    _, page = await press(run, run.link, stop="offers")
    for path, token in (
        (link(run, "unsubscribe", "ben@example.org"), undo_of(page)), (run.link, "x"), (run.link, run.link[3:]),
    ):  # fmt: skip
        status, back = await press(run, path, undo=token)
        assert (status, back.heading) == (200, "This can no longer be undone")
    clock.forward(UNDO_MS // 1000)
    _, back = await press(run, run.link, undo=undo_of(page))
    assert back.heading == "This can no longer be undone"
    assert await stopped(run) == {"news", "spa", "text"}


async def test_a_stop_after_a_new_yes_is_a_new_stop(run, clock):
    """Within the ten minutes too: a yes lay between, so the second press is written and holds."""
    await press(run, run.link, stop="offers")
    clock.forward(5)
    await run.yes(ANA, channels=["email", "sms"])
    assert await stopped(run) == set()
    clock.forward(5)
    await press(run, run.link, stop="offers")
    assert await stopped(run) == {"news", "spa", "text"}


# -- who --------------------------------------------------------------------------------------------------------------


async def test_it_stops_for_everyone_who_has_the_address(run):
    """Two guests on one address: the page says so, and both get no more of it, wherever they are written to."""
    contacts = [{"kind": "email", "address": ANA["email"]}, {"kind": "phone", "address": "+351911111111"}]
    made = await run.call("POST", "/communications/guests", {"name": "Ben", "country": "PT", "contacts": contacts})
    assert made.status == 201
    _, page = await press(run, run.link, stop="all")
    assert "It stops for everyone who uses this address." in page.text
    ben = {"channel": "sms", "class": "transactional", "category": "booking", "text": "See you."}
    reply = await run.send(ben | {"to": "+351911111111", "declares": {"contains_promotion": False}})
    assert reply.json["compliance"]["reasons"] == ["CORE-SUP-1"]


async def test_the_link_works_for_an_address_that_is_in_no_list_any_more(run):
    """Of somebody erased or never stored the page shows no address, and a stop counts all the same."""
    path = link(run, "unsubscribe", "gone@example.org")
    _, page = await look(run, path)
    assert "Nothing has changed yet." in page.text and "For " not in page.text
    status, page = await press(run, path, stop="all")
    assert (status, page.heading) == (200, "All messages have stopped")
    reply = await run.send(BOOKING | {"to": "gone@example.org"})
    assert reply.json["compliance"]["reasons"] == ["CORE-SUP-1"]


async def test_one_press_is_one_event_for_the_venues_programs(run):
    """A stop for everything is written for each address of hers, and told once."""
    before = len(await in_force(run))
    await press(run, run.link, stop="all")
    rows = run.gateway.db.reader.execute("SELECT count(*), sum(blind = origin) FROM suppressions").fetchone()
    assert (before, rows) == (0, (2, 1))
