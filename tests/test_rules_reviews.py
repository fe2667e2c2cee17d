"""Rules as code: they may make a judgement stricter, and when they do not work nothing goes."""

import pytest

from gateway.rules import Defer, Deny, Given, Pack, Result, Rulebook, Warn
from tests.rules_cases import NOW, at, case, consent, packs, suppression

WORDS = """
schema = 1
version = "2026-11-25"
[rules.HOUSE-1]
text = "The guest is on honeymoon."
citation = "House policy"
"""
LATER = at("2026-11-24T20:00:00Z")


def book(review) -> Rulebook:
    """The shipped rulebook and a plugin with one rule as code."""
    return Rulebook([*packs(), Pack.from_toml(WORDS, "house.toml", review)])


def test_a_rule_as_code_may_deny_defer_and_warn():
    """And say nothing."""
    assert book(lambda given, so_far: []).judge(case()).decision == "allow"
    denied = book(lambda given, so_far: [Deny("HOUSE-1")]).judge(case())
    assert (denied.decision, denied.reasons) == ("deny", ("HOUSE-1",))
    deferred = book(lambda given, so_far: [Defer("HOUSE-1", LATER)]).judge(case())
    assert (deferred.decision, deferred.defer_until, deferred.reasons) == ("defer", LATER, ("HOUSE-1",))
    warned = book(lambda given, so_far: [Warn("HOUSE-1")]).judge(case())
    assert (warned.decision, warned.warnings) == ("allow", ("HOUSE-1",))


def test_a_deferral_to_the_past_is_none():
    """What it asks for is already so."""
    result = book(lambda given, so_far: [Defer("HOUSE-1", NOW)]).judge(case())
    assert (result.decision, result.reasons) == ("allow", ())


def test_it_is_shown_what_was_found_so_far():
    """Facts and result, to build on; it cannot take a denial back."""
    seen: list[Result] = []

    def review(given: Given, so_far: Result) -> list:
        seen.append(so_far)
        return []

    result = book(review).judge(case(suppressions=[suppression()]))
    assert result.decision == "deny" and seen[0].reasons == ("CORE-SUP-1",)


def test_the_hours_of_the_law_push_a_deferral_on():
    """A text deferred into the night waits for the morning."""
    night = at("2026-11-25T05:00:00Z")
    guest = {"country": "US", "timezone": "America/New_York"}
    given = case("sms", who=guest, consents=[consent(kind="express_written")])
    result = book(lambda given, so_far: [Defer("HOUSE-1", night)]).judge(given)
    assert result.reasons == ("HOUSE-1", "US-TCPA-3") and result.defer_until == at("2026-11-25T13:00:00Z")


def raises(given: Given, so_far: Result) -> list:
    raise KeyError(given.recipient.email)


@pytest.mark.parametrize(
    "review",
    [
        raises,
        lambda given, so_far: None,
        lambda given, so_far: ["HOUSE-1"],
        lambda given, so_far: [Deny("HOUSE-2")],
        lambda given, so_far: [Defer("HOUSE-1", 1.5)],
        lambda given, so_far: [Warn("HOUSE-2")],
        lambda given: [],
    ],
)
def test_a_rule_that_does_not_work_denies(review):
    """By a rule of its own; emergencies and notices do not depend on it."""
    result = book(review).judge(case())
    assert (result.decision, result.reasons) == ("deny", ("CORE-ERR-1",))
    assert book(review).judge(case("sms", "emergency", message={"approved_by": "ana"})).decision == "allow"
    assert book(review).judge(case("email", "legal")).decision == "allow"


def test_the_version_tells_of_the_plugin():
    """Another set of packs is another version, dated by its newest."""
    version = book(lambda given, so_far: []).version
    assert version.startswith("2026-11-25+") and version != Rulebook(packs()).version
    assert Rulebook(list(reversed(packs()))).version == Rulebook(packs()).version
