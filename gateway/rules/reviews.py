"""Rules as code: what a plugin's `review` may answer, and what becomes of one that fails. They can only tighten."""

from collections.abc import Collection, Iterable

from msgspec import Struct

from gateway.rules.findings import Findings
from gateway.rules.given import Given, Result
from gateway.rules.pack import Review

BROKEN = "CORE-ERR-1"
"""The rule by which a message is denied because a rule did not work."""


class Deny(Struct, frozen=True):
    """Not at all, by this rule."""

    rule: str


class Defer(Struct, frozen=True):
    """Not before `until` (milliseconds since 1970 UTC), by this rule."""

    rule: str
    until: int


class Warn(Struct, frozen=True):
    """It may go, but somebody should know of this rule."""

    rule: str


def judge_reviews(
    reviews: Iterable[Review], given: Given, so_far: Result, rules: Collection[str], findings: Findings
) -> None:
    """Ask the rules that are code. One that raises, or answers what it may not, denies."""
    for review in reviews:
        try:
            for word in review(given, so_far):
                _take(word, rules, findings)
        except Exception:  # noqa: BLE001 whatever a stranger's rule does, it must not let a message go
            findings.deny(BROKEN)


def _take(word: object, rules: Collection[str], findings: Findings) -> None:
    match word:
        case Deny(rule) if rule in rules:
            findings.deny(rule)
        case Defer(rule, until) if rule in rules and type(until) is int:
            if until > findings.now:
                findings.defer(rule, until)
        case Warn(rule) if rule in rules:
            findings.warn(rule)
        case _:
            raise TypeError
