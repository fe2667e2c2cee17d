"""What a limiter plugin is: arithmetic on a small state that the gateway keeps for it. Times are whole microseconds."""

from typing import Any, ClassVar

from msgspec import Struct

State = tuple[int, ...]
"""What one account comes to: whole numbers."""


class Limiter:
    """Base of every rate-limit algorithm. It holds no state of its own and never looks at a clock.

    `state` is None at first, then whatever the last call returned; the gateway keeps it in memory and on disk. `now` is
    the limits' own time, which never goes back: not when the machine's clock does, and not over a restart. An algorithm
    that is shown an earlier `now` all the same treats it as the latest one it has seen.
    """

    name: ClassVar[str]
    """What `algorithm = "…"` in config.toml says."""
    bursts: ClassVar[bool] = True
    """Whether a `burst` other than the quota means anything to it."""
    holds: ClassVar[bool] = False
    """Whether a take is given back when the request has been answered. Such a state is not written down: after a
    restart nothing is under way."""

    class Settings(Struct, frozen=True):
        """What every limit has: `quota` takes in `window` microseconds, `burst` at once after a quiet time."""

        quota: int
        window: int
        burst: int

    def __init__(self, settings: Any):
        self.settings = settings

    def take(self, state: State | None, now: int, cost: int = 1) -> tuple[State, int | None]:
        """Take `cost`: the new state and 0 if there was enough, else the state as it is and how long until there will
        be, if nobody takes in between. A cost that can never be met is answered None."""
        raise NotImplementedError

    def give(self, state: State | None, now: int, cost: int, taken: int) -> State:
        """Give back `cost` that was taken when it was `taken`, and not used. The account is as if it had never been
        taken, or worse off, never better."""
        raise NotImplementedError

    def covers(self, one: State, other: State, now: int) -> bool:  # noqa: ARG002 most need it
        """Whether an account that stands at `one` is never better off, now or later, than one that stands at `other`.
        As it is here that is only said of the same, and every take is written down by itself."""
        return one == other

    def remaining(self, state: State | None, now: int) -> tuple[int, int]:
        """How many single takes are left now, and how long until the account is as good as new."""
        raise NotImplementedError
