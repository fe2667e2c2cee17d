"""Which consents count: beside each that does not stands one that does."""

import pytest

from gateway.rules import Venue, missing_proof
from gateway.rules.policy import PolicyTable
from tests.rules_cases import NOW, at, book, case, consent, judge

DE, CA, IE, IT, UK, AU = ({"country": code} for code in ("DE", "CA", "IE", "IT", "GB", "AU"))
PT_HOME = {"venue": Venue(country="PT", timezone="Europe/Lisbon")}
CA_HOME = {"venue": Venue(country="CA", timezone="America/Toronto")}
SALE = at("2026-06-01T12:00:00Z")
CUSTOMER = {"kind": "soft_opt_in", "similar_products": True, "optout_offered": True, "event_at": SALE}
PUBLISHED = {"kind": "implied_published"}


@pytest.mark.parametrize(
    ("flaw", "rule"),
    [
        ({"channels": ["sms"]}, "CORE-CON-2"),
        ({"channels": None}, "CORE-CON-2"),
        ({"categories": ["breakfast"]}, "CORE-CON-2"),
        ({"categories": None}, "CORE-CON-2"),
        ({"source": None}, "CORE-CON-3"),
        ({"wording_version": ""}, "CORE-CON-3"),
        ({"proof_ref": None}, "CORE-CON-3"),
        ({"source": "import", "granted_at": None}, "CORE-CON-3"),
        ({"withdrawn_at": NOW}, "CORE-CON-4"),
        ({"expires_at": NOW}, "CORE-CON-5"),
        ({"granted_at": NOW + 1}, "CORE-CON-8"),
    ],
)
def test_a_consent_with_a_flaw_is_as_if_absent(flaw: dict, rule: str):
    """The pack's own rule denies, and a warning says why the consent did not help."""
    assert judge(who=DE, **PT_HOME, consents=[consent()]).decision == "allow"
    result = judge(who=DE, **PT_HOME, consents=[consent(**flaw)])
    assert (result.decision, result.reasons[0], result.warnings) == ("deny", "EU-EPRIV-1", (rule,))


@pytest.mark.parametrize(
    "facts",
    [
        {"withdrawn_at": NOW + 1}, {"expires_at": NOW + 1}, {"granted_at": NOW}, {"categories": ["offers"]},
        {"source": "import"}, {"granted_at": None},
    ],
)  # fmt: skip
def test_a_consent_on_the_right_side_of_the_line_counts(facts: dict):
    """What has not ended yet, has just begun, or is about exactly this, counts."""
    assert judge(who=DE, **PT_HOME, consents=[consent(**facts)]).decision == "allow"


def test_the_latest_word_counts():
    """A withdrawal takes back every consent from before it, and none that came after."""
    taken_back = consent(id="old", withdrawn_at=at("2026-07-01T00:00:00Z"))
    before, same, after = (consent(granted_at=at(f"2026-0{month}-01T00:00:00Z")) for month in (6, 7, 8))
    said = [judge(who=DE, **PT_HOME, consents=[taken_back, other]).decision for other in (before, same, after)]
    assert said == ["deny", "deny", "allow"]


@pytest.mark.parametrize(
    ("who", "channel", "good", "bad", "rule"),
    [
        (DE, "email", {}, {"confirmed_at": None}, "EU-DE-1"),
        (DE, "email", {}, {"confirmed_at": NOW + 1}, "EU-DE-1"),
        (DE, "email", {"kind": "express_written"}, {"kind": "express_written", "confirmed_at": None}, "EU-DE-1"),
        ({"country": "NL"}, "email", {}, {"preticked": True}, "EU-GDPR-2"),
        ({"country": "NL"}, "email", {}, {"condition_of_purchase": True}, "EU-GDPR-2"),
        ({"country": "NL"}, "email", CUSTOMER, CUSTOMER | {"similar_products": False}, "EU-EPRIV-2"),
        ({"country": "NL"}, "email", CUSTOMER, CUSTOMER | {"optout_offered": None}, "EU-EPRIV-2"),
        (IE, "email", CUSTOMER, CUSTOMER | {"event_at": at("2025-11-23T12:00:00Z")}, "EU-IE-1"),
        (UK, "email", CUSTOMER, CUSTOMER | {"similar_products": None}, "UK-PECR-2"),
        (UK, "email", {}, {"preticked": True}, "UK-GDPR-2"),
        (CA, "email", {}, {"preticked": True}, "CA-CASL-1"),
        (CA, "email", PUBLISHED | {"relevant_to_role": True}, PUBLISHED, "CA-CASL-5"),
        (AU, "email", {"kind": "inferred", "ongoing_relationship": True}, {"kind": "inferred"}, "AU-SPAM-1"),
        ({"country": "CH"}, "email", CUSTOMER, CUSTOMER | {"optout_offered": False}, "CH-UWG-1"),
        ({"country": "ZA"}, "email", CUSTOMER, CUSTOMER | {"similar_products": False}, "ZA-1"),
        ({"country": "US"}, "sms", {"kind": "express_written"},
         {"kind": "express_written", "condition_of_purchase": True}, "US-TCPA-1"),
    ],
)  # fmt: skip
def test_a_law_asks_more_of_a_kind(who: dict, channel: str, good: dict, bad: dict, rule: str):
    """The condition's own rule is among the reasons when a consent falls short of it."""
    home = {"venue": Venue(country=who["country"], timezone="Europe/London")}
    assert judge(channel, who=who, **home, consents=[consent(**good)]).decision == "allow"
    result = judge(channel, who=who, **home, consents=[consent(**bad)])
    assert result.decision == "deny" and rule in result.reasons


