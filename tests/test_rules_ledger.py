"""What a guest's consent ledger comes to, at any time."""

import pytest
from msgspec import json, structs

from gateway.rules import Consent, ConsentEvent, Venue, in_force
from tests.rules_cases import at, judge

DAY = 86_400_000
START = at("2026-06-01T00:00:00Z")
LISBON = {"who": {"country": "NL"}, "venue": Venue(country="NL", timezone="Europe/Amsterdam")}


def event(day: int, action: str = "grant", **facts) -> ConsentEvent:
    """An entry of the ledger, by default a complete express consent to all mail."""
    proof = {"source": "web_form", "wording_version": "2", "proof_ref": "sealed", "granted_at": START + day * DAY}
    said = {"kind": "express", "channels": ["email"], "categories": ["*"]} | (proof if action == "grant" else {})
    return ConsentEvent(action=action, at=START + day * DAY, **(said | facts))


def decision(*events: ConsentEvent, day: int = 100, channel: str = "email", category: str = "offers") -> str:
    """What becomes of an advertisement to this guest."""
    now = START + day * DAY + 12 * 3_600_000
    return judge(channel, **LISBON, now=now, consents=in_force(events, now), message={"category": category}).decision


def test_a_grant_is_in_force_from_its_day_on():
    """And before it there is nothing."""
    assert in_force([event(1)], START) == []
    (consent,) = in_force([event(1)], START + DAY)
    assert isinstance(consent, Consent) and (consent.kind, consent.withdrawn_at) == ("express", None)
    assert decision(event(1)) == "allow"


def test_a_withdrawal_ends_it_and_the_past_stays_as_it_was():
    """State at a time is the state at that time."""
    ledger = [event(1), event(5, "withdraw")]
    assert [consent.withdrawn_at for consent in in_force(ledger, START + 4 * DAY)] == [None]
    assert [consent.withdrawn_at for consent in in_force(ledger, START + 5 * DAY)] == [START + 5 * DAY]
    assert (decision(*ledger, day=4), decision(*ledger, day=5)) == ("allow", "deny")


def test_a_new_grant_after_a_withdrawal_counts():
    """One that was only recorded later, but given before, does not."""
    assert decision(event(1), event(5, "withdraw"), event(6)) == "allow"
    assert decision(event(1), event(5, "withdraw"), event(6, granted_at=START + 2 * DAY)) == "deny"


@pytest.mark.parametrize(
    ("taken", "offers", "breakfast", "text"),
    [
        ({}, "deny", "deny", "allow"),
        ({"categories": ["offers"]}, "deny", "allow", "allow"),
        ({"channels": ["email", "sms"]}, "deny", "deny", "deny"),
        ({"channels": ["sms"], "categories": ["breakfast"]}, "allow", "allow", "allow"),
        ({"kind": "soft_opt_in"}, "deny", "deny", "allow"),
    ],
)
def test_a_withdrawal_takes_what_it_names(taken: dict, offers: str, breakfast: str, text: str):
    """A part of a consent too, of whatever kind it was, and nothing else."""
    ledger = [event(1, channels=["email", "sms"]), event(5, "withdraw", **taken)]
    assert decision(*ledger) == offers
    assert decision(*ledger, category="breakfast") == breakfast
    assert decision(*ledger, channel="sms") == text


def test_a_renewal_keeps_what_it_does_not_say():
    """The proof of the first consent carries on; the day and what is said anew are new."""
    ledger = [event(1, expires_at=START + 50 * DAY), event(40, "renew", expires_at=START + 200 * DAY)]
    _, renewed = in_force(ledger, START + 60 * DAY)
    assert (renewed.proof_ref, renewed.granted_at) == ("sealed", START + 40 * DAY)
    assert renewed.expires_at == START + 200 * DAY
    assert (decision(*ledger), decision(ledger[0])) == ("allow", "deny")


@pytest.mark.parametrize("before", [[], [event(1), event(5, "withdraw")], [event(1, channels=["sms"])]])
def test_a_renewal_of_nothing_has_no_proof_to_keep(before: list[ConsentEvent]):
    """Neither a withdrawn consent nor one about another channel lends it any."""
    assert decision(*before, event(10, "renew")) == "deny"
    assert decision(*before, event(10, "renew", source="web_form", wording_version="3", proof_ref="sealed")) == "allow"


def test_events_count_by_their_time():
    """However they are handed in."""
    ledger = [event(1), event(5, "withdraw")]
    assert in_force(reversed(ledger), START + 9 * DAY) == in_force(ledger, START + 9 * DAY)


def test_an_event_survives_json():
    """As the store keeps it: integers, every member."""
    one = event(1, confirmed_at=START, guardian=True)
    assert json.decode(json.encode(one), type=ConsentEvent) == one
    assert b'"granted_at":%d' % one.granted_at in json.encode(one)


def test_an_event_says_all_that_a_consent_can():
    """No term is lost between ledger and rules."""
    terms = set(Consent.__struct_fields__) - {"id", "withdrawn_at"}
    assert terms == set(ConsentEvent.__struct_fields__) - {"id", "action", "at"}
    (consent,) = in_force([event(1)], START + DAY)
    said = structs.asdict(event(1))
    assert all(getattr(consent, name) == said[name] for name in terms)
