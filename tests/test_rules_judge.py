"""The one question: may this go now? Classes, elements, channels, caps, hours, and the order of the reasons."""

import pytest
from msgspec import ValidationError, convert, json

from gateway.errors import NotUsable
from gateway.rules import ChannelState, Given, Rulebook, Template, Venue
from gateway.rules.policy import PolicyTable
from tests.rules_cases import NOW, at, book, case, consent, judge, packs, sent, suppression

US, CA = {"country": "US"}, {"country": "CA"}
SIGNED = [consent(kind="express_written", granted_at=at("2025-06-01T12:00:00Z"))]
NEW_YORK = {"country": "US", "timezone": "America/New_York"}


# -- classes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_", "message", "features", "warned", "reasons"),
    [
        ("transactional", {}, {}, (), ("US-TCPA-2",)),
        (None, {}, {}, ("CORE-CLS-1",), ("US-TCPA-1",)),
        ("birthday", {}, {}, ("CORE-CLS-1",), ("US-TCPA-1",)),
        ("transactional", {}, {"contains_promotion": True}, ("CORE-CLS-2",), ("US-TCPA-1",)),
        ("informational", {}, {"contains_promotion": True}, ("CORE-CLS-2",), ("US-TCPA-1",)),
        ("emergency", {"approved_by": "ana"}, {}, (), ()),
        ("emergency", {}, {}, ("CORE-CLS-3",), ("US-TCPA-2",)),
        ("emergency", {"approved_by": "ana"}, {"contains_promotion": True}, ("CORE-CLS-3",), ("US-TCPA-1",)),
        ("legal", {}, {}, (), ()),
        ("legal", {}, {"contains_promotion": True}, ("CORE-CLS-4",), ("US-TCPA-1",)),
        ("transactional", {}, {"contains_promotion": None}, ("undeclared",), ("US-TCPA-2",)),
    ],
)
def test_a_message_is_what_is_in_it(class_, message, features, warned, reasons):
    """What nobody named, or what sells beside its purpose, is judged as an advertisement."""
    result = judge("sms", class_, message=message, features=features)
    assert (result.warnings, result.reasons) == (warned, reasons)


@pytest.mark.parametrize(
    ("features", "reasons"),
    [
        ({"transactional_first": True}, ()),
        ({"transactional_first": True, "promo_in_subject": True}, ("US-CANSPAM-5",)),
        ({"transactional_first": None}, ("US-CANSPAM-5",)),
    ],
)
def test_american_mail_goes_by_its_primary_purpose(features: dict, reasons: tuple):
    """A booking that leads may carry an offer in the end; an offer that leads makes an advertisement."""
    mixed = features | {"contains_promotion": True, "postal_address": False}
    assert judge("email", "transactional", features=mixed).reasons == reasons


