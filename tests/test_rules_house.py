"""A venue's own rules beside the law: they add to it, and nothing they say takes anything away."""

import pytest
from click.testing import CliRunner

from gateway.cli.main import cli
from gateway.clock import rfc3339
from gateway.errors import NotUsable
from gateway.rules import Result, Rulebook, Venue
from tests.rules_cases import at, case, consent, packs, sent
from tests.running import CONFIG, NEWS, running

WORDS = {"text": "The guest is left alone.", "reason": "The couple asked for it."}
SIGNED = {"kind": "express_written"}


def judge(own: dict | list[dict], *args, **facts) -> Result:
    """The judgement under house rules."""
    rules = [{"id": "HOUSE-1"} | WORDS | rule for rule in ([own] if isinstance(own, dict) else own)]
    return Rulebook(packs(), {}, rules).judge(case(*args, **facts))


def text(own: dict | list[dict], **facts) -> Result:
    """The judgement of a text to somebody in New York who has signed, at 13:00 there."""
    who = {"country": "US", "timezone": "America/New_York", "phone": "+12125550100"}
    return judge(own, "sms", **({"who": who, "consents": [consent(**SIGNED)]} | facts))


@pytest.mark.parametrize(
    "deny", [["offers"], ["spa", "*"]], ids=["this category", "any category"],
)  # fmt: skip
def test_a_house_may_be_silent_on_a_subject(deny: list[str]):
    """A denied category is denied, in the channels and classes the rule is about; others go."""
    assert judge({"deny": deny}).reasons == ("HOUSE-1",)
    assert judge({"deny": ["spa"]}).decision == "allow"
    assert judge({"deny": deny, "channels": ["sms"]}).decision == "allow"
    assert judge({"deny": deny}, "email", "transactional").decision == "allow"
    assert judge({"deny": deny, "classes": ["transactional"]}, "email", "transactional").decision == "deny"
    assert judge({"deny": ["spa"]}, message={"category": None}).reasons == ("HOUSE-1",)


def test_a_house_may_ask_for_more_in_a_message():
    """A part that the law does not ask for is required, and missed."""
    own = {"require": ["contact_point"]}
    assert "contact_point" in judge(own).required_elements
    assert judge(own, features={"contact_point": False}).reasons == ("HOUSE-1",)
    assert judge([], features={"contact_point": False}).decision == "allow"


def test_a_house_may_keep_shorter_hours_and_never_longer_ones():
    """Its hours are kept besides those of the law and of the house's policy: a wide window opens nothing."""
    late = text({"window": {"daily": ["18:00-23:00"]}})
    assert (late.reasons, rfc3339(late.defer_until)) == (("HOUSE-1",), "2026-11-24T23:00:00Z")
    night = {"now": at("2026-11-25T03:00:00Z")}  # 22:00 in New York
    wide = {"window": {"daily": ["00:00-24:00"]}}
    assert text(wide, **night).reasons == ("US-TCPA-3",)
    german = {"who": {"country": "DE", "timezone": "Europe/Berlin"}, "now": at("2026-11-24T22:00:00Z")}
    assert judge(wide, "sms", consents=[consent()], **german).reasons == ("CORE-TIM-6",)
    mail = judge({"window": {"daily": ["09:00-17:00"]}}, who={"country": "US", "timezone": "America/Los_Angeles"})
    assert (mail.decision, mail.defer_until) == ("allow", None)  # 10:00 there
    assert judge({"window": {"daily": ["11:00-17:00"]}}, who={"country": "US", "timezone": "America/Los_Angeles"}
                 ).decision == "defer"  # fmt: skip


def test_a_house_closes_on_the_guests_holidays():
    """26 November 2026 is Thanksgiving, and some states keep the day after; in Canada it is a Thursday."""
    own = {"window": {"daily": ["09:00-20:00"], "holiday": "closed"}}
    day = {"now": at("2026-11-26T18:00:00Z")}
    assert rfc3339(text(own, **day).defer_until) == "2026-11-28T14:00:00Z"
    canadian = {"country": "CA", "timezone": "America/Toronto"}
    assert judge(own, "sms", who=canadian, consents=[consent()], **day).decision == "allow"


