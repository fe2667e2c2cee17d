"""Who must not be written to, and what lifts a stop."""

import msgspec
import pytest

from gateway.rules import Suppression
from tests.rules_cases import NOW, at, consent, judge, sent, suppression

LATER = at("2026-11-01T12:00:00Z")


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({}, "CORE-SUP-1"),
        ({"scope": "channel", "channels": ["email"]}, "CORE-SUP-2"),
        ({"scope": "channel"}, "CORE-SUP-2"),
        ({"scope": "category", "categories": ["offers"]}, "CORE-SUP-3"),
        ({"scope": "category"}, "CORE-SUP-3"),
        ({"scope": "channel_category", "channels": ["email"], "categories": ["offers"]}, "CORE-SUP-3"),
        ({"classes": None}, "CORE-SUP-1"),
        ({"created_at": None}, "CORE-SUP-1"),
        ({"lifted_at": NOW + 1}, "CORE-SUP-1"),
        ({"source": "hard_bounce"}, "CORE-SUP-4"),
    ],
)
def test_a_stop_that_is_about_this_message_denies(entry: dict, rule: str):
    """By its scope's rule; what it leaves open is about everything."""
    assert judge().decision == "allow"
    result = judge(suppressions=[suppression(**entry)])
    assert (result.decision, result.reasons, result.defer_until) == ("deny", (rule,), None)


@pytest.mark.parametrize(
    "entry",
    [
        {"scope": "channel", "channels": ["sms"]},
        {"scope": "category", "categories": ["breakfast"]},
        {"scope": "channel_category", "channels": ["sms"], "categories": ["offers"]},
        {"scope": "channel_category", "channels": ["email"], "categories": ["breakfast"]},
        {"classes": ["transactional"]},
        {"lifted_at": NOW},
        {"source": "hard_bounce", "scope": "channel", "channels": ["sms"]},
    ],
)
def test_a_stop_about_something_else_does_not(entry: dict):
    """Another channel, subject or class, or one that staff have lifted."""
    assert judge(suppressions=[suppression(**entry)]).decision == "allow"


def test_a_message_without_a_subject_is_about_any():
    """What is not known never widens what is allowed."""
    entry = suppression(scope="category", categories=["breakfast"])
    assert judge(suppressions=[entry], message={"category": None}).reasons == ("CORE-SUP-3",)


def test_saying_no_to_advertisements_leaves_the_booking():
    """A stop for marketing lets a booking message through; one that names its class does not."""
    assert judge("email", "transactional", suppressions=[suppression()]).decision == "allow"
    wider = suppression(classes=["marketing", "transactional"])
    assert judge("email", "transactional", suppressions=[wider]).reasons == ("CORE-SUP-1",)


def test_a_booking_message_that_sells_is_stopped_too():
    """Where one law sees an advertisement, a stop for advertisements holds."""
    promotion = {"contains_promotion": True, "transactional_first": True}
    us, ca = {"country": "US"}, {"country": "CA"}
    stop = [suppression()]
    assert judge("email", "transactional", features=promotion, who=us, suppressions=stop).decision == "allow"
    result = judge("email", "transactional", features=promotion, who=ca, suppressions=stop, consents=[consent()])
    assert "CORE-SUP-1" in result.reasons


# -- yes after no -----------------------------------------------------------------------------------------------------


def test_a_later_express_consent_lifts_a_stop():
    """Given by the person, with proof, strictly later."""
    assert judge(suppressions=[suppression()], consents=[consent(granted_at=LATER)]).decision == "allow"
    same = consent(granted_at=suppression().created_at)
    assert judge(suppressions=[suppression()], consents=[same]).reasons == ("CORE-SUP-1",)


@pytest.mark.parametrize("source", ["web_form", "inbound_keyword", "paper_signed", "voice_recording", "double_opt_in"])
def test_these_ways_are_the_person_s_own(source: str):
    """Each of them lifts."""
    assert judge(suppressions=[suppression()], consents=[consent(granted_at=LATER, source=source)]).decision == "allow"


@pytest.mark.parametrize(
    "facts",
    [
        {"source": "import"}, {"source": "admin"}, {"source": "api"}, {"kind": "implied_purchase", "event_at": LATER},
        {"kind": "inferred"}, {"kind": "soft_opt_in"}, {"kind": "provided_number"}, {"proof_ref": None},
        {"withdrawn_at": LATER}, {"expires_at": NOW}, {"channels": ["sms"]}, {"categories": ["breakfast"]},
        {"preticked": True}, {"granted_at": None}, {"granted_at": NOW + 1},
    ],
)  # fmt: skip
def test_nothing_less_lifts_a_stop(facts: dict):
    """Staff, an import, a purchase or half a proof do not undo what the person said."""
    result = judge(suppressions=[suppression()], consents=[consent(**({"granted_at": LATER} | facts))])
    assert result.decision == "deny" and "CORE-SUP-1" in result.reasons