# -- elements ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "channel", "missing", "rule"),
    [
        (US, "email", {"unsubscribe": False}, "US-CANSPAM-3"),
        (US, "email", {"unsubscribe_valid_days": 29}, "US-CANSPAM-3"),
        (US, "email", {"unsubscribe_valid_days": None}, "US-CANSPAM-3"),
        (US, "email", {"postal_address": None}, "US-CANSPAM-5"),
        (US, "email", {"ad_label": False}, "US-CANSPAM-5a"),
        (US, "email", {"unsubscribe_steps": "login"}, "US-CANSPAM-6"),
        (US, "email", {"unsubscribe_steps": "form"}, "US-CANSPAM-6"),
        (US, "email", {"unsubscribe_steps": None}, "US-CANSPAM-6"),
        (US, "email", {"header_forged": True}, "US-CANSPAM-2"),
        (US, "email", {"subject_misleading": True}, "US-CANSPAM-2"),
        (US, "email", {"list_unsubscribe_post": False}, "DLV-2"),
        (US, "sms", {"sender_identity": False}, "US-TCPA-8"),
        (US, "sms", {"unsubscribe": False}, "CTIA-1"),
        (CA, "email", {"contact_point": False}, "CA-CASL-6"),
        (CA, "email", {"postal_address": False}, "CA-CASL-6"),
        (CA, "email", {"unsubscribe_valid_days": 59}, "CA-CASL-7"),
        ({"country": "NL"}, "email", {"sender_identity": False}, "EU-EPRIV-3"),
        ({"country": "GB"}, "sms", {"unsubscribe": False}, "UK-PECR-4"),
        ({"country": "AU"}, "email", {"contact_point": False}, "AU-SPAM-2"),
        ({"country": "AU"}, "email", {"unsubscribe_valid_days": 29}, "AU-SPAM-3"),
        ({"country": "NZ"}, "sms", {"unsubscribe_steps": "form"}, "NZ-UEM-2"),
        ({"country": "JP"}, "email", {"postal_address": False}, "CORE-JUR-6"),
        ({"country": "MX"}, "email", {"contact_point": False}, "CORE-JUR-6"),
    ],
)
def test_a_missing_part_denies_by_its_rule(who: dict, channel: str, missing: dict, rule: str):
    """And the complete message goes. What is not known to be there is not."""
    consents = [] if (who, channel) == (US, "email") else [consent(kind="express_written")]
    facts = {"who": who, "venue": Venue(country=who["country"], timezone="America/New_York"), "consents": consents}
    if channel == "email" or who == US:
        assert judge(channel, **facts).decision == "allow"
    result = judge(channel, **facts, features=missing)
    assert result.decision == "deny" and rule in result.reasons


def test_required_elements_are_those_of_every_law():
    """The union over the packs, whether or not they are there."""
    both = {"country": "NL", "address_country": "CA"}
    complete = judge(who=both, venue=Venue(country="NL"), consents=[consent()])
    empty = judge(who=both, venue=Venue(country="NL"), consents=[consent()], message={"features": None})
    expected = {
        "sender_identity", "unsubscribe", "contact_point", "postal_address", "unsubscribe_easy",
        "list_unsubscribe_post",
    }  # fmt: skip
    assert set(complete.required_elements) == set(empty.required_elements) == expected
    assert (complete.decision, empty.decision) == ("allow", "deny")


def test_who_asked_for_advertisements_needs_no_label():
    """A valid express consent takes the place of the label, a withdrawn one does not."""
    assert judge(features={"ad_label": False}, consents=[consent()]).decision == "allow"
    assert judge(features={"ad_label": False}, consents=[consent(withdrawn_at=NOW)]).reasons == ("US-CANSPAM-5a",)


def test_canadian_booking_mail_carries_what_an_advertisement_does():
    """No consent, but name, address and a way out."""
    assert judge("email", "transactional", who=CA).basis == ("CA-CASL-9", "US-CANSPAM-1")
    assert judge("email", "transactional", who=CA, features={"unsubscribe": False}).reasons == ("CA-CASL-7",)


@pytest.mark.parametrize(
    ("class_", "features", "decision"),
    [
        ("transactional", {"header_forged": True}, "deny"),
        ("legal", {"header_forged": True}, "deny"),
        ("legal", {"subject_misleading": True}, "deny"),
        ("legal", {"unsubscribe": False, "sender_identity": False}, "allow"),
    ],
)
def test_nothing_excuses_a_forged_header(class_: str, features: dict, decision: str):
    """Not even the law that lets a notice skip every other rule."""
    assert judge("email", class_, features=features).decision == decision


