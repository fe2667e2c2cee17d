"""Errors as `application/problem+json` (RFC 9457). No input value, path, SQL or class name ever gets into one."""

import math
from typing import Any

from aiohttp import web
from msgspec import json

from gateway.errors import GatewayError, Unauthorized

TYPE = "application/problem+json"


def title(error: GatewayError) -> str:
    """Constant per type: what the docstring says of the broadest error that has this slug."""
    owner = [kind for kind in type(error).__mro__ if getattr(kind, "code", None) == error.code][-1]
    return (owner.__doc__ or "").strip().splitlines()[0]


def document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The problem's members."""
    problem: dict[str, Any] = {
        "type": f"urn:guest-gateway:problem:{error.code}",
        "title": title(error),
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


def response(error: GatewayError, request_id: str) -> web.Response:
    """The answer that tells of an error."""
    answer = web.Response(status=error.status, body=json.encode(document(error, request_id)), content_type=TYPE)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, Unauthorized):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="guest-gateway"'
    return answer