def test_a_customer_in_italy_is_one_for_mail_only():
    """The same soft opt-in lets mail go and stops a text."""
    home = {"venue": Venue(country="IT", timezone="Europe/Rome")}
    assert judge(who=IT, **home, consents=[consent(**CUSTOMER)]).decision == "allow"
    assert "EU-IT-1" in judge("sms", who=IT, **home, consents=[consent(**CUSTOMER)]).reasons


def test_double_opt_in_is_about_mail():
    """A consent in Germany without the click is good for a text."""
    home = {"venue": Venue(country="DE", timezone="Europe/Berlin")}
    assert judge("sms", who=DE, **home, consents=[consent(confirmed_at=None)]).decision == "allow"


@pytest.mark.parametrize(
    ("kind", "field", "start", "last_day", "rule"),
    [
        ("implied_purchase", "event_at", "2024-02-29T15:00:00Z", "2026-02-28", "CA-CASL-2"),
        ("implied_inquiry", "event_at", "2026-08-31T15:00:00Z", "2027-02-28", "CA-CASL-3"),
        ("implied_contract", "ends_at", "2026-01-15T15:00:00Z", "2028-01-15", "CA-CASL-4"),
    ],
)
def test_an_old_consent_counts_to_the_end_of_its_last_day(kind: str, field: str, start: str, last_day: str, rule: str):
    """Months go by the calendar, clamped at a month's end, and the last day counts as a whole, in the guest's zone."""
    who = CA | {"timezone": "America/Toronto"}
    given = [consent(kind=kind, granted_at=None, **{field: at(start)})]
    evening = at(f"{last_day}T23:59:59-05:00")
    assert judge(who=who, **CA_HOME, consents=given, now=evening).decision == "allow"
    result = judge(who=who, **CA_HOME, consents=given, now=evening + 1000)
    assert result.decision == "deny" and result.reasons == ("CA-CASL-1", rule)


def test_a_consent_ends_first_where_the_day_ends_first():
    """Without a zone the last day is over as soon as it is over anywhere the guest may be."""
    given = [consent(kind="implied_purchase", event_at=at("2024-06-10T18:00:00Z"))]
    over_in_newfoundland = at("2026-06-11T02:30:00Z")
    assert judge(who=CA, **CA_HOME, consents=given, now=over_in_newfoundland - 1).decision == "allow"
    assert judge(who=CA, **CA_HOME, consents=given, now=over_in_newfoundland).decision == "deny"
    west = CA | {"timezone": "America/Vancouver"}
    assert judge(who=west, **CA_HOME, consents=given, now=over_in_newfoundland).decision == "allow"


@pytest.mark.parametrize("facts", [{"event_at": None}, {"event_at": NOW + 1}])
def test_a_consent_without_a_beginning_has_not_begun(facts: dict):
    """What depends on a date needs one, and one that has come."""
    given = consent(kind="implied_purchase", granted_at=None, **facts)
    assert "CA-CASL-2" in judge(who=CA, **CA_HOME, consents=[given]).reasons
    assert judge(who=CA, **CA_HOME, consents=[consent(kind="implied_purchase", event_at=NOW)]).decision == "allow"


def test_the_last_use_keeps_an_irish_customer():
    """Twelve months run from the sale or from the last such mail, whichever was later."""
    home = {"venue": Venue(country="IE", timezone="Europe/Dublin")}
    long_ago = CUSTOMER | {"event_at": at("2024-01-01T12:00:00Z")}
    assert judge(who=IE, **home, consents=[consent(**long_ago)]).decision == "deny"
    used = long_ago | {"last_used_at": at("2026-01-01T12:00:00Z")}
    assert judge(who=IE, **home, consents=[consent(**used)]).decision == "allow"


def test_a_signed_consent_counts_wherever_a_simple_one_does_and_not_the_other_way():
    """Texts to the United States need the signed one; in Canada either will do."""
    assert judge("sms", consents=[consent(kind="express_written")]).decision == "allow"
    assert judge("sms", consents=[consent()]).reasons == ("US-TCPA-1",)
    assert {judge(who=CA, consents=[consent(kind=kind)]).decision for kind in ("express", "express_written")} == {
        "allow"
    }


