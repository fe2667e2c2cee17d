"""What holds for every judgement, whatever is given."""

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.rules import Consent, Features, Given, History, MessageFacts, RecipientFacts, Suppression, Venue
from tests.rules_cases import FULL, NOW, book, sent, suppression

DAY = 86_400_000
CHANNELS = ["email", "sms", "whatsapp", "voice"]
CLASSES = ["marketing", "transactional", "informational", "emergency", "legal", "optout_confirmation", "party", None]
COUNTRIES = [None, "US", "PR", "CA", "NL", "DE", "FR", "IE", "IT", "GB", "AU", "NZ", "CH", "BR", "IN", "ZA", "JP", "MX"]
PHONES = [None, "+12065550100", "+13055550100", "+33612345678", "+61412345678", "+999123456789"]
ZONES = [None, "America/New_York", "Asia/Kolkata", "Europe/Paris", "Nowhere/Land"]
KINDS = ["express_written", "express", "provided_number", "soft_opt_in", "implied_purchase", "inferred"]
flags = st.sampled_from([True, True, True, False, None])
moments = st.integers(NOW - 900 * DAY, NOW + 5 * DAY)

consents = st.builds(
    Consent, kind=st.sampled_from(KINDS), channels=st.lists(st.sampled_from(CHANNELS), max_size=4),
    categories=st.sampled_from([["*"], ["offers"], ["breakfast"], None]), granted_at=moments, event_at=moments,
    confirmed_at=moments, source=st.sampled_from(["web_form", "import", None]), wording_version=st.just("1"),
    proof_ref=st.just("p"), similar_products=flags, optout_offered=flags, ongoing_relationship=flags,
    withdrawn_at=st.none() | moments, expires_at=st.none() | moments,
)  # fmt: skip
stops = st.builds(
    Suppression, scope=st.sampled_from(["global", "channel", "category"]), channels=st.just(["sms"]),
    categories=st.just(["offers"]), classes=st.sampled_from([["marketing"], ["transactional"], None]),
    created_at=moments, source=st.sampled_from(["web_form", "complaint", "hard_bounce"]),
)  # fmt: skip
recipients = st.builds(
    RecipientFacts, country=st.sampled_from(COUNTRIES), address_country=st.sampled_from(COUNTRIES[:6]),
    region=st.sampled_from([None, "FL", "TX"]), phone=st.sampled_from(PHONES), timezone=st.sampled_from(ZONES),
    email=st.sampled_from([None, "ana@example.de"]), age=st.sampled_from([None, 15, 40]),
    status=st.sampled_from([None, "active", "restricted", "erased"]),
)  # fmt: skip
features = st.builds(
    Features, contains_promotion=flags, unsubscribe=flags, unsubscribe_steps=st.just("one_click"),
    unsubscribe_valid_days=st.just(400), list_unsubscribe_post=flags, sender_identity=flags, postal_address=flags,
    contact_point=flags, ad_label=flags,
)  # fmt: skip
messages = st.builds(
    MessageFacts, channel=st.sampled_from(CHANNELS), class_=st.sampled_from(CLASSES), category=st.just("offers"),
    features=features, approved_by=st.sampled_from([None, "ana"]), in_reply_to_suppression=st.none(),
)  # fmt: skip
facts = st.builds(
    Given, now=st.integers(NOW - 200 * DAY, NOW + 200 * DAY), recipient=recipients, message=messages,
    venue=st.builds(Venue, country=st.sampled_from(COUNTRIES), timezone=st.sampled_from(ZONES)),
    consents=st.lists(consents, max_size=3), suppressions=st.lists(stops, max_size=2),
    history=st.lists(st.just(sent("2026-11-24T16:00:00Z")), max_size=4),
)  # fmt: skip

# Texts and calls that only the hour or a cap can hold up, at any time of a year with its changes of the clocks.
SIGNED = Consent(
    kind="express_written", channels=CHANNELS, categories=["*"], granted_at=NOW - 900 * DAY, source="web_form",
    wording_version="1", proof_ref="p",
)  # fmt: skip
waiting = st.builds(
    Given, now=st.integers(NOW - 365 * DAY, NOW), venue=st.just(Venue(country="NL", timezone="Europe/Amsterdam")),
    recipient=st.builds(
        RecipientFacts, country=st.sampled_from(COUNTRIES), region=st.sampled_from([None, "FL", "TX", "OK"]),
        phone=st.sampled_from(PHONES), timezone=st.sampled_from(ZONES),
    ),
    message=st.builds(
        MessageFacts, channel=st.sampled_from(["sms", "voice"]), class_=st.just("marketing"),
        category=st.just("offers"), features=st.just(Features(**FULL)),
    ),
    consents=st.just([SIGNED]),
    history=st.lists(
        st.builds(History, sent_at=st.integers(NOW - 365 * DAY, NOW), channel=st.just("voice")), max_size=6
    ),
)  # fmt: skip
facts |= waiting

STRICTNESS = {"allow": 0, "defer": 1, "deny": 2}


def strictness(case: Given) -> int:
    """How strict a judgement is."""
    return STRICTNESS[book().judge(case).decision]


def never_opens(case: Given) -> bool:
    """Whether the hours of all places do not meet within weeks. With a later beginning, past a change of the clocks,
    they may: such a denial is of the moment, so nothing is compared with it."""
    return "CORE-TIM-2" in book().judge(case).reasons


@settings(max_examples=200, deadline=None)
@given(facts)
def test_a_judgement_is_whole(case: Given):
    """A deferral says until when, a refusal why, an allowance neither; every reason can be looked up."""
    result = book().judge(case)
    assert (result.decision == "defer") == (result.defer_until is not None)
    assert (result.decision == "allow") == (not result.reasons)
    assert result.defer_until is None or result.defer_until > case.now
    assert all(book().rule(reason) for reason in result.reasons) and result.jurisdictions
    assert len(set(result.reasons)) == len(result.reasons)