# -- channels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_", "state", "decision", "warnings"),
    [
        ("marketing", {"dmarc_aligned": True}, "allow", ()),
        ("marketing", {"dmarc_aligned": None}, "allow", ()),
        ("marketing", {"dmarc_aligned": False}, "deny", ()),
        ("transactional", {"dmarc_aligned": False}, "allow", ("DLV-1",)),
        ("marketing", {"complaint_rate": 0.0009}, "allow", ()),
        ("marketing", {"complaint_rate": 0.001}, "allow", ("DLV-3",)),
        ("marketing", {"complaint_rate": 0.003}, "deny", ()),
        ("marketing", {"complaint_rate": float("nan")}, "deny", ()),
        ("transactional", {"complaint_rate": 0.5}, "allow", ("DLV-3",)),
    ],
)
def test_mail_keeps_to_what_mailboxes_want(class_: str, state: dict, decision: str, warnings: tuple):
    """Advertisements stop where they would be lost; what a guest needs still goes, with a warning."""
    result = judge("email", class_, channel_state=ChannelState(**state))
    assert (result.decision, result.warnings) == (decision, warnings)


APPROVED = Template(category="marketing", approved=True)


@pytest.mark.parametrize(
    ("class_", "state", "consents", "rules"),
    [
        ("transactional", {"wa_template": Template(category="utility", approved=True)}, SIGNED, set()),
        ("transactional", {"wa_template": Template(category="utility", approved=True)}, [], {"WA-1"}),
        ("transactional", {"wa_template": Template(category="utility")}, SIGNED, {"WA-2"}),
        ("transactional", {}, SIGNED, {"WA-2"}),
        ("transactional", {"wa_last_inbound_at": NOW - 86_400_000}, [], set()),
        ("transactional", {"wa_last_inbound_at": NOW - 86_400_001}, SIGNED, {"WA-2"}),
        ("transactional", {"wa_last_inbound_at": NOW + 1}, SIGNED, {"WA-2"}),
        ("marketing", {"wa_template": APPROVED}, SIGNED, set()),
        ("marketing", {"wa_template": Template(category="utility", approved=True)}, SIGNED, {"WA-3"}),
        ("marketing", {"wa_last_inbound_at": NOW}, SIGNED, {"WA-3"}),
    ],
)
def test_whatsapp_has_rules_of_its_own(class_: str, state: dict, consents: list, rules: set):
    """Opt-in before we write first, a template outside 24 hours, and the right one for advertisements."""
    result = judge("whatsapp", class_, who=NEW_YORK, channel_state=ChannelState(**state), consents=consents)
    assert set(result.reasons) == rules


# -- caps -------------------------------------------------------------------------------------------------------------

FLORIDA = {"country": "US", "region": "FL", "timezone": "America/New_York"}
THREE = [sent(f"2026-11-24T{hour}:00:00Z") for hour in ("14", "15", "16")]


def test_the_fourth_text_waits_until_the_first_is_a_day_old():
    """Three a day on a subject in Florida; to the millisecond, and not a text later than needed."""
    assert judge("sms", who=FLORIDA, consents=SIGNED, history=THREE[:2]).decision == "allow"
    result = judge("sms", who=FLORIDA, consents=SIGNED, history=THREE)
    assert (result.decision, result.reasons, result.defer_until) == ("defer", ("US-FL-2",), at("2026-11-25T14:00:00Z"))
    more = [*THREE, sent("2026-11-24T13:00:00Z")]
    assert judge("sms", who=FLORIDA, consents=SIGNED, history=more).defer_until == at("2026-11-25T14:00:00Z")


@pytest.mark.parametrize(
    ("facts", "counts"),
    [
        ({}, True), ({"category": "breakfast"}, False), ({"category": None}, True),
        ({"class_": "transactional"}, False),
        ({"class_": None}, True), ({"channel": "email"}, False), ({"channel": "voice"}, True),
        ({"sent_at": NOW - 86_400_000}, False), ({"sent_at": NOW - 86_399_999}, True),
    ],
)  # fmt: skip
def test_a_cap_counts_advertisements_on_the_subject(facts: dict, counts: bool):
    """Over its channels and within its hours; what is not known counts."""
    history = [*THREE[:2], sent("2026-11-24T16:00:00Z", **facts)]
    result = judge("sms", who=FLORIDA, consents=SIGNED, history=history)
    assert ("US-FL-2" in result.reasons) == counts