def test_a_house_may_count():
    """So many messages of the classes and channels it is about, per category if it says so."""
    history = [sent("2026-11-24T16:00:00Z"), sent("2026-11-24T17:00:00Z", category="rsvp")]
    two = {"cap": {"max": 2, "hours": 24}}
    capped = text(two, history=history)
    assert (capped.reasons, rfc3339(capped.defer_until)) == (("HOUSE-1",), "2026-11-25T16:00:00Z")
    assert text({"cap": {"max": 2, "hours": 24, "same": "category"}}, history=history).decision == "allow"
    assert text(two, history=history[1:]).decision == "allow"
    bookings = {"cap": {"max": 1, "hours": 24}, "classes": ["transactional"]}
    given = {"consents": [consent()], "history": [sent("2026-11-24T17:00:00Z", class_="transactional")]}
    assert judge(bookings, "sms", "transactional", **given).decision == "defer"
    assert judge(bookings, "sms", "transactional", **(given | {"history": history})).decision == "allow"


def test_a_house_may_count_in_the_guests_days():
    """Two in seven days of his calendar: it is midnight where he is that ends one, over a change of the clocks too."""
    own = {"cap": {"max": 2, "days": 7}}
    history = [sent("2026-11-18T03:00:00Z"), sent("2026-11-24T17:00:00Z")]  # the first at 22:00 on the 17th there
    assert text(own, history=history).decision == "allow"
    capped = text(own, history=[sent("2026-11-18T05:00:00Z"), *history[1:]])
    assert (capped.reasons, rfc3339(capped.defer_until)) == (("HOUSE-1", "US-TCPA-3"), "2026-11-25T13:00:00Z")
    mailed = {"who": {"country": "US", "timezone": "America/New_York"}, "now": at("2026-11-02T03:00:00Z"),
              "history": [sent("2026-11-01T04:30:00Z", channel="email")]}  # fmt: skip
    one = {"cap": {"max": 1, "days": 1}}
    assert rfc3339(judge(one, **mailed).defer_until) == "2026-11-02T05:00:00Z"  # of a day that has 25 hours
    assert judge(one, **(mailed | {"now": at("2026-11-02T05:00:00Z")})).decision == "allow"


def test_a_house_rule_may_be_about_some_categories():
    """It counts these and holds for these; what is not known may be one of them."""
    own = {"cap": {"max": 1, "hours": 24}, "categories": ["spa", "offers"]}
    history = {"history": [sent("2026-11-24T17:00:00Z", category="spa")]}
    assert text(own, **history).reasons == ("HOUSE-1",)
    assert text(own, **history, message={"category": None}).reasons == ("HOUSE-1",)
    assert text(own, **history, message={"category": "rsvp"}).decision == "allow"
    assert text(own, history=[sent("2026-11-24T17:00:00Z", category="rsvp")]).decision == "allow"
    quiet = {"quiet": {"from": "2026-11-24"}, "categories": ["rsvp"]}
    assert text(quiet).decision == "allow"
    assert text(quiet, message={"category": "rsvp"}).reasons[0] == "HOUSE-1"


def mail(own: dict | list[dict], now: str, zone: str = "America/New_York", **facts) -> str | None:
    """Until when a mail of this moment waits."""
    house = Venue(country="US", timezone="Europe/Lisbon")
    result = judge(own, who={"country": "US", "timezone": zone}, now=at(now), venue=house, **facts)
    assert result.decision in ("allow", "defer"), result.reasons
    return result.defer_until and rfc3339(result.defer_until)


