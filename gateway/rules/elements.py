"""What must be in a message, and what must not be true of it."""

from collections.abc import Iterable

from gateway.rules.entries import Ban, Element
from gateway.rules.findings import Findings
from gateway.rules.given import Consent, Features

EASY = frozenset({"one_click", "one_page", "reply"})


def judge_bans(bans: Iterable[Ban], features: Features, findings: Findings) -> None:
    """Deny what is forged or misleading."""
    for ban in bans:
        if any(getattr(features, feature) for feature in ban.features):
            findings.deny(ban.rule)


def judge_elements(
    elements: Iterable[Element], features: Features, channel: str, counting: Iterable[Consent], findings: Findings
) -> None:
    """Require what these entries ask for, and deny by each whose part is missing."""
    kinds = {consent.kind for consent in counting}
    for entry in elements:
        if not kinds.isdisjoint(entry.unless_consent):
            continue
        findings.required |= dict.fromkeys(entry.require)
        if not all(has(features, part) for part in entry.require) or _link_too_short(entry, features, channel):
            findings.deny(entry.rule)


def has(features: Features, part: str) -> bool:
    """Whether a message has a part. Unknown is no."""
    if part == "unsubscribe_easy":
        return features.unsubscribe_steps in EASY
    return getattr(features, part) is True


def _link_too_short(entry: Element, features: Features, channel: str) -> bool:
    if entry.min_link_days is None or channel != "email":
        return False
    return features.unsubscribe_valid_days is None or features.unsubscribe_valid_days < entry.min_link_days