def test_a_cap_that_ends_at_night_waits_for_the_morning():
    """The hours push on from where the cap ends, and both are named."""
    late = [sent(f"2026-11-24T{hour}:30:00Z") for hour in ("02", "03", "04")]
    now = at("2026-11-24T20:00:00Z")
    result = judge("sms", who=FLORIDA, consents=SIGNED, history=late, now=now)
    assert result.reasons == ("US-FL-2", "US-TCPA-3", "US-FL-1")
    assert result.defer_until == at("2026-11-25T13:00:00Z")


# -- hours ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "now", "until"),
    [
        (NEW_YORK, "2026-11-25T01:59:59Z", None),
        (NEW_YORK, "2026-11-25T02:00:00Z", "2026-11-25T13:00:00Z"),
        (NEW_YORK, "2026-03-08T12:00:00Z", None),  # the clocks went forward that morning: 08:00 is an hour earlier
        (NEW_YORK, "2026-03-08T11:59:59Z", "2026-03-08T12:00:00Z"),
        (NEW_YORK, "2026-11-01T12:59:59Z", "2026-11-01T13:00:00Z"),
        (US, "2026-11-24T17:59:59Z", "2026-11-24T18:00:00Z"),  # 8 in Honolulu
        (US, "2026-11-25T01:59:59Z", None),  # nearly 21 in New York
        (US, "2026-11-25T02:00:00Z", "2026-11-25T18:00:00Z"),
        ({"country": "PR"}, "2026-11-25T01:00:00Z", "2026-11-25T12:00:00Z"),
        ({"country": "US", "region": "WA"}, "2026-11-25T03:59:59Z", None),
        ({"country": "US", "region": "WA"}, "2026-11-25T04:00:00Z", "2026-11-25T16:00:00Z"),
        (
            {"country": "US", "region": "TX", "timezone": "America/Chicago"},
            "2026-11-29T15:00:00Z",
            "2026-11-29T18:00:00Z",
        ),
        ({"country": "US", "timezone": "Nowhere/Land"}, "2026-11-24T17:59:59Z", "2026-11-24T18:00:00Z"),
    ],
)
def test_texts_wait_for_the_hours_where_the_guest_is(who: dict, now: str, until: str | None):
    """In every zone that comes into question, over changes of the clocks; at the instant named it may go."""
    result = judge("sms", who=who, consents=SIGNED, now=at(now))
    assert (result.decision, result.defer_until) == (("defer", at(until)) if until else ("allow", None))
    if until:
        assert judge("sms", who=who, consents=SIGNED, now=at(until)).decision == "allow"


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-24T18:59:59Z", None),
        ("2026-11-24T19:00:00Z", "2026-11-25T07:00:00Z"),
        ("2026-11-28T19:00:00Z", "2026-11-30T07:00:00Z"),  # Saturday evening to Monday
        ("2026-12-24T19:00:00Z", "2026-12-28T07:00:00Z"),  # over Christmas and what Alsace keeps besides
    ],
)
def test_texts_to_france_rest_on_sundays_and_holidays(now: str, until: str | None):
    """Monday to Saturday, 8 to 20, in Paris."""
    facts = {"who": {"country": "FR"}, "venue": Venue(country="FR", timezone="Europe/Paris"), "consents": [consent()]}
    result = judge("sms", **facts, now=at(now))
    assert result.defer_until == (at(until) if until else None)
    assert result.reasons == (("EU-FR-1",) if until else ())


def test_house_hours_hold_where_no_law_has_any():
    """Texts to the Netherlands go from 8 to 21; mail at any hour; a venue may set other hours."""
    amsterdam = {"country": "NL", "timezone": "Europe/Amsterdam"}
    facts = {"who": amsterdam, "venue": Venue(country="NL"), "consents": [consent()]}
    night = at("2026-11-24T20:00:00Z")
    result = judge("sms", **facts, now=night)
    assert (result.reasons, result.defer_until) == (("CORE-TIM-6",), at("2026-11-25T07:00:00Z"))
    assert judge("email", **facts, now=night).decision == "allow"
    assert judge("sms", "transactional", **facts, now=night).decision == "allow"
    longer = {"rule": "CORE-TIM-6", "channels": ["sms"], "classes": ["marketing"], "daily": ["08:00-22:00"]}
    assert Rulebook(packs(), {"default_window": longer}).judge(case("sms", **facts, now=night)).decision == "allow"