def test_a_house_may_be_quiet_on_some_days():
    """From the first midnight to the last one where the guest is, or where the venue is; not before and not after."""
    own = {"quiet": {"from": "2026-12-24", "to": "2026-12-26"}}
    assert mail(own, "2026-12-24T04:59:00Z") is None
    assert mail(own, "2026-12-24T05:00:00Z") == mail(own, "2026-12-27T04:59:59Z") == "2026-12-27T05:00:00Z"
    assert mail(own, "2026-12-27T05:00:00Z") is None
    assert mail(own, "2026-12-23T15:00:00Z", "Asia/Tokyo") == "2026-12-26T15:00:00Z"
    home = {"quiet": own["quiet"] | {"zone": "venue"}}  # Lisbon
    assert mail(home, "2026-12-24T00:00:00Z") == mail(home, "2026-12-24T00:00:00Z", "Asia/Tokyo")
    assert mail(home, "2026-12-24T00:00:00Z") == "2026-12-27T00:00:00Z"
    assert mail(home, "2026-12-23T23:59:00Z") is None
    assert mail({"quiet": {"from": "2026-06-01", "to": "2026-12-31"}}, "2026-06-10T12:00:00Z") == "2027-01-01T05:00:00Z"


def test_a_house_may_be_quiet_at_some_hours():
    """Of one day or of every day; where an hour is missing or comes twice, by what the clock shows."""
    wedding = {"quiet": {"from": "2027-06-12", "hours": ["14:00-18:00"], "zone": "venue"}}
    assert mail(wedding, "2027-06-12T12:59:00Z") is None  # 13:59 in Lisbon
    assert mail(wedding, "2027-06-12T13:00:00Z") == "2027-06-12T17:00:00Z"
    assert mail(wedding, "2027-06-13T13:00:00Z") is None
    daily = {"quiet": {"hours": ["00:00-09:00", "21:30-24:00"]}}
    assert mail(daily, "2026-11-25T02:30:00Z") == "2026-11-25T14:00:00Z"
    assert mail(daily, "2026-11-25T14:00:00Z") is None
    gap = {"quiet": {"hours": ["01:30-02:30"]}}
    assert mail(gap, "2026-03-08T06:30:00Z") == "2026-03-08T07:00:00Z"  # 1:30 in winter, then 3:00 in summer
    assert mail(gap, "2026-11-01T05:40:00Z") == "2026-11-01T06:00:00Z"  # 1:40, then 1:00 once more
    assert mail(gap, "2026-11-01T06:30:00Z") == "2026-11-01T07:30:00Z"


def test_quiet_times_that_overlap_are_kept_one_after_the_other():
    """Until the end of the last one, with the hours that the law gives besides; each of them is named."""
    own = [{"id": "HOUSE-A", "quiet": {"from": "2026-12-24", "to": "2026-12-25"}},
           {"id": "HOUSE-B", "quiet": {"from": "2026-12-25", "to": "2026-12-26"}}]  # fmt: skip
    assert mail(own, "2026-12-24T12:00:00Z") == "2026-12-27T05:00:00Z"
    both = text(own, now=at("2026-12-24T18:00:00Z"))
    assert (both.reasons, rfc3339(both.defer_until)) == (("HOUSE-A", "US-TCPA-3", "HOUSE-B"), "2026-12-27T13:00:00Z")
    assert judge(own, "email", "transactional", now=at("2026-12-24T12:00:00Z")).decision == "allow"


def test_a_house_rule_may_hold_in_one_place():
    """For the laws it names, and their parts."""
    own = {"deny": ["*"], "jurisdictions": ["EU-FR"]}
    yes = {"consents": [consent()]}
    assert judge(own, who={"country": "FR"}, **yes).decision == "deny"
    assert judge(own, who={"country": "NL"}, **yes).decision == "allow"


def test_a_house_rule_never_stops_what_saves_lives():
    """Emergency and legal notices pass all of it."""
    own = [{"id": "HOUSE-A", "deny": ["*"]}, {"id": "HOUSE-B", "window": {"daily": ["03:00-03:01"]}},
           {"id": "HOUSE-C", "quiet": {"from": "2026-11-24"}}]  # fmt: skip
    assert judge(own, "sms", "emergency", message={"approved_by": "ana"}).decision == "allow"


