"""Counts what becomes of the recipients of a batch, and says it."""

from collections import Counter

from gateway.clock import rfc3339
from gateway.drafts import Draft
from gateway.orders import Blocking, BulkAnswer, Rejected, Waiting
from gateway.rules import Rulebook

SHOWN = 1000
"""How many rejected recipients an answer names."""


class Tally:
    """`rejected` are those who were left out; the others are added once they were judged."""

    def __init__(self, rejected: list[Rejected], venue_zone: str | None):
        self.rejected, self._venue_zone = rejected, venue_zone or "UTC"
        self.decided: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._waits: Counter[tuple[str, int]] = Counter()

    def add(self, draft: Draft) -> None:
        """One more was judged."""
        judgement, guest = draft.judgement, draft.named.guest
        if judgement.decision == "deny":
            self.decided["deny"] += 1
            self._rules.update(judgement.result.reasons)
        elif draft.waits_for is not None:
            self.decided["defer"] += 1
            zone = (guest.timezone if guest else None) or draft.named.said.timezone or self._venue_zone
            self._waits[zone, draft.due_at] += 1
        else:
            self.decided["allow"] += 1

    def answer(self, rulebook: Rulebook, public: str | None) -> BulkAnswer:
        """What the caller is told; without an id, of a rehearsal."""
        waits = [Waiting(zone, rfc3339(until), how_many) for (zone, until), how_many in sorted(self._waits.items())]
        blocked_by = [
            Blocking(rule, how_many, (rulebook.rule(rule) or {}).get("citation"))
            for rule, how_many in self._rules.most_common()
        ]
        return BulkAnswer(
            accepted=self.decided["allow"] + self.decided["defer"],
            deferred=self.decided["defer"],
            blocked=self.decided["deny"],
            blocked_by=blocked_by,
            rejected_total=len(self.rejected),
            rejected=self.rejected[:SHOWN],
            id=public,
            waits=waits if public is None else None,
        )