def test_where_no_zone_is_known_nothing_goes_by_phone():
    """A guest from nowhere takes the venue's zone; where that is not known either, no hour is right."""
    consents = [consent(kind="express_written")]
    assert judge("sms", who={}, consents=consents).decision == "allow"
    assert judge("sms", who={}, consents=consents, venue=Venue()).reasons == ("CORE-TIM-3",)


def test_hours_that_never_meet_deny():
    """Somebody who may be in India or anywhere in the United States has no hour for a text."""
    everywhere = {"country": "IN", "address_country": "US"}
    result = judge("sms", who=everywhere, consents=SIGNED)
    assert (result.decision, result.defer_until) == ("deny", None) and "CORE-TIM-2" in result.reasons
    placed = everywhere | {"timezone": "Asia/Kolkata"}
    assert judge("sms", who=placed, consents=SIGNED).decision == "defer"


# -- the whole --------------------------------------------------------------------------------------------------------


def test_every_step_runs_and_reasons_come_in_the_order_of_the_steps():
    """Status, stop, age, consent, elements, channel, hours: all are named though the first would do."""
    child = NEW_YORK | {"status": "restricted", "age": 17}
    result = judge(
        "sms", who=child, suppressions=[suppression()], message={"features": None},
        channel_state=ChannelState(complaint_rate=0.01), now=at("2026-11-25T03:00:00Z"),
    )  # fmt: skip
    assert result.reasons == (
        "CORE-SUP-9", "CORE-SUP-1", "CORE-MIN-1", "US-TCPA-1", "US-TCPA-8", "CTIA-1", "DLV-3", "US-TCPA-3",
    )  # fmt: skip
    assert (result.decision, result.defer_until) == ("deny", None)


def test_every_law_must_be_satisfied():
    """Reasons come in the order of the jurisdictions."""
    result = judge(who={"country": "NL", "address_country": "CA"}, venue=Venue(country="NL"))
    assert (result.jurisdictions, result.reasons) == (("EU", "CA"), ("EU-EPRIV-1", "CA-CASL-1"))


def test_a_result_in_words():
    """Every rule in it is explained with its source; times are as JSON has them."""
    result = judge("sms", who=NEW_YORK, consents=SIGNED, now=at("2026-11-25T03:00:00Z"))
    said = json.decode(book().json(result))
    assert said["decision"] == "defer" and said["defer_until"] == "2026-11-25T13:00:00Z"
    assert [entry["rule"] for entry in said["explanation"]] == ["US-TCPA-3", "US-TCPA-1"]
    assert all(entry["text"] and entry["citation"] for entry in said["explanation"])
    assert said["explanation"][1]["text"].startswith("The guest has agreed in writing")
    assert said["rules_version"] == book().version and said["reasons"] == ["US-TCPA-3"]


# -- policy -----------------------------------------------------------------------------------------------------------


def test_house_policy_may_be_loosened_and_only_where_it_is_the_house_s():
    """One-click is the house's to ask for; the law's bounds only move inwards."""
    without = {"list_unsubscribe_post": False}
    assert judge(features=without).reasons == ("DLV-2",)
    loose = PolicyTable(one_click=False)
    assert judge(features=without, policy=loose).decision == "allow"
    assert Rulebook(packs(), {"one_click": False}).judge(case(features=without)).decision == "allow"