@settings(max_examples=200, deadline=None)
@given(waiting)
def test_a_deferral_ends_when_it_says(case: Given):
    """At that instant it may go, and a millisecond earlier it may not: nothing else stood in its way."""
    result = book().judge(case)
    assume(result.decision == "defer")
    later, before = (structs.replace(case, now=result.defer_until - early) for early in (0, 1))
    assert book().judge(later).decision == "allow"
    assert book().judge(before).decision == "defer"


@settings(max_examples=200, deadline=None)
@given(facts)
def test_knowing_less_never_allows_more(case: Given):
    """Without a consent, a feature or an approval, and with one more stop, the judgement is no milder."""
    assume(not never_opens(case))
    decided = strictness(case)
    poorer = [
        structs.replace(case, consents=[consent for consent in case.consents if consent.withdrawn_at is not None]),
        structs.replace(case, suppressions=[*(case.suppressions or ()), suppression()]),
        structs.replace(case, history=[*case.history, sent("2026-11-24T15:00:00Z")]),
        structs.replace(case, message=structs.replace(case.message, approved_by=None)),
    ]
    for other in poorer:
        assert strictness(other) >= decided


@settings(max_examples=200, deadline=None)
@given(facts, st.sampled_from(COUNTRIES[1:]), st.sampled_from(["America/New_York", "Asia/Kolkata", "Europe/Paris"]))
def test_a_second_country_never_allows_more(case: Given, country: str, zone: str):
    """Another law that applies as well can only tighten, where the guest's zone is known: a country also tells where a
    clock hangs. Calls are left out: house hours, to 21:00, give way to Canada's, to 21:30."""
    assume(case.recipient.country is not None and case.message.channel != "voice")
    one = structs.replace(case, recipient=structs.replace(case.recipient, timezone=zone, address_country=None))
    assume(not never_opens(one))
    both = structs.replace(one, recipient=structs.replace(one.recipient, address_country=country))
    assert strictness(both) >= strictness(one)


@settings(max_examples=100, deadline=None)
@given(facts)
def test_what_is_not_known_never_allows_more(case: Given):
    """Without the class, without what is in the message, without the proof of consents, or with a zone that is any of
    the country's instead of one of them, the judgement is no milder."""
    assume(not never_opens(case) and not any(stop.classes == ["transactional"] for stop in case.suppressions or ()))
    message, decided = case.message, strictness(case)
    promotion = (message.features or Features()).contains_promotion
    unproven = [structs.replace(one, proof_ref=None) for one in case.consents or ()]
    vaguer = [
        structs.replace(case, message=structs.replace(message, class_=None)),
        structs.replace(case, message=structs.replace(message, category=None)),
        structs.replace(case, message=structs.replace(message, features=Features(contains_promotion=promotion))),
        structs.replace(case, consents=unproven),
    ]
    if case.recipient.country == "US" and case.recipient.timezone == "America/New_York":
        vaguer.append(structs.replace(case, recipient=structs.replace(case.recipient, timezone=None)))
    for other in vaguer:
        if not never_opens(other):
            assert strictness(other) >= decided


@settings(max_examples=100, deadline=None)
@given(facts, st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_makes_no_difference(case: Given, chance):
    """Consents, stops and history may be told in any order: the judgement is the same to the word."""

    def shuffled(items: list | None) -> list:
        mixed = list(items or ())
        chance.shuffle(mixed)
        return mixed

    other = structs.replace(
        case,
        consents=[structs.replace(one, channels=shuffled(one.channels)) for one in shuffled(case.consents)],
        suppressions=shuffled(case.suppressions),
        history=shuffled(case.history),
    )
    assert book().judge(other) == book().judge(case)


EIGHT = ["America/New_York", "America/St_Johns", "Europe/Lisbon", "Europe/Berlin", "Africa/Casablanca", "Asia/Kolkata",
         "Australia/Lord_Howe", "Pacific/Chatham"]  # fmt: skip
QUARTER = 900_000


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(EIGHT), st.integers(NOW - 365 * DAY, NOW + 365 * DAY))
def test_hours_are_those_of_the_wall_over_two_years_of_changing_clocks(zone: str, now: int):
    """A text goes when the clock there shows 08:00 to 20:59; else it waits for the first minute at which it does, with
    none before it, whatever the clocks do in between."""
    name = ZoneInfo(zone)

    def awake(at: int) -> bool:
        return 8 <= datetime.fromtimestamp(at / 1000, name).hour < 21

    given = Given(
        now=now, venue=Venue(country="NL"), recipient=RecipientFacts(country="US", timezone=zone), consents=[SIGNED],
        message=MessageFacts(channel="sms", class_="marketing", category="offers", features=Features(**FULL)),
    )  # fmt: skip
    result = book().judge(given)
    assert result.decision == ("allow" if awake(now) else "defer")
    if until := result.defer_until:
        assert awake(until) and not awake(until - 1)
        assert not any(awake(at) for at in range(now, until, QUARTER))


@settings(max_examples=200, deadline=None)
@given(facts)
def test_what_lasts_is_judged_alike_at_any_time(case: Given):
    """A judgement that is called lasting may be kept: a year later, and with other messages sent, it is the same."""
    assert not book().lasting(case) or not (case.consents or case.suppressions)
    case = structs.replace(case, consents=None, suppressions=None)
    assume(book().lasting(case))
    first = book().judge(case)
    later = structs.replace(case, now=case.now + 365 * DAY + 7 * 3_600_000, history=None)
    assert book().judge(later) == first
