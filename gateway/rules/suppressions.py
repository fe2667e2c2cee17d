"""Who must not be written to (CORE-SUP), and the one message that answers an opt-out (CORE-OPT-5)."""

from collections.abc import Sequence

from gateway.rules.classify import EXEMPT
from gateway.rules.entries import EXPRESS
from gateway.rules.findings import Findings
from gateway.rules.given import Consent, Given, Suppression
from gateway.rules.plan import Plan
from gateway.rules.policy import Policy

DEAD_ADDRESS = frozenset({"hard_bounce", "invalid_address"})
FOR_GOOD = DEAD_ADDRESS | {"complaint"}
REVIEW, IN_REVIEW = "reply_review", "CORE-OPT-3"
"""The source of an entry that stands while a person reads what a guest meant, and the rule by which it does: it denies
nothing, but what it is about is held as long."""
BY_THE_PERSON = frozenset({"web_form", "inbound_keyword", "paper_signed", "voice_recording", "double_opt_in"})
RULE_OF_SCOPE = {"global": "CORE-SUP-1", "channel": "CORE-SUP-2"}
BY_CONSENT = ("marketing", "transactional", "informational")
"""What a suppression is about that does not say: everything a guest can say no to."""


def judge_status(given: Given, plan: Plan, findings: Findings) -> None:
    """Nobody erased is written to, and those who are restricted only by what the law wants them to get."""
    status = given.recipient.status
    if status in (None, "active"):
        return
    if status == "erased" or not plan.exempt:
        findings.deny("CORE-SUP-9")


def judge_suppressions(given: Given, plan: Plan, standing: Sequence[Consent], findings: Findings) -> None:
    """Deny by every entry in force that is about this message and that no later word of the person has lifted."""
    denied = set()
    for entry in given.suppressions or ():
        if entry.lifted_at is not None and entry.lifted_at <= given.now:
            continue
        if entry.source in DEAD_ADDRESS and _about_channel(entry, plan.channel):
            denied.add("CORE-SUP-4")
        elif _about(entry, given.message.category, plan) and not _lifted(entry, standing, findings):
            if entry.source == REVIEW:
                findings.warn(IN_REVIEW)
            else:
                denied.add(RULE_OF_SCOPE.get(entry.scope or "global", "CORE-SUP-3"))
    for rule in sorted(denied):
        findings.deny(rule)


def _lifted(entry: Suppression, standing: Sequence[Consent], findings: Findings) -> bool:
    """Whether the person has said yes since (CORE-SUP-5); what else came since is told (CORE-SUP-6). `standing` cover
    the message."""
    since = entry.created_at
    later = [one for one in standing if since is not None and one.granted_at is not None and one.granted_at > since]
    if not (entry.permanent or entry.source in FOR_GOOD) and any(_said_by_the_person(one) for one in later):
        findings.permit("CORE-SUP-5")
        return True
    if later:
        findings.warn("CORE-SUP-6")
    return False


def _about(entry: Suppression, category: str | None, plan: Plan) -> bool:
    if plan.class_ in EXEMPT or plan.classes.isdisjoint(entry.classes or BY_CONSENT):
        return False
    by_channel = entry.scope in (None, "global", "category") or _about_channel(entry, plan.channel)
    by_category = entry.scope in (None, "global", "channel") or _about_category(entry, category)
    return by_channel and by_category


def _about_channel(entry: Suppression, channel: str) -> bool:
    return entry.scope in (None, "global") or not entry.channels or channel in entry.channels


def _about_category(entry: Suppression, category: str | None) -> bool:
    return category is None or not entry.categories or category in entry.categories or "*" in entry.categories


def _said_by_the_person(consent: Consent) -> bool:
    """Himself, expressly and with proof; those that stand have it."""
    return consent.kind in EXPRESS and consent.source in BY_THE_PERSON and not consent.preticked


def judge_confirmation(given: Given, policy: Policy, findings: Findings) -> None:
    """One confirmation for each opt-out, at once and without promotion, at any hour."""
    features, answered = given.message.features, given.message.in_reply_to_suppression
    entry = next((entry for entry in given.suppressions or () if entry.id == answered), None) if answered else None
    in_time = (
        entry is not None
        and entry.created_at is not None
        and entry.created_at <= given.now <= entry.created_at + policy.confirmation_seconds * 1000
    )
    said_before = any(
        sent.in_reply_to_suppression == answered
        or (sent.class_ == "optout_confirmation" and sent.in_reply_to_suppression is None)
        for sent in given.history or ()
    )
    if in_time and not said_before and not (features and features.contains_promotion):
        findings.permit("CORE-OPT-5")
    else:
        findings.deny("CORE-OPT-5")
