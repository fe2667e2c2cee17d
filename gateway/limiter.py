"""What a limiter plugin is: arithmetic on a small state that the gateway keeps for it."""

from typing import Any, ClassVar

from msgspec import Struct


class Limiter:
    """Base of every rate-limit algorithm. It holds no state of its own and never looks at a clock.

    `state` is None at first, then whatever the last `take` returned: a tuple of numbers, which the gateway keeps in
    memory and on disk. `now` is in seconds and never goes back.
    """

    name: ClassVar[str]
    """What `algorithm = "…"` in config.toml says."""

    class Settings(Struct, frozen=True):
        """What every limit has: `quota` takes in `window` seconds, `burst` at once."""

        quota: int
        window: float
        burst: int

    def __init__(self, settings: Any):
        self.settings = settings

    def take(self, state: tuple | None, now: float, cost: int = 1) -> tuple[tuple, float]:
        """Take `cost`: the new state and 0.0 if there was enough, else the state as it is and the seconds until there
        will be. A cost that can never be met answers `inf`."""
        raise NotImplementedError

    def remaining(self, state: tuple | None, now: float) -> tuple[int, float]:
        """How many single takes are left now, and the seconds until the limit is whole again."""
        raise NotImplementedError
