"""Whose law: by what a guest declared, by the phone, by the address, and by where the venue is."""

import pytest

from gateway.rules import Features, MessageFacts, Venue, country_of_phone
from tests.rules_cases import NOW, at, book, case, consent, judge

NOWHERE = Venue(timezone="Europe/London")


@pytest.mark.parametrize(
    ("channel", "who", "laws"),
    [
        ("email", {"country": "US"}, ("US",)),
        ("email", {"country": "us"}, ("US",)),
        ("email", {"country": "DE", "address_country": "US"}, ("EU", "EU-DE", "US")),
        ("email", {"country": "FR", "address_country": "DE"}, ("EU", "EU-DE", "EU-FR")),
        ("email", {"country": "MX"}, ("XX",)),
        ("email", {"country": "MX", "phone": "+12065550100"}, ("XX", "US")),
        ("email", {"country": "DE", "phone": "+12065550100"}, ("EU", "EU-DE")),
        ("email", {"phone": "+12065550100"}, ("US",)),
        ("email", {"email": "ana@example.de"}, ("EU", "EU-DE", "XX")),
        ("email", {"email": "ana@example.com"}, ("XX",)),
        ("email", {}, ("XX",)),
        ("email", {"country": "US", "region": "FL"}, ("US", "US-FL")),
        ("email", {"country": "AU", "region": "WA"}, ("AU",)),
        ("sms", {"country": "DE", "phone": "+12125550100"}, ("EU", "EU-DE", "US")),
        ("sms", {"country": "US", "phone": "+12065550100"}, ("US", "US-WA")),
        ("sms", {"country": "US", "region": "FL", "phone": "+12065550100"}, ("US", "US-FL", "US-WA")),
        ("sms", {"phone": "+447700900123"}, ("UK",)),
        ("sms", {"phone": "+12045550100"}, ("CA",)),
        ("sms", {"phone": "+18095550100"}, ("XX",)),
        ("sms", {"country": "US", "phone": "+999123456789"}, ("US", "XX")),
        ("sms", {"country": "US"}, ("US",)),
    ],
)
def test_the_laws_that_protect_a_guest(channel: str, who: dict, laws: tuple):
    """Every strong signal counts, a phone number for what goes to it, and a hint never alone."""
    assert judge(channel, who=who, venue=NOWHERE).jurisdictions == laws


@pytest.mark.parametrize(
    ("home", "channel", "who", "laws"),
    [
        ("CA", "email", "US", ("US", "CA")),
        ("CA", "voice", "US", ("US",)),
        ("US", "email", "NL", ("EU", "US")),
        ("US", "sms", "NL", ("EU",)),
        ("PT", "email", "DE", ("EU", "EU-DE")),
        ("PT", "email", "US", ("US", "EU")),
        ("MX", "email", "US", ("US",)),
    ],
)
def test_a_venue_s_own_law_may_follow_it(home: str, channel: str, who: str, laws: tuple):
    """Over its channels, after the recipient's, without overlays, and not twice."""
    assert judge(channel, who={"country": who}, venue=Venue(country=home)).jurisdictions == laws


def test_a_european_venue_needs_some_ground_abroad():
    """Any recorded one will do there; at home only consent or a customer's."""
    lisbon = {"venue": Venue(country="PT", timezone="Europe/Lisbon")}
    interest = [consent(kind="legitimate_interest")]
    assert judge(who={"country": "US"}, **lisbon).reasons == ("EU-GDPR-1",)
    assert judge(who={"country": "US"}, **lisbon, consents=interest).decision == "allow"
    assert judge(who={"country": "NL"}, **lisbon, consents=interest).reasons == ("EU-EPRIV-1",)


@pytest.mark.parametrize(
    ("who", "opens"),
    [
        ({"country": "US", "region": "FL"}, "2026-11-24T14:00:00Z"),  # 8 in Chicago
        ({"country": "US", "phone": "+13055550100"}, "2026-11-24T18:00:00Z"),  # an area code alone narrows nothing
        ({"country": "NL", "phone": "+4930123456"}, "2026-11-24T08:00:00Z"),  # 8 in Lisbon
        ({"country": "DE"}, "2026-11-24T07:00:00Z"),
        ({"country": "RE"}, "2026-11-24T07:00:00Z"),
        ({"country": "MX"}, "2026-11-24T09:00:00Z"),  # 9 at the venue in London
        ({"country": "MX", "timezone": "America/Mexico_City"}, "2026-11-24T15:00:00Z"),
    ],
)
def test_where_the_clock_may_hang(who: dict, opens: str):
    """In the zone the guest named, else in every zone of the place, never of the area code alone."""
    facts = {"who": who, "venue": NOWHERE, "consents": [consent(kind="express_written")]}
    assert judge("sms", **facts, now=at(opens) - 1).defer_until == at(opens)
    assert judge("sms", **facts, now=at(opens)).decision == "allow"


@pytest.mark.parametrize(
    ("number", "country", "area_code"),
    [
        ("+12065550100", "US", "206"),
        ("+12045550100", "CA", "204"),
        ("+18095550100", "DO", "809"),
        ("+17875550100", "PR", "787"),
        ("+447700900123", "GB", None),  # not allocated: by the calling code
        ("+447781123456", "GG", None),
        ("+4930123456", "DE", None),
        ("+262692123456", "RE", None),
        ("+88212345678", None, None),  # a satellite
        ("+999123456789", None, None),
        ("12065550100", None, None),
        ("+1", None, None),
        ("+1206555010x", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_number_tells_its_country(number: str | None, country: str | None, area_code: str | None):
    """And in North America its area code; what is no number of a country tells nothing."""
    assert country_of_phone(number) == country_of_phone(number) == (country, area_code)


def test_a_number_is_judged_alike_whatever_was_asked_before():
    """One that is cut short belongs to nobody for sure, and teaches nothing about those that begin like it."""
    assert country_of_phone("+16135550") == ("US", "613")
    assert country_of_phone("+16135550123") == ("CA", "613")


def test_few_plans_serve_many_messages():
    """What makes no difference to the laws is not remembered apart, whatever a caller writes into it."""
    rules = book()
    before = rules._plan.cache_info().misses
    for number in range(50):
        who = {"country": "US", "region": f"R{number}", "email": f"a{number}@b.de", "phone": f"+1206555{number:04}"}
        rules.judge(case(class_=f"class {number}", who=who))
    assert rules._plan.cache_info().misses <= before + 1


def test_the_smallest_case_is_cheap_to_build():
    """The gateway builds its facts without JSON: positional milliseconds, no lists needed."""
    bare = case(message={"features": None})
    assert (bare.now, bare.consents, bare.history) == (NOW, None, None)
    assert bare.message == MessageFacts(channel="email", class_="marketing", category="offers")
    assert Features() == Features(unsubscribe=None)
