"""What a channel does against its contract: it raises what it should not, answers nonsense, or never comes back."""

import errno
from typing import Literal, NamedTuple

from gateway.errors import Failure, NotUsable

DEFECTS = 3
"""At so many defects a message is held, unless it is the channel that is broken."""
NONSENSE = "answer"
"""The code of an answer that is none."""


class Hung(Exception):
    """The channel's own thread does not answer any more."""


class NotOpen(Exception):
    """The channel could not be opened, so no message is at fault. The cause says why; without one, it hung."""


class Defect(NamedTuple):
    """A hand-over that ended in nothing a channel may say. It reads like a Failure, and pauses the provider like one
    of its own. `blames` when the message may be what makes the channel fail."""

    kind: Literal["raised", "hung"]
    maybe_sent: bool = False
    status_code: str | None = None
    blames: bool = True
    retry_after: float | None = None
    words: str = ""
    destination: bool = False


def made_of(error: BaseException | None, handed: bool, late: bool) -> Failure | Defect:
    """What it comes to that a channel raised this; `late` when its time was over."""
    if isinstance(error, NotOpen):
        why = made_of(error.__cause__, False, error.__cause__ is None)
        return why if isinstance(why, Failure) else why._replace(blames=False)
    if isinstance(error, Failure):
        return error
    if isinstance(error, NotUsable):
        return Failure("config", handed)
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return Failure("down", handed, code="refused")
    if late or isinstance(error, Hung):
        return Defect("hung", handed)
    return Defect("raised", handed, type(error).__name__)


class Suspects:
    """Tells a poisoned message from a broken channel.

    A message that meets defect after defect, while others leave or nothing else is tried in between, is at fault. Where
    one message after the other meets a defect and none leaves, it is the channel, and all of them wait.
    """

    def __init__(self):
        self._met: dict[int, int] = {}
        self._last = (0, -1)

    def poisoned(self, message_id: int, recoveries: int) -> bool:
        """Note a defect; whether it was one too many for this message. `recoveries`: how often the provider has come
        back so far."""
        if self._last[0] != message_id and self._last[1] == recoveries:
            self._met.clear()
        self._last = message_id, recoveries
        met = self._met.pop(message_id, 0) + 1
        if met < DEFECTS:
            self._met[message_id] = met
        return met >= DEFECTS
