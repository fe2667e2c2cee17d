"""What a message counts as (CORE-CLS): what its sender calls it, unless what is in it says otherwise."""

from collections.abc import Mapping
from typing import Any, NamedTuple

CLASSES = frozenset({"marketing", "transactional", "informational", "emergency", "legal", "optout_confirmation"})
SOLICITABLE = frozenset({"transactional", "informational"})
EXEMPT = frozenset({"emergency", "legal"})
"""Classes that only a dead address, an erased guest or a lie can stop."""


class Claim(NamedTuple):
    """What a message says of itself, as far as its class depends on it."""

    class_: str | None
    promotion: bool
    promotion_leads: bool
    approved: bool
    asks: bool = False


def start(claim: Claim) -> tuple[str, tuple[str, ...]]:
    """The class every pack starts from, and the rules that made it another than the claimed one."""
    class_, promotion, approved = claim.class_, claim.promotion, claim.approved
    if class_ not in CLASSES:
        return "marketing", ("CORE-CLS-1",)
    if class_ == "emergency" and (promotion or not approved):
        return "marketing" if promotion else "transactional", ("CORE-CLS-3",)
    if class_ == "legal" and promotion:
        return "marketing", ("CORE-CLS-4",)
    return class_, ()


def within(class_: str, claim: Claim, mixed: Mapping[Any, str], channel: str, asking: bool) -> str:
    """The class in one pack: its law may see an advertisement in a booking message (CORE-CLS-2), or, where `asking`
    is one, in a message that asks for consent."""
    if class_ in SOLICITABLE and claim.asks and asking:
        return "marketing"
    if class_ not in SOLICITABLE or not claim.promotion:
        return class_
    by_purpose = mixed.get(channel, mixed.get("default")) == "primary_purpose"
    return class_ if by_purpose and not claim.promotion_leads else "marketing"
