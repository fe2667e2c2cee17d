"""The generic cell rate algorithm (ITU-T I.371): a single moment says how far ahead of its pace a caller is."""

from typing import Any

from gateway import Limiter, LimiterState, hookimpl


class Gcra(Limiter):
    """A take may come `burst` takes before the moment at which, at an even pace, it would be due.

    Decides as a token bucket of the same size does: in any window no more than quota + burst.

    State: (due, part), the moment when the next take is due, in microseconds and as many `quota`ths of one more, so
    that everything is whole numbers.
    """

    name = "gcra"

    def __init__(self, settings: Any):
        super().__init__(settings)
        self._quota, self._window = settings.quota, settings.window
        self._early = settings.burst * settings.window

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        due, moment = self._due(state, now)
        later = due + cost * self._window
        if later - moment <= self._early:
            return divmod(later, self._quota), 0
        hopeless = cost > self.settings.burst
        return divmod(due, self._quota), None if hopeless else self._until(later - self._early, now)

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        due, moment = self._due(state, now)
        return divmod(max(moment, due - cost * self._window), self._quota)

    def covers(self, one: LimiterState, other: LimiterState, now: int) -> bool:
        return self._due(one, now) >= self._due(other, now)

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        due, moment = self._due(state, now)
        left = (self._early - due + moment) // self._window
        return max(0, left), self._until(due, now) if due > moment else 0

    def _due(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        """When the next take is due and what time it is, both in quotaths of a microsecond. The state holds no time of
        its own: what was due before now is due now."""
        moment = now * self._quota
        if state is None:
            return moment, moment
        due = state[0] * self._quota + state[1]
        return (due if due > moment else moment), moment

    def _until(self, moment: int, now: int) -> int:
        return -(-moment // self._quota) - now


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """`algorithm = "gcra"`."""
    return [Gcra]