@pytest.mark.parametrize("kind", ["provided_number", "express", "express_written"])
def test_booking_texts_need_the_number_given_for_them(kind: str):
    """In the United States a number that was given for this is consent enough, and none is not."""
    assert judge("sms", "transactional", consents=[consent(kind=kind)]).decision == "allow"
    assert judge("sms", "transactional", consents=[consent(kind="inferred")]).reasons == ("US-TCPA-2",)


def test_a_company_s_mailbox_in_the_united_kingdom_needs_no_consent():
    """Only there, only mail; the ground is its own rule."""
    company = UK | {"subscriber_type": "corporate"}
    home = {"venue": Venue(country="GB", timezone="Europe/London")}
    result = judge(who=company, **home)
    assert (result.decision, result.basis) == ("allow", ("UK-PECR-5",))
    assert judge(who=UK, **home).reasons == ("UK-PECR-1",)
    assert judge("sms", who=company, **home).reasons == ("UK-PECR-1",)


def test_the_do_not_call_list_gives_way_to_a_signed_consent_only():
    """A listed number is denied by its own rule too."""
    listed = {"country": "US", "dnc_listed": True}
    assert judge("sms", who=listed).reasons == ("US-TCPA-1", "US-TCPA-9")
    assert judge("sms", who={"country": "US"}).reasons == ("US-TCPA-1",)
    assert judge("sms", who=listed, consents=[consent(kind="express_written")]).decision == "allow"


@pytest.mark.parametrize(
    ("solicited_at", "decision"),
    [(NOW, "allow"), (NOW - 86_400_000, "allow"), (NOW - 86_400_001, "deny"), (NOW + 1, "deny"), (None, "deny")],
)
def test_who_asked_within_a_day_gets_an_answer(solicited_at: int | None, decision: str):
    """An answer needs no other consent for 24 hours."""
    result = judge("sms", "transactional", message={"solicited_at": solicited_at})
    assert result.decision == decision and ("CORE-CLS-6" in result.basis) == (decision == "allow")


def test_who_asked_still_gets_no_advertisement():
    """The answer may not be an offer."""
    assert judge("sms", message={"solicited_at": NOW}).reasons == ("US-TCPA-1",)


# -- children ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "denied"), [(17, True), (18, False), (None, False)])
def test_children_get_no_advertisements(age: int | None, denied: bool):
    """Under 18 by house policy; a booking message still goes."""
    result = judge(who={"country": "US", "age": age})
    assert ("CORE-MIN-1" in result.reasons) == denied and (result.decision == "deny") == denied
    assert judge("email", "transactional", who={"country": "US", "age": age}).decision == "allow"


@pytest.mark.parametrize(
    ("age", "facts", "decision"),
    [
        (17, {"age_at_grant": 16}, "allow"),
        (17, {"age_at_grant": 15}, "deny"),
        (17, {"age_at_grant": 15, "guardian": True}, "allow"),
        (15, {}, "deny"),
        (15, {"guardian": True}, "allow"),
    ],
)
def test_by_the_age_of_consent_a_child_needs_a_guardian(age: int, facts: dict, decision: str):
    """Germany's age is 16; who is younger now was not older then."""
    by_age = PolicyTable(minors_marketing="consent_age")
    result = judge(who=DE | {"age": age}, **PT_HOME, consents=[consent(**facts)], policy=by_age)
    assert result.decision == decision and ("CORE-MIN-2" in result.reasons) == (decision == "deny")


def test_where_no_consent_is_needed_a_child_still_needs_a_guardian():
    """A law that lets mail go without consent does not let it go to a child of twelve."""
    child = {"who": {"country": "US", "age": 12}, "policy": PolicyTable(minors_marketing="consent_age")}
    assert "CORE-MIN-2" in judge(**child).reasons
    assert judge(**child, consents=[consent(guardian=True)]).decision == "allow"
    assert judge(who={"country": "US", "age": 13}, policy=child["policy"]).decision == "allow"


def test_what_a_consent_lacks_is_named():
    """Express kinds need source, wording and record; an import the original day besides."""
    assert missing_proof(consent()) == []
    assert missing_proof(consent(source=None, wording_version=None, proof_ref="")) == [
        "source", "wording_version", "proof_ref",
    ]  # fmt: skip
    assert missing_proof(consent(source="import", granted_at=None)) == ["granted_at"]
    assert missing_proof(consent(kind="inferred", source=None)) == []


def test_judging_changes_nothing_and_says_the_same_twice():
    """The rulebook is a function of what it is given."""
    given = case("sms", who={"country": "FR", "phone": "+33612345678"}, consents=[consent()])
    before = repr(given)
    assert book().judge(given) == book().judge(given)
    assert repr(given) == before
