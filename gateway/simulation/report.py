"""What a simulation found. Moments are RFC 3339 and durations whole seconds."""

from msgspec import Struct


class Slice(Struct, frozen=True):
    """A stretch of the trace."""

    at: str
    admitted: int
    refused: int


class Stopped(Struct, frozen=True):
    """Somebody whom a limit held up: how often, from when to when, and the longest he was told to wait, None where
    waiting does not help. `trial`: the limit only counts, and he would have been refused."""

    limit: str
    caller: str
    refused: int
    first: str
    last: str
    longest_wait: int | None
    trial: bool


class Report(Struct, frozen=True):
    """What a set of rules does to a trace: in all, slice by slice, and to whom, the most often refused first."""

    rules: str
    asked: int
    admitted: int
    refused: int
    slice_seconds: int
    slices: list[Slice]
    stopped: list[Stopped]
