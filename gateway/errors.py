"""Everything that can go wrong, one family. The docstring is the message; `code` is what callers match on.

Doors turn these into answers: the web into RFC 9457 problems (`status`), the command line into exit codes
(`exit_code`). No message ever carries an input value, a path, SQL or a guest's data.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong with one field: a JSON pointer, a closed code, and what would be right."""

    pointer: str
    code: str
    detail: str


class GatewayError(Exception):
    """The gateway could not do what was asked."""

    code = "internal"
    status = 500
    exit_code = 70

    def __init__(
        self, message: str = "", *, faults: list[Fault] | None = None, retry_after: float | None = None, **details
    ):
        super().__init__(message or self.__doc__)
        self.faults = faults or []
        self.retry_after = retry_after
        self.details = details


# -- what a caller did ------------------------------------------------------------------------------------------------


class BadInput(GatewayError):
    """The request cannot be used as it is."""

    code, status, exit_code = "invalid", 422, 64


class BadJson(BadInput):
    """The request, or the JSON in it, is not well-formed."""

    code, status = "bad-json", 400


class BadIdempotencyKey(BadInput):
    """The Idempotency-Key must be 1 to 255 visible ASCII characters, given once."""

    code, status = "idempotency-key", 400


class Unauthorized(GatewayError):
    """A valid API key or access token is needed."""

    code, status, exit_code = "unauthorized", 401, 64


class Spent(Unauthorized):
    """A valid API key or access token is needed."""


class Forbidden(GatewayError):
    """The caller may not do that."""

    code, status, exit_code = "forbidden", 403, 64


class NotFound(GatewayError):
    """There is nothing here."""

    code, status, exit_code = "not-found", 404, 64


class WrongMethod(GatewayError):
    """This address does not take that method."""

    code, status, exit_code = "method", 405, 64


class Conflict(GatewayError):
    """The current state does not allow this."""

    code, status, exit_code = "conflict", 409, 64


class GuestOnHold(Conflict):
    """A legal hold is on this guest: nothing of his may go."""


class Precondition(GatewayError):
    """It was changed since the version that If-Match names."""

    code, status, exit_code = "precondition", 412, 64


class IdempotencyInProgress(GatewayError):
    """The first request with this Idempotency-Key is still being worked on."""

    code, status, exit_code = "idempotency-in-progress", 409, 64


class TooLarge(BadInput):
    """The request is larger than the gateway takes."""

    code, status = "too-large", 413


class WrongMediaType(BadInput):
    """The body is not of the Content-Type that is taken here."""

    code, status = "media-type", 415


class WrongEncoding(BadInput):
    """The body must be sent without a Content-Encoding, in UTF-8."""

    code, status = "encoding", 415


class Invalid(BadInput):
    """Some members of the request are not usable."""

    code = "invalid"


class BadTemplate(BadInput):
    """The template, or what it is filled with, cannot be used as it is."""

    code = "template"


class UnknownField(BadInput):
    """The request has members the gateway does not know."""

    code = "unknown-field"


class UrlNotAllowed(BadInput):
    """The gateway sends nothing to this address."""

    code = "url-not-allowed"


class Blocked(GatewayError):
    """A compliance rule forbids this message."""

    code, status, exit_code = "blocked", 422, 1


class IdempotencyKeyReused(BadInput):
    """This Idempotency-Key was used for a different request."""

    code = "idempotency-key-reused"


class QuotaExceeded(GatewayError):
    """Too many requests; wait for Retry-After seconds."""

    code, status, exit_code = "quota-exceeded", 429, 69


class HeldUp(QuotaExceeded):
    """Too many requests; wait for Retry-After seconds."""


# -- what befell the gateway ------------------------------------------------------------------------------------------


class Unavailable(GatewayError):
    """The gateway cannot do this right now."""

    code, status, exit_code = "overloaded", 503, 69

    def __init__(self, message: str = "", *, retry_after: float = 5.0, **details):
        super().__init__(message, retry_after=retry_after, **details)


class Draining(Unavailable):
    """The gateway is stopping and takes nothing new."""

    code = "draining"


class StorageFull(Unavailable):
    """The disk is full; nothing was lost and nothing new is taken."""

    code, exit_code = "storage-full", 74


class StorageFailed(Unavailable):
    """The store cannot be written."""

    code, exit_code = "storage", 70


# -- why a start is refused: printed as `gateway: error[<code>]: <what> — <what to do>` -------------------------------


class StartRefused(GatewayError):
    """The gateway cannot start."""

    def __init__(self, what: str = "", todo: str = "", **details):
        super().__init__(f"{what or self.__doc__} — {todo}" if todo else what, **details)


class Damaged(StartRefused):
    """The store is damaged."""

    code, exit_code = "damaged", 65


class NoWritableDisk(StartRefused):
    """The data folder cannot be written."""

    code, exit_code = "disk", 74


class DataFolderBusy(StartRefused):
    """Another process holds the data folder."""

    code, exit_code = "busy", 75


class PortInUse(StartRefused):
    """The port is in use."""

    code, exit_code = "port", 76


class KeyUnusable(StartRefused):
    """The master key is missing, wrong or unreadable."""

    code, exit_code = "key", 77


class NotUsable(StartRefused):
    """The configuration, a plugin or the schema version is not usable."""

    code, exit_code = "config", 78


# -- what a channel says ----------------------------------------------------------------------------------------------

PROVIDER_FAULTS = frozenset({"auth", "config", "down"})
KINDS = frozenset({"transient", "throttled", "auth", "config", "rejected", "bad_address", "down", "unknown"})


class Failure(GatewayError):
    """A channel could not hand a message over; `kind` says whose fault it is and what to do next.

    transient, unknown: try again by the schedule. throttled: the provider asks for a pause. auth, config, down: the
    provider's own failure, which pauses it and costs no message an attempt. rejected, bad_address: never again.
    `maybe_sent`: the provider may have the message all the same. `retry_after`: seconds the provider asked for.
    `destination`: with transient, where the message goes finds that it is too much: what else goes there is slowed.
    `code`: closed vocabulary (a status such as "451" or "4.7.1"), safe to log. `words`: the provider's free text,
    which is only ever stored sealed.
    """

    code = "delivery-failed"

    def __init__(self, kind: str, maybe_sent: bool = False, retry_after: float | None = None, code: str | None = None,
                 words: str = "", destination: bool = False):  # fmt: skip
        if kind not in KINDS:
            raise ValueError(f"unknown kind of failure; one of {', '.join(sorted(KINDS))}")
        super().__init__(f"{kind} {code or ''}".strip(), retry_after=retry_after)
        self.kind, self.maybe_sent, self.status_code, self.words = kind, maybe_sent, code, words
        self.destination = destination


class TemporaryFailure(Failure):
    """Not now; the schedule decides when again."""

    def __init__(self, **details):
        super().__init__("transient", **details)


class PermanentFailure(Failure):
    """Never; the message is failed."""

    def __init__(self, **details):
        super().__init__("rejected", **details)


class Stopped(GatewayError):
    """This message must not be handed over any more: it was cancelled, opted out of, or the law says no now."""

    code = "stopped"
