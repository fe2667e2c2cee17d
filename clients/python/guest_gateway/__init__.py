"""A client of Guest Gateway.

    with Gateway(key) as gateway:
        sent = gateway.messages.send(channel="email", to="ana@example.org", class_="transactional", category="booking",
                                     subject="Your stay", text="See you on Friday.")

`AsyncGateway` has the same methods, to be awaited.
"""

from guest_gateway.errors import (
    BadIdempotencyKey,
    BadJson,
    BadSignature,
    BadTemplate,
    Blocked,
    Conflict,
    Draining,
    Fault,
    Forbidden,
    GatewayError,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Internal,
    Invalid,
    NotFound,
    NotReady,
    Precondition,
    Problem,
    QuotaExceeded,
    StorageFailed,
    StorageFull,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unexpected,
    UnknownField,
    Unreachable,
    UrlNotAllowed,
    WrongEncoding,
    WrongMediaType,
    WrongMethod,
)
from guest_gateway.events import Event, verified
from guest_gateway.gateway import AsyncGateway, Gateway
from guest_gateway.patience import Patience

__version__ = "0.1.0"
__all__ = [
    "AsyncGateway",
    "BadIdempotencyKey",
    "BadJson",
    "BadSignature",
    "BadTemplate",
    "Blocked",
    "Conflict",
    "Draining",
    "Event",
    "Fault",
    "Forbidden",
    "Gateway",
    "GatewayError",
    "IdempotencyInProgress",
    "IdempotencyKeyReused",
    "Internal",
    "Invalid",
    "NotFound",
    "NotReady",
    "Patience",
    "Precondition",
    "Problem",
    "QuotaExceeded",
    "StorageFailed",
    "StorageFull",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "Unexpected",
    "UnknownField",
    "Unreachable",
    "UrlNotAllowed",
    "WrongEncoding",
    "WrongMediaType",
    "WrongMethod",
    "verified",
]
