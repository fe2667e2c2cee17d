"""Errors as `application/problem+json` (RFC 9457). No input value, path, SQL or class name ever gets into one."""

import math
from typing import Annotated, Any

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType, json

from gateway.errors import GatewayError, Unauthorized
from gateway.views import MessageId, StoredCompliance

TYPE = "application/problem+json"
URN = "urn:guest-gateway:problem:"


class FieldFault(Struct, frozen=True):
    """One thing wrong with one field: a JSON pointer (`?name` for what stands in the address), and what would be
    right."""

    pointer: str
    code: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457). `type` is what to match on; `errors` lists every field at fault, and `compliance`,
    `hint` and `message_id` come with a message that may not go."""

    type: str
    title: str
    status: int
    detail: str
    instance: Annotated[str, Meta(description="The X-Request-Id of the request")]
    errors: list[FieldFault] | UnsetType = UNSET
    limit: Annotated[str, Meta(description="The name of the limit that is used up")] | UnsetType = UNSET
    compliance: StoredCompliance | UnsetType = UNSET
    hint: Annotated[str, Meta(description="The shortest way out, in words")] | UnsetType = UNSET
    message_id: MessageId | UnsetType = UNSET


def title(kind: type[GatewayError]) -> str:
    """Constant per type: what the docstring says of the broadest error that has this slug."""
    owner = [broader for broader in kind.__mro__ if getattr(broader, "code", None) == kind.code][-1]
    return (owner.__doc__ or "").strip().splitlines()[0]


def document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The problem's members."""
    problem: dict[str, Any] = {
        "type": f"{URN}{error.code}",
        "title": title(type(error)),
        "status": error.status,
        "detail": str(error),
        "instance": request_id,
    }
    if error.faults:
        problem["errors"] = [
            {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in error.faults
        ]
    problem |= {name: value for name, value in error.details.items() if name != "standings"}
    return problem


def headers(error: GatewayError) -> tuple[tuple[str, str], ...]:
    """What an answer that tells of an error says in its head."""
    if error.retry_after is not None:
        return (("Retry-After", str(max(1, math.ceil(error.retry_after)))),)
    return (("WWW-Authenticate", 'Bearer realm="guest-gateway"'),) if isinstance(error, Unauthorized) else ()


def response(error: GatewayError, request_id: str) -> web.Response:
    """The answer that tells of an error."""
    answer = web.Response(status=error.status, body=json.encode(document(error, request_id)), content_type=TYPE)
    answer.headers.extend(headers(error))
    return answer
