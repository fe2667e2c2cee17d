"""What a hand-over comes to: for its message, for its provider, and for the place it was to go to."""

import contextlib

from gateway import metrics
from gateway.channel import Sent
from gateway.clock import Clock
from gateway.config import Delivery as Timetable
from gateway.delivery.defects import NONSENSE, Defect, Suspects
from gateway.delivery.lanes import Lanes
from gateway.delivery.prepare import Parcel
from gateway.delivery.schedule import next_try
from gateway.delivery.settle import HARD_BOUNCES, Settled, unbegun, waiting
from gateway.errors import PROVIDER_FAULTS, Failure, Stopped
from gateway.letters import Letters
from gateway.logs import Log
from gateway.routing import Provider, Routes
from gateway.store.outbox import HELD, Due
from gateway.vault import KeyDestroyed

PROVIDERS_OWN = PROVIDER_FAULTS | {"throttled", "raised", "hung"}
"""Failures that are not the message's: they pause the provider and cost no attempt."""


class Outcomes:
    """Tells of one provider's hand-overs whose fault it was, and draws the consequences."""

    def __init__(self, provider: Provider, routes: Routes, letters: Letters, lanes: Lanes, timetable: Timetable,
                 log: Log, clock: Clock):  # fmt: skip
        self.provider, self.routes, self.letters, self.lanes = provider, routes, letters, lanes
        self.timetable, self.log, self.clock = timetable, log, clock
        self._suspects = Suspects()

    def of(self, parcel: Parcel, result: Sent | Failure | Defect | Stopped, took_ms: int) -> Settled:
        """How a message is settled that was handed over with this result; `Stopped`, if it was not."""
        due, name = parcel.due, self.provider.name
        if isinstance(result, Stopped):
            self.provider.released()
            return parcel.stopped or unbegun(due, self.clock.now())
        outcome = "sent" if isinstance(result, Sent) else "uncertain" if result.maybe_sent else result.kind
        metrics.of(metrics.ATTEMPTS, self.provider.channel, name, outcome).inc()
        words = self._sealed(due, result.words)
        base = Settled(due.id, due.uuid, "sent", None, name, due.attempt, took_ms, outcome, words_sealed=words)
        if isinstance(result, Sent):
            self.provider.worked()
            self.lanes.took(parcel.message.to)
            return base
        return self._failed(parcel, result, base._replace(code=result.status_code))

    def _sealed(self, due: Due, words: str) -> bytes | None:
        """What a provider said, sealed; nothing of it is kept once the guest was erased."""
        with contextlib.suppress(KeyDestroyed):
            return self.letters.seal_words(due.key_id, due.uuid, words) if words else None
        return None

    def _failed(self, parcel: Parcel, failure: Failure | Defect, base: Settled) -> Settled:
        due = parcel.due
        poisoned = isinstance(failure, Defect) and self._poisoned(due, failure)
        if failure.kind in PROVIDERS_OWN:
            pause = self.provider.failed(failure.kind, failure.retry_after)
            self.log.warning("provider paused", provider=self.provider.name, code=failure.kind, seconds=round(pause, 1))
        else:
            self.provider.worked()
            if failure.destination:
                self.lanes.complained(parcel.message.to)
        if poisoned:
            return base._replace(state="held", reason="quarantined", due_at=self.clock.now(), lease=HELD,
                                 uncertain=failure.maybe_sent or bool(due.uncertain))  # fmt: skip
        if failure.maybe_sent:
            return self._uncertain(due, failure, base)
        if failure.kind in PROVIDERS_OWN:
            return base._replace(state=waiting(due), due_at=self.clock.now(), attempts_back=1, avoid=self._spare(),
                                 uncertain=bool(due.uncertain))  # fmt: skip
        if failure.kind in ("rejected", "bad_address"):
            hard = failure.status_code in HARD_BOUNCES
            return base._replace(state="failed", suppress=self.letters.bounced(due, self.clock.now()) if hard else None)
        return self._later(due, failure, base._replace(state="deferred", reason="retry", avoid=self._spare()))

    def _poisoned(self, due: Due, defect: Defect) -> bool:
        """Whether this message is to blame for the defect. Of those under way at once only the first one tells."""
        self.log.error("channel failed by a defect", provider=self.provider.name, code=defect.kind,
                       error=defect.status_code)  # fmt: skip
        telling = defect.blames and (self.provider.healthy or self.provider.probing)
        return telling and self._suspects.poisoned(due.id, self.provider.recoveries)

    def _uncertain(self, due: Due, failure: Failure | Defect, base: Settled) -> Settled:
        """The provider may have it: again with the same id where that does no harm, else a person decides."""
        nonsense = isinstance(failure, Defect) and failure.status_code == NONSENSE
        if nonsense or not self.provider.resend_uncertain:
            return base._replace(state="held", reason="uncertain", due_at=self.clock.now(), lease=HELD, uncertain=True)
        return self._later(due, failure, base._replace(state="uncertain", uncertain=True))

    def _later(self, due: Due, failure: Failure | Defect, base: Settled) -> Settled:
        times = self.timetable
        again = next_try(times.retry, times.give_up_after, attempt=due.attempt, created_at=due.created_at,
                         now=self.clock.now(), retry_after=failure.retry_after)  # fmt: skip
        if again is None:
            return base._replace(state="failed", reason="gave_up")
        return base._replace(due_at=again)

    def _spare(self) -> str | None:
        """The mark that lets another provider of the channel take it next, where there is one."""
        return self.provider.name if len(self.routes.serving(self.provider.channel)) > 1 else None
