"""The shipped laws, rule by rule: each with a message that it stops and beside it one that it lets go."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.clock import rfc3339
from gateway.rules import Given, Pack, Result, Rulebook

PACKS = Path(__file__).parent.parent / "plugins/compliance/packs"
COMPLETE = {
    "contains_promotion": False,
    "transactional_first": True,
    "unsubscribe": True,
    "unsubscribe_steps": "one_click",
    "unsubscribe_valid_days": 400,
    "list_unsubscribe_post": True,
    "sender_identity": True,
    "postal_address": True,
    "contact_point": True,
    "ad_label": True,
}
PHONE = {
    "US": "+12125550100",
    "DE": "+4915112345678",
    "FR": "+33612345678",
    "CA": "+14165550100",
    "GB": "+447700900123",
    "AU": "+61412345678",
    "IN": "+919812345678",
    "IE": "+353851234567",
    "IT": "+393312345678",
    "NZ": "+64211234567",
    "JP": "+819012345678",
    "CH": "+41791234567",
    "ZA": "+27821234567",
}
ZONE = {
    "US": "America/New_York",
    "CA": "America/Toronto",
    "FR": "Europe/Paris",
    "AU": "Australia/Sydney",
    "IN": "Asia/Kolkata",
}


@cache
def book(**policy: Any) -> Rulebook:
    return Rulebook([Pack.from_file(file) for file in sorted(PACKS.glob("*.toml"))], policy)


def consent(kind: str = "express", **more: Any) -> dict:
    """A consent with everything a law may ask of it."""
    proof = {"source": "web_form", "wording_version": "2026-1", "proof_ref": "form 7"}
    flags = dict.fromkeys(("similar_products", "optout_offered", "ongoing_relationship", "relevant_to_role"), True)
    moments = {
        "granted_at": "2026-10-01T10:00:00Z",
        "confirmed_at": "2026-10-01T10:05:00Z",
        "event_at": "2026-10-01T10:00:00Z",
        "ends_at": "2026-10-01T10:00:00Z",
    }
    everywhere = {"channels": ["email", "sms", "whatsapp", "voice"], "categories": ["*"]}
    return {"kind": kind, **everywhere, **proof, **flags, **moments, **more}


def case(country: str | None = "US", channel: str = "email", class_: str = "marketing", **more: Any) -> dict:
    """A message that a venue in Brazil, whose law does not follow it abroad, may send: Tuesday at noon in New York."""
    recipient: dict[str, Any] = {
        "country": country,
        "email": "ana@example.org",
        "timezone": ZONE.get(country or "", "UTC"),
    }
    if channel != "email" and country in PHONE:
        recipient["phone"] = PHONE[country]
    given = {
        "now": "2026-11-24T16:00:00Z",
        "venue": {"country": "BR", "timezone": "America/Sao_Paulo"},
        "recipient": recipient,
        "message": {"channel": channel, "class": class_, "category": "offers", "features": dict(COMPLETE)},
        "consents": [consent()],
    }
    return but(given, **more)


def but(given: dict, **changes: Any) -> dict:
    """The same case with some facts changed: `features__unsubscribe=False`, `recipient__age=12`, `now="…"`."""
    given = deepcopy(given)
    for path, value in changes.items():
        table, _, key = path.rpartition("__")
        place = given["message"]["features"] if table == "features" else given.setdefault(table, {}) if table else given
        place[key] = value
    return given


def judge(given: dict, **policy: Any) -> Result:
    return book(**policy).judge(msgspec.json.decode(msgspec.json.encode(given), type=Given))


def expect(rule: str, stops: dict, passes: dict, decision: str = "deny", **policy: Any) -> None:
    """`rule` stops one and has nothing to say about the other, which may go."""
    stopped, passed = judge(stops, **policy), judge(passes, **policy)
    assert (stopped.decision, rule in stopped.reasons) == (decision, True), stopped
    assert passed.decision == "allow" and not passed.reasons, passed
    assert (stopped.defer_until is None) == (decision == "deny")


US_MAIL, US_TEXT = case("US"), case("US", "sms", consents=[consent("express_written")])
DE_MAIL, FR_TEXT = case("DE"), case("FR", "sms")
CA_MAIL, UK_MAIL, AU_MAIL, XX_MAIL = case("CA"), case("GB"), case("AU"), case("MX")
SOFT, NONE = [consent("soft_opt_in")], {"consents": []}

DENIED = {
    # consent
    "US-TCPA-1": [
        (US_TEXT, {"consents": [consent()]}),
        (US_TEXT, {"consents": [consent("express_written", condition_of_purchase=True)]}),
    ],
    "US-TCPA-2": [(case("US", "sms", "transactional", consents=[consent("provided_number")]), {"consents": SOFT})],
    "EU-EPRIV-1": [(DE_MAIL, NONE), (DE_MAIL, {"consents": [consent("implied_purchase")]})],
    "EU-EPRIV-2": [(case("DE", consents=SOFT), {"consents": [consent("soft_opt_in", optout_offered=False)]})],
    "EU-GDPR-1": [(case("US", venue__country="DE"), NONE)],
    "EU-GDPR-2": [
        (DE_MAIL, {"consents": [consent(preticked=True)]}),
        (DE_MAIL, {"consents": [consent(condition_of_purchase=True)]}),
    ],
    "EU-DE-1": [
        (DE_MAIL, {"consents": [consent(confirmed_at=None)]}),
        (DE_MAIL, {"consents": [consent("express_written", confirmed_at=None)]}),
    ],
    "EU-IE-1": [(case("IE", consents=SOFT), {"consents": [consent("soft_opt_in", event_at="2025-11-23T10:00:00Z")]})],
    "EU-IT-1": [(case("IT", consents=SOFT), {"message__channel": "sms", "recipient__phone": PHONE["IT"]})],
    "CA-CASL-1": [(CA_MAIL, NONE), (CA_MAIL, {"consents": [consent("legitimate_interest")]})],
    "CA-CASL-2": [
        (
            case("CA", consents=[consent("implied_purchase")]),
            {"consents": [consent("implied_purchase", event_at="2024-11-23T10:00:00Z")]},
        )
    ],
    "CA-CASL-3": [
        (
            case("CA", consents=[consent("implied_inquiry")]),
            {"consents": [consent("implied_inquiry", event_at="2026-05-23T10:00:00Z")]},
        )
    ],
    "CA-CASL-4": [
        (case("CA", consents=[consent("implied_contract")]), {"consents": [consent("implied_contract", ends_at=None)]})
    ],
    "CA-CASL-5": [
        (
            case("CA", consents=[consent("implied_published")]),
            {"consents": [consent("implied_published", relevant_to_role=False)]},
        )
    ],
    "CA-UTR-2": [(case("CA", "voice"), {"consents": SOFT})],
    "UK-PECR-1": [
        (UK_MAIL, NONE),
        (case("GB", "sms"), NONE),
        (case("GB", **NONE, recipient__subscriber_type="corporate"), {"recipient__subscriber_type": "individual"}),
    ],
    "UK-PECR-2": [(case("GB", consents=SOFT), {"consents": [consent("soft_opt_in", similar_products=None)]})],
    "UK-PECR-6": [(case("GB", "voice"), {"consents": SOFT})],
    "UK-GDPR-1": [(case("US", venue__country="GB"), NONE)],
    "UK-GDPR-2": [(UK_MAIL, {"consents": [consent(preticked=True)]})],
    "AU-SPAM-1": [
        (case("AU", consents=[consent("inferred")]), {"consents": [consent("inferred", ongoing_relationship=False)]}),
        (AU_MAIL, {"consents": [consent("implied_purchase")]}),
    ],
    "NZ-UEM-1": [(case("NZ", consents=[consent("inferred")]), NONE)],
    "CH-UWG-1": [(case("CH", consents=SOFT), {"consents": [consent("soft_opt_in", similar_products=False)]})],
    "ZA-1": [(case("ZA", consents=SOFT), {"consents": [consent("inferred")]})],
    "JP-1": [(case("JP", consents=[consent("implied_contract")]), NONE)],
    "CORE-JUR-6": [
        (XX_MAIL, {"consents": SOFT}),
        (XX_MAIL, {"features__contact_point": False}),
        (case("BR"), NONE),
        (case("SG"), NONE),
    ],
    # what must be in it, and what must not
    "US-CANSPAM-2": [
        (US_MAIL, {"features__header_forged": True}),
        (US_MAIL, {"features__subject_misleading": True}),
        (case("US", class_="legal"), {"features__header_forged": True}),
    ],
    "US-CANSPAM-3": [
        (US_MAIL, {"features__unsubscribe": False}),
        (US_MAIL, {"features__unsubscribe_valid_days": 29}),
        (US_MAIL, {"features__unsubscribe_valid_days": None}),
    ],
    "US-CANSPAM-5": [(US_MAIL, {"features__postal_address": None})],
    "US-CANSPAM-5a": [
        (case("US", **NONE), {"features__ad_label": False}),
        (US_MAIL, {"features__ad_label": False, "consents": SOFT}),
    ],
    "US-CANSPAM-6": [
        (US_MAIL, {"features__unsubscribe_steps": "login"}),
        (US_MAIL, {"features__unsubscribe_steps": "form"}),
    ],
    "US-TCPA-8": [(US_TEXT, {"features__sender_identity": False})],
    "US-TCPA-9": [(US_TEXT, {"recipient__dnc_listed": True, "consents": [consent()]})],
    "EU-EPRIV-3": [(DE_MAIL, {"features__sender_identity": False}), (DE_MAIL, {"features__unsubscribe": None})],
    "CA-CASL-6": [
        (CA_MAIL, {"features__contact_point": False}),
        (case("CA", class_="transactional"), {"features__postal_address": False}),
    ],
    "CA-CASL-7": [
        (CA_MAIL, {"features__unsubscribe_valid_days": 59}),
        (case("CA", class_="transactional"), {"features__unsubscribe": False}),
    ],
    "UK-PECR-4": [(UK_MAIL, {"features__unsubscribe": False})],
    "AU-SPAM-2": [
        (AU_MAIL, {"features__contact_point": False}),
        (case("AU", class_="transactional"), {"features__sender_identity": False}),
    ],
    "AU-SPAM-3": [(AU_MAIL, {"features__unsubscribe_valid_days": 29})],
    "NZ-UEM-2": [(case("NZ"), {"features__unsubscribe_steps": "login"})],
    # channels
    "CTIA-1": [(US_TEXT, {"features__unsubscribe": False})],
    "DLV-1": [(US_MAIL, {"channel_state__dmarc_aligned": False})],
    "DLV-2": [(US_MAIL, {"features__list_unsubscribe_post": False})],
    "DLV-3": [(US_MAIL, {"channel_state__complaint_rate": 0.003})],
    # the person
    "CORE-SUP-9": [
        (US_MAIL, {"recipient__status": "erased"}),
        (US_MAIL, {"recipient__status": "restricted"}),
        (case("US", class_="legal"), {"recipient__status": "erased"}),
    ],
    "CORE-MIN-1": [(case("US", recipient__age=18), {"recipient__age": 17})],
}


@pytest.mark.parametrize(
    ("rule", "passes", "change"), [(rule, *pair) for rule, pairs in DENIED.items() for pair in pairs]
)
def test_a_rule_denies_what_it_is_about(rule: str, passes: dict, change: dict):
    """Without its fact the message may go; with it the rule is among the reasons."""
    expect(rule, but(passes, **change), passes)


def text(country: str, region: str | None = None, zone: str | None = None, **more: Any) -> dict:
    given = case(country, "sms", consents=[consent("express_written")], **more)
    return but(given, recipient__region=region, recipient__timezone=zone or ZONE.get(country, "UTC"))


DEFERRED = {
    "US-TCPA-3": [(text("US"), "2026-11-25T02:00:00Z", "2026-11-25T13:00:00Z")],
    "US-FL-1": [(text("US", "FL"), "2026-11-25T01:00:00Z", "2026-11-25T13:00:00Z")],
    "US-OK-1": [(text("US", "OK", "America/Chicago"), "2026-11-25T02:00:00Z", "2026-11-25T14:00:00Z")],
    "US-TX-1": [(text("US", "TX", "America/Chicago"), "2026-11-29T17:00:00Z", "2026-11-29T18:00:00Z")],
    "US-WA-1": [(text("US", "WA", "America/Los_Angeles"), "2026-11-25T04:00:00Z", "2026-11-25T16:00:00Z")],
    "EU-FR-1": [
        (FR_TEXT, "2026-11-28T19:00:00Z", "2026-11-30T07:00:00Z"),
        (FR_TEXT, "2026-11-11T12:00:00Z", "2026-11-12T07:00:00Z"),
    ],
    "EU-FR-2": [
        (case("FR", "voice"), "2026-11-24T12:30:00Z", "2026-11-24T13:00:00Z"),
        (case("FR", "voice"), "2026-11-27T19:00:00Z", "2026-11-30T09:00:00Z"),
    ],
    "CA-UTR-1": [(case("CA", "voice"), "2026-11-28T14:00:00Z", "2026-11-28T15:00:00Z")],
    "AU-TEL-1": [(case("AU", "voice", now="2026-11-24T01:00:00Z"), "2026-11-29T01:00:00Z", "2026-11-29T22:00:00Z")],
    "IN-1": [(case("IN", "sms", now="2026-11-24T10:00:00Z"), "2026-11-24T04:00:00Z", "2026-11-24T04:30:00Z")],
    "CORE-JUR-6": [(case("MX", "sms"), "2026-11-24T20:00:00Z", "2026-11-25T09:00:00Z")],
    "CORE-TIM-6": [(case("DE", "sms"), "2026-11-24T21:00:00Z", "2026-11-25T08:00:00Z")],
}


@pytest.mark.parametrize(
    ("rule", "open_", "closed", "until"), [(rule, *row) for rule, rows in DEFERRED.items() for row in rows]
)
def test_hours_defer_to_the_first_open_minute(rule: str, open_: dict, closed: str, until: str):
    """At a closed hour the message waits, to the minute at which it may go; there it does go."""
    expect(rule, but(open_, now=closed), open_, "defer")
    assert rfc3339(judge(but(open_, now=closed)).defer_until) == until
    assert judge(but(open_, now=until)).decision == "allow"


@pytest.mark.parametrize(("region", "rule"), [("FL", "US-FL-2"), ("OK", "US-OK-2")])
def test_a_fourth_text_on_a_subject_waits_a_day(region: str, rule: str):
    """Three texts on one subject within 24 hours are enough; other subjects, channels and classes do not count."""
    sent = [
        {"channel": "sms", "class": "marketing", "category": "offers", "sent_at": f"2026-11-24T{hour}:00:00Z"}
        for hour in (13, 14, 15)
    ]
    given = text("US", region, "America/New_York")
    expect(rule, but(given, history=sent), but(given, history=sent[1:]), "defer")
    assert rfc3339(judge(but(given, history=sent)).defer_until) == "2026-11-25T13:00:00Z"
    for other in ({"category": "rsvp"}, {"channel": "email"}, {"class": "transactional"}):
        expect(rule, but(given, history=sent), but(given, history=[*sent[1:], sent[0] | other]), "defer")


def test_a_fifth_call_to_france_waits_thirty_days():
    """Four advertising calls in thirty days are enough, whatever they were about."""
    calls = [
        {"channel": "voice", "class": "marketing", "category": f"c{day}", "sent_at": f"2026-11-{day}T10:00:00Z"}
        for day in (10, 12, 13, 16)
    ]
    given = case("FR", "voice")
    expect("EU-FR-3", but(given, history=calls), but(given, history=calls[1:]), "defer")
    assert rfc3339(judge(but(given, history=calls)).defer_until) == "2026-12-10T10:00:00Z"


EVERYWHERE = {"core.toml", "channels.toml", "rights.toml"}


def test_every_rule_that_can_stop_a_message_is_tried():
    """A rule of the packs that says no has its row above, or is one of those that only say by when, or yes."""
    tried = {*DENIED, *DEFERRED, "US-FL-2", "US-OK-2", "EU-FR-3"}
    not_about_messages = {
        "US-CANSPAM-1",
        "US-CANSPAM-4",
        "US-TCPA-4",
        "US-FL-3",
        "US-TCPA-5",
        "US-TCPA-6",
        "US-TCPA-7",
        "US-TCPA-11",
        "CA-CASL-10",
        "EU-DE-2",
        "UK-PECR-3",
        "EU-GDPR-3",
        "CA-CASL-8",
        "CA-CASL-9",
        "UK-PECR-5",
        "AU-SPAM-4",
        "BR-1",
        "SG-1",
    }
    of_the_packs = {rule for rule in book().rules if book().rule(rule)["pack"] not in EVERYWHERE}
    assert of_the_packs - tried == not_about_messages


def test_the_house_may_do_without_one_click():
    """One-click unsubscribe is what mailbox providers ask for and no law: the house may leave it out."""
    lacking = but(US_MAIL, features__list_unsubscribe_post=False)
    assert judge(lacking).reasons == ("DLV-2",)
    assert judge(lacking, one_click=False).decision == "allow"
    assert judge(but(lacking, policy={"one_click": False})).decision == "allow"