OVER_MIDNIGHT = {"rule": "CORE-TIM-6", "channels": ["sms"], "classes": ["marketing"], "daily": ["22:00-06:00"]}


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"one_clik": False}, "one_clik"),
        ({"one_click": "no"}, "compliance.policy.one_click"),
        ({"confirmation_seconds": 301}, "compliance.policy.confirmation_seconds"),
        ({"max_complaint_rate": 0.01}, "compliance.policy.max_complaint_rate"),
        ({"minors_marketing": "allow"}, "compliance.policy.minors_marketing"),
        ({"default_window": OVER_MIDNIGHT}, "compliance.policy.default_window"),
    ],
)  # fmt: skip
def test_a_policy_that_may_not_be_set_stops_the_start(policy: dict, named: str):
    """The key is named; a policy within bounds is taken."""
    with pytest.raises(NotUsable, match=named):
        Rulebook(packs(), policy)
    assert Rulebook(packs(), {"confirmation_seconds": 60}).policy.confirmation_seconds == 60


# -- given as JSON ----------------------------------------------------------------------------------------------------

GIVEN = (
    '{"now": "2026-11-24T18:00:00Z", "venue": {}, "recipient": {"country": "US"}, "message": {"channel": "email"%s}%s}'
)


def given(message: str = "", rest: str = "") -> Given:
    return json.decode(GIVEN % (message, rest), type=Given)


def test_only_four_things_must_be_said():
    """And with nothing else an advertisement is judged, in milliseconds."""
    assert given().now == NOW
    assert "CORE-CLS-1" in book().judge(given()).warnings


def test_null_equals_absent():
    """For every member that may be left out."""
    rest = ', "consents": null, "history": null, "policy": null'
    nulls = given(', "class": null, "category": null, "features": null', rest)
    assert nulls == given()


def test_moments_in_json_have_a_zone_and_become_milliseconds():
    """Wherever they stand."""
    full = given(
        ', "solicited_at": "2026-11-24T19:00:00+01:00"',
        ', "consents": [{"kind": "express", "granted_at": "2026-11-24T18:00:00Z"}]'
        ', "suppressions": [{"scope": "global", "created_at": "2026-11-24T18:00:00.5Z"}]'
        ', "history": [{"sent_at": "2026-11-24T18:00:00Z"}]'
        ', "channel_state": {"wa_last_inbound_at": "2026-11-24T18:00:00Z"}',
    )
    assert full.message.solicited_at == full.consents[0].granted_at == full.history[0].sent_at == NOW
    assert full.suppressions[0].created_at == NOW + 500 and full.channel_state.wa_last_inbound_at == NOW


@pytest.mark.parametrize(
    ("message", "rest"),
    [
        (', "klass": "marketing"', ""),
        ("", ', "mood": "good"'),
        ("", ', "consents": [{"kind": "express", "granted": "2026-11-24T18:00:00Z"}]'),
        ("", ', "consents": [{"kind": "wish"}]'),
        ("", ', "consents": [{"kind": "express", "granted_at": 1795514400000}]'),
        ("", ', "consents": [{"kind": "express", "granted_at": "2026-11-24T18:00:00"}]'),
        ("", ', "policy": {"one_clik": true}'),
        (', "features": {"unsubscribe_steps": "prayer"}', ""),
    ],
)
def test_what_nobody_knows_is_refused(message: str, rest: str):
    """A misspelt member is an error, not a fact left out."""
    with pytest.raises(ValidationError):
        given(message, rest)
    assert given(', "class": "marketing"').message.class_ == "marketing"


def test_a_case_may_bring_the_whole_table_of_policy():
    """As it stands in a rulebook: what is house policy counts, whose law it is does not change by it."""
    policy = {"unknown": "XX", "cctld": {"de": "PT"}, "one_click": False}
    raw = {
        "now": "2026-11-24T10:00:00Z",
        "venue": {},
        "recipient": {"email": "a@b.de"},
        "message": {"channel": "email"},
    }
    without, with_it = [book().judge(convert(one, Given)) for one in (raw, raw | {"policy": policy})]
    assert with_it.jurisdictions == without.jurisdictions
    assert "DLV-2" in without.reasons
    assert "DLV-2" not in with_it.reasons
