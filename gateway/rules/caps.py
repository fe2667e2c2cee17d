"""How many messages in how many hours."""

from collections.abc import Iterable, Sequence

from gateway.rules.classify import CLASSES
from gateway.rules.entries import Cap
from gateway.rules.findings import Findings
from gateway.rules.given import History
from gateway.rules.windows import HOUR


def judge_caps(
    caps: Iterable[Cap], history: Sequence[History], category: str | None, now: int, findings: Findings
) -> None:
    """Defer until enough of what went out lies far enough back."""
    for cap in caps:
        length = cap.hours * HOUR
        moments = (now if one.sent_at is None else one.sent_at for one in history if _counts(cap, one, category))
        sent = sorted(at for at in moments if at > now - length)
        if len(sent) >= cap.max:
            findings.defer(cap.rule, sent[len(sent) - cap.max] + length)


def _counts(cap: Cap, sent: History, category: str | None) -> bool:
    """Of the cap's channels and classes, on the same subject where the cap asks for it. What is not known counts."""
    if sent.channel is not None and sent.channel not in cap.channels:
        return False
    if sent.class_ in CLASSES and sent.class_ not in cap.classes:
        return False
    return cap.same is None or category is None or sent.category in (None, category)