@pytest.mark.parametrize(
    "entry", [{"permanent": True}, {"source": "complaint"}, {"source": "hard_bounce"}, {"source": "invalid_address"}]
)
def test_some_stops_no_consent_lifts(entry: dict):
    """A complaint, a dead address and a permanent entry need more than a click."""
    assert judge(suppressions=[suppression(**entry)], consents=[consent(granted_at=LATER)]).decision == "deny"


# -- what is urgent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("class_", "message"), [("emergency", {"approved_by": "ana"}), ("legal", {})])
def test_emergencies_and_notices_are_stopped_by_little(class_: str, message: dict):
    """By a dead address and by an erased guest, not by a stop, the hour or a missing consent."""
    night = {"now": at("2026-11-24T08:00:00Z"), "who": {"country": "US", "dnc_listed": True, "status": "restricted"}}
    everything = suppression(classes=["marketing", "transactional", class_])
    assert judge("sms", class_, message=message, suppressions=[everything], **night).decision == "allow"
    dead = suppression(source="invalid_address")
    assert judge("sms", class_, message=message, suppressions=[dead]).reasons == ("CORE-SUP-4",)
    assert judge("sms", class_, message=message, who={"status": "erased"}).reasons == ("CORE-SUP-9",)


@pytest.mark.parametrize(
    ("status", "class_", "decision"),
    [
        ("active", "transactional", "allow"),
        (None, "transactional", "allow"),
        ("restricted", "transactional", "deny"),
        ("erasure_pending", "transactional", "deny"),
        ("erased", "transactional", "deny"),
        ("erasure_pending", "legal", "allow"),
        ("erased", "legal", "deny"),
        ("no-such-status", "transactional", "deny"),
    ],
)
def test_a_guest_who_asked_to_be_left_alone_is(status: str | None, class_: str, decision: str):
    """Restricted and half erased guests get only what the law wants them to get; erased ones nothing."""
    assert judge("email", class_, who={"country": "US", "status": status}).decision == decision


# -- one confirmation -------------------------------------------------------------------------------------------------

STOPPED = suppression(created_at=NOW - 60_000, classes=["marketing", "transactional", "informational"])


def confirm(*, stop=STOPPED, answers: str | None = "sup_1", **facts):
    """A confirmation of a stop, at night."""
    return judge(
        "sms", "optout_confirmation", suppressions=[stop], message={"in_reply_to_suppression": answers}, **facts
    )


def test_a_stop_is_confirmed_once_at_any_hour():
    """Within five minutes and though the person has just said stop."""
    result = confirm()
    assert (result.decision, result.basis) == ("allow", ("CORE-OPT-5",))


@pytest.mark.parametrize(("age", "decision"), [(0, "allow"), (300_000, "allow"), (300_001, "deny"), (-1, "deny")])
def test_a_confirmation_comes_within_five_minutes(age: int, decision: str):
    """To the second, and not before the stop."""
    assert confirm(stop=suppression(created_at=NOW - age)).decision == decision


@pytest.mark.parametrize(
    "facts",
    [
        {"answers": None},
        {"answers": "sup_2"},
        {"features": {"contains_promotion": True}},
        {"history": [sent("2026-11-24T17:59:30Z", class_="optout_confirmation", in_reply_to_suppression="sup_1")]},
        {"stop": suppression(created_at=None)},
        {"who": {"country": "US", "status": "erased"}},
    ],
)
def test_nothing_else_passes_as_a_confirmation(facts: dict):
    """Not to nobody's stop, not with an offer, not twice."""
    assert confirm(**facts).decision == "deny"


def test_the_confirmation_of_another_stop_is_another():
    """A second stop may be confirmed although the first one was."""
    before = sent("2026-11-24T17:00:00Z", class_="optout_confirmation", in_reply_to_suppression="sup_0")
    assert confirm(history=[before]).decision == "allow"


def test_a_new_yes_is_named_as_what_undid_the_stop():
    """CORE-SUP-5 permits; CORE-SUP-6 warns of a later consent that does not undo anything."""
    later = {"granted_at": at("2026-11-01T12:00:00Z")}
    again = judge(consents=[consent(**later)], suppressions=[suppression()])
    assert (again.decision, "CORE-SUP-5" in again.basis) == ("allow", True)
    bought = consent(kind="implied_purchase", event_at=at("2026-11-01T12:00:00Z"), **later)
    by_purchase = judge(consents=[bought], suppressions=[suppression()])
    assert (by_purchase.reasons, by_purchase.warnings) == (("CORE-SUP-1",), ("CORE-SUP-6",))
    before = judge(consents=[consent()], suppressions=[suppression()])
    assert (before.reasons, before.warnings) == (("CORE-SUP-1",), ())


def test_a_stop_that_does_not_say_about_what_is_about_everything():
    """What is not known never widens what is allowed."""
    bare = msgspec.json.decode(b'{"created_at": null, "channels": ["sms"]}', type=Suppression)
    assert judge(suppressions=[bare]).reasons == ("CORE-SUP-1",)
    assert judge("email", "transactional", suppressions=[bare]).reasons == ("CORE-SUP-1",)
