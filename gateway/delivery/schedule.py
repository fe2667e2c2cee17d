"""When a message that did not leave is tried again."""

import random
from collections.abc import Sequence


def next_try(
    retry: Sequence[float],
    give_up_after: float,
    *,
    attempt: int,
    created_at: int,
    now: int,
    retry_after: float | None = None,
    draw: random.Random | None = None,
) -> int | None:
    """The time (ms) of the attempt after number `attempt`, or None when the message is too old to go on.

    `retry` and `give_up_after` are seconds. Each step is drawn between its half and its whole, so that what failed
    together does not come back together; what the provider asked for is never undercut. The last step repeats.
    """
    step = retry[min(attempt, len(retry)) - 1] * (0.5 + (draw or random).random() / 2)
    due = now + int(max(step, retry_after or 0.0) * 1000)
    return due if due <= created_at + int(give_up_after * 1000) else None
