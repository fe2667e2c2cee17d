"""Everything that can go wrong, one family. Each problem of the gateway has its class here, by the same name.

No text of an error repeats what was sent: neither names nor addresses nor words get into a log by way of an exception.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import httpx2
from msgspec import MsgspecError, Struct, json

from guest_gateway.judgement import Judgement


class GatewayError(Exception):
    """It did not work."""


class Unreachable(GatewayError):
    """No answer came.

    `maybe_done`: the gateway may have done it all the same. `idempotency_key`: what the request was sent with; sent
    once more with it, it is not done twice.
    """

    def __init__(self, maybe_done: bool, idempotency_key: str | None = None):
        super().__init__(maybe_done, idempotency_key)
        self.maybe_done, self.idempotency_key = maybe_done, idempotency_key

    def __str__(self) -> str:
        doubt = "whether it did what was asked is not known" if self.maybe_done else "it was not asked"
        return f"The gateway did not answer; {doubt}."


class Unexpected(GatewayError):
    """What answered is no gateway, or none that this client understands."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        return f"The answer ({self.status}) is not one of a gateway this client understands."


class BadSignature(GatewayError):
    """This was not sent by the gateway, or not just now."""


class Fault(Struct, frozen=True):
    """One thing wrong with one member: a JSON pointer, a closed code, and what would be right."""

    pointer: str
    code: str
    detail: str


class Told(Struct, frozen=True):
    """A problem document (RFC 9457), with the members that some problems have besides."""

    type: str
    status: int
    title: str = ""
    detail: str = ""
    instance: str = ""
    errors: list[Fault] = []
    compliance: Judgement | None = None
    hint: str = ""
    message_id: str | None = None
    report: Any = None

    @property
    def slug(self) -> str:
        """What the problem is called."""
        return self.type.rpartition(":")[2]


class Problem(GatewayError):
    """The gateway said no.

    `slug` never changes, so match on that or on the class; `detail` is for people; `faults` names every member at
    fault; `request_id` is for whoever reads the gateway's log; `retry_after` are seconds, where waiting helps.
    """

    expected: ClassVar[str] = ""

    def __init__(self, told: Told, retry_after: float | None = None):
        super().__init__(told, retry_after)
        self.told, self.retry_after = told, retry_after

    @property
    def slug(self) -> str:
        return self.told.slug

    @property
    def status(self) -> int:
        return self.told.status

    @property
    def detail(self) -> str:
        return self.told.detail

    @property
    def faults(self) -> list[Fault]:
        return self.told.errors

    @property
    def request_id(self) -> str:
        return self.told.instance

    def __str__(self) -> str:
        faults = "".join(f" {fault.pointer}: {fault.detail};" for fault in self.faults)
        return f"{self.slug}: {self.detail}{faults.removesuffix(';')} [{self.request_id}]"


# -- what we did ------------------------------------------------------------------------------------------------------


class Invalid(Problem):
    """Some members cannot be used; `faults` names each."""

    expected = "invalid"


class UnknownField(Invalid):
    """There are members the gateway does not know, as when it is older than this client."""

    expected = "unknown-field"


class BadJson(Invalid):
    """The body is not well-formed."""

    expected = "bad-json"


class BadTemplate(Invalid):
    """A template cannot be printed: with what was given, or at all."""

    expected = "template"


class UrlNotAllowed(Invalid):
    """A webhook may not go to this address."""

    expected = "url-not-allowed"


class TooLarge(Invalid):
    """The request is larger than the gateway takes."""

    expected = "too-large"


class WrongMediaType(Invalid):
    """The body is of another type than this door takes."""

    expected = "media-type"


class WrongEncoding(Invalid):
    """The body is encoded in a way the gateway does not read."""

    expected = "encoding"


class BadIdempotencyKey(Invalid):
    """An idempotency key is 1 to 255 visible ASCII characters."""

    expected = "idempotency-key"


class IdempotencyKeyReused(Invalid):
    """The idempotency key was used for a different request."""

    expected = "idempotency-key-reused"


class Unauthorized(Problem):
    """The key or token is missing, wrong, expired or revoked."""

    expected = "unauthorized"


class Forbidden(Problem):
    """The key lacks the scope for this, or it would reach beyond itself."""

    expected = "forbidden"


class NotFound(Problem):
    """No thing has this id."""

    expected = "not-found"


class WrongMethod(Problem):
    """This door does not take that method."""

    expected = "method"


class Conflict(Problem):
    """The state of the thing does not allow it now."""

    expected = "conflict"


class IdempotencyInProgress(Problem):
    """The first request with this idempotency key is still being worked on."""

    expected = "idempotency-in-progress"


class Precondition(Problem):
    """Somebody else was quicker: it is not in the version that was named any more."""

    expected = "precondition"


class Blocked(Problem):
    """The law, or the guest's wish, forbids this message. Asking again changes nothing until the facts do."""

    expected = "blocked"

    @property
    def compliance(self) -> Judgement:
        """The judgement, with every rule that says no and its citation."""
        return self.told.compliance or Judgement("deny")

    @property
    def reasons(self) -> list[str]:
        """The rules that say no."""
        return self.compliance.reasons

    @property
    def hint(self) -> str:
        """The shortest way out, in words."""
        return self.told.hint

    @property
    def message_id(self) -> str | None:
        """The record that is kept of the refusal."""
        return self.told.message_id

    def __str__(self) -> str:
        return f"{self.slug}: {', '.join(self.reasons)}. {self.hint} [{self.request_id}]"


class QuotaExceeded(Problem):
    """A rate limit is used up; after `retry_after` seconds the next request goes through."""

    expected = "quota-exceeded"


# -- what befell the gateway ------------------------------------------------------------------------------------------


class Unavailable(Problem):
    """The gateway cannot do it right now. What it acknowledged is not lost."""

    expected = "overloaded"


class Draining(Unavailable):
    """The gateway is stopping and takes nothing new."""

    expected = "draining"


class NotReady(Unavailable):
    """The gateway has just started and does not take requests yet."""

    expected = "not-ready"


class StorageFull(Unavailable):
    """The gateway's disk is full."""

    expected = "storage-full"


class StorageFailed(Unavailable):
    """The gateway's store cannot be written. Whether this was still done is not known."""

    expected = "storage"


class Internal(Problem):
    """A defect of the gateway. Whoever reads its log finds it by `request_id`."""

    expected = "internal"


def _family(of: type[Problem]) -> Iterator[type[Problem]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _family(kind)


BY_SLUG = {kind.expected: kind for kind in _family(Problem)}


def problem(answer: httpx2.Response) -> GatewayError:
    """The error that an answer tells of."""
    try:
        told = json.decode(answer.content, type=Told)
    except MsgspecError:
        return Unexpected(answer.status_code)
    return BY_SLUG.get(told.slug, Problem)(told, retry_after(answer))


def retry_after(answer: httpx2.Response) -> float | None:
    """How many seconds the gateway asks to be left alone for."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None
