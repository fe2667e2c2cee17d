"""What the law says about a message: the same object wherever it appears."""

from datetime import datetime

from msgspec import Struct


class Explanation(Struct, frozen=True):
    """A rule in words, and where it stands."""

    rule: str
    text: str
    citation: str


class Judgement(Struct, frozen=True):
    """Whether a message may go, and why.

    `reasons` are the rules that defer or deny it, `basis` what permits it, `required_elements` what the gateway puts
    into it because the law asks for it, `warnings` what does not stop it.
    """

    decision: str
    """`allow`, `defer` or `deny`."""
    defer_until: datetime | None = None
    reasons: list[str] = []
    basis: list[str] = []
    jurisdictions: list[str] = []
    required_elements: list[str] = []
    warnings: list[str] = []
    explanation: list[Explanation] = []
    rules_version: str = ""