def test_a_house_rule_has_words_like_any_other():
    """Text, reason as its citation, parameters as written; and the rulebook's version tells it apart."""
    own = {"id": "HOUSE-1", "deny": ["spa"]} | WORDS
    book = Rulebook(packs(), {}, [own])
    assert book.rule("HOUSE-1") == {
        "rule": "HOUSE-1", "text": WORDS["text"], "citation": "House rule: The couple asked for it.", "checked": None,
        "allowed": None, "pack": "config.toml",
        "parameters": [{"channels": ["email", "sms", "whatsapp", "voice"], "classes": ["marketing"],
                        "categories": [], "jurisdictions": [], "deny": ["spa"]}],
    }  # fmt: skip
    assert book.version != Rulebook(packs()).version
    words = book.explain(book.judge(case(message={"category": "spa"})))["explanation"]
    assert words[0] == {"rule": "HOUSE-1", "text": WORDS["text"], "citation": "House rule: The couple asked for it."}


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ({"deny": ["spa"], "id": "US-TCPA-3"}, r"rules\[0\]\.id"),
        ({"deny": ["spa"], "jurisdictions": ["ZZ"]}, r"rules\[0\]\.jurisdictions"),
        ({"deny": ["spa"], "classes": ["emergency"]}, r"rules\[0\]\.classes"),
        ({"cap": {"max": 2, "hours": 1000}}, r"rules\[0\]\.cap\.hours"),
        ({"cap": {"max": 2}}, "one of `hours`, `days`"),
        ({"quiet": {"zone": "venue"}}, "`from`, or `hours`"),
        ({"quiet": {"from": "2026-12-26", "to": "2026-12-24"}}, "a later day"),
        ({"quiet": {"from": "2026-12-24", "to": "2028-12-24"}}, "within a year"),
        ({"quiet": {"hours": ["22:00-08:00"]}}, "close"),
        ({"quiet": {"hours": ["00:00-24:00"]}}, "never ends"),
        ({"deny": ["spa"], "categories": ["news"]}, "categories already"),
        ({"window": {"daily": ["20:00-08:00"]}}, "close"),
        ({"allow": ["spa"]}, "allow"),
        ({}, "one of `window`, `quiet`"),
        ({"deny": ["spa"], "require": ["unsubscribe"]}, "one of `window`"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(rule: dict, where: str):
    """Another's id, an unknown place, a class that nothing may stop, hours over midnight, a word to loosen."""
    with pytest.raises(NotUsable, match=where):
        judge(rule)


RULES = """
[[compliance.rules]]
id = "HOUSE-ONE-A-WEEK"
text = "The guest gets one newsletter a week."
reason = "More would be too many."
channels = ["email"]
cap = { max = 1, days = 7 }

[[compliance.rules]]
id = "HOUSE-CHRISTMAS"
text = "The guest is left alone over Christmas."
reason = "It is a feast."
quiet = { from = 2026-12-24, to = "2026-12-26" }
"""


async def test_a_rule_in_config_toml_is_kept_and_shown(tmp_path, clock):
    """The second newsletter of a week waits for the next, and the rule that says so stands among the others."""
    guest = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
    async with running(tmp_path, CONFIG + RULES, clock) as run:
        await run.yes(guest)
        first = (await run.send(NEWS | {"to": guest})).json
        await run.until(first["id"], "sent")
        second = (await run.send(NEWS | {"to": guest})).json
        assert (second["status"], second["compliance"]["reasons"]) == ("deferred", ["HOUSE-ONE-A-WEEK"])
        shown = await run.call("GET", "/communications/compliance/rules/HOUSE-ONE-A-WEEK")
        assert (shown.json["pack"], shown.json["parameters"][0]["cap"]["max"]) == ("config.toml", 1)


def test_a_check_of_the_configuration_sees_a_rule_for_no_place(tmp_path):
    """What only fits the packs is found before a start, not by it."""
    file = tmp_path / "config.toml"
    for place, outcome in (("ZZ", 78), ("EU-FR", 0)):
        file.write_text(CONFIG + RULES + f'jurisdictions = ["{place}"]\n')
        answer = CliRunner().invoke(cli, ["config", "check", "--config", str(file), "--data", str(tmp_path)])
        assert (answer.exception.exit_code if answer.exception else 0) == outcome
