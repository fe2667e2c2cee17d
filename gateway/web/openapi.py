"""The API described in OpenAPI 3.1, made from the doors: the types that validate are the ones that are shown, and the
examples are the manual's."""

import re
import sys
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from msgspec import json

from gateway import errors
from gateway.errors import GatewayError
from gateway.web import manual, problem
from gateway.web.problem import Problem
from gateway.web.routes import API_VERSION, Door, Media
from gateway.web.schemas import Schemas, fits, in_a_line

ABOUT = """Messages from a venue to its guests: judged by the law, delivered, and proven afterwards.

Every answer has an `X-Request-Id` and a `Gateway-Version`. Every error is a problem document (RFC 9457)."""
ALWAYS = ("X-Request-Id", "Gateway-Version")
PHRASES = {422: "Unprocessable Content"}
"""Of a status whose name changed with RFC 9110: Python has the new one from 3.13 on."""
TEXT = {"type": "string"}
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "X-Request-Id": ("The number of this request, as the log has it", TEXT),
    "Gateway-Version": ("The version of the API", TEXT | {"format": "date"}),
    "Location": ("Where the thing is", TEXT),
    "ETag": ("The version of the thing, for If-Match", TEXT),
    "RateLimit": ("What is left, the tightest limit first", TEXT),
    "RateLimit-Policy": ("The limits in force, the tightest first", TEXT),
    "Idempotent-Replayed": ("true when this is the answer to an earlier request", TEXT),
    "Retry-After": ("Seconds after which to try again", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to say who you are", TEXT),
}
HEADS_OF = {429: ("Retry-After",), 503: ("Retry-After",), 401: ("WWW-Authenticate",)}
"""Headers that come with errors of a status."""
PARAMETERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Idempotency-Key": ("Makes the request safe to repeat", TEXT | {"pattern": "^[!-~]{1,255}$"}),
    "If-Match": ("The version that is to be changed", TEXT | {"pattern": r'^(\*|"[0-9]{1,15}")$'}),
    "Last-Event-ID": ("The event that was seen last", TEXT),
}


def text(doors: Sequence[Door]) -> bytes:
    """The document as it is stored and served, with the examples of the manual."""
    sections = manual.sections("endpoints.md")
    shown = {door.name: manual.examples(sections.get(door.name, "")) for door in doors}
    return json.format(json.encode(document(doors, shown)), indent=2) + b"\n"


def document(doors: Sequence[Door], shown: dict[str, list[Any]]) -> dict[str, Any]:
    """All doors as one OpenAPI document. `shown`: examples by the door's name, bodies and answers alike."""
    schemas = Schemas(doors)
    shared: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for door in doors:
        told = operation(door, schemas, shown.get(door.name, ()), shared)
        paths.setdefault(door.path, {})[door.method.lower()] = told
    bearer = {"type": "http", "scheme": "bearer", "description": "An API key or an access token"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Guest Gateway",
            "version": API_VERSION,
            "description": ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": tag(module), "description": in_a_line(sys.modules[module].__doc__)}
            for module in dict.fromkeys(door.view.__module__ for door in doors)
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": dict(sorted(shared.items())),
            "headers": {name: {"description": words, "schema": schema} for name, (words, schema) in HEADERS.items()},
            "securitySchemes": {"bearer": bearer},
        },
    }


def operation(door: Door, schemas: Schemas, shown: Sequence[Any], shared: dict[str, Any]) -> dict[str, Any]:
    """One door. Its problems are put into `shared`, where doors that have the same ones find them."""
    words = in_a_line(door.view.__doc__)
    takes = door.takes if isinstance(door.takes, tuple) else (door.takes,)
    bodies = [one for one in shown if any(fits(one, type_) for type_ in takes)]
    answers = [one for one in shown if one not in bodies and fits(one, door.gives)]
    told: dict[str, Any] = {
        "tags": [tag(door.view.__module__)],
        "summary": re.split(r"(?<=[.:;?]) ", words)[0].rstrip(".:;"),
        "description": words,
        "operationId": door.operation,
        "security": security(door),
        "parameters": list(parameters(door, schemas)),
    }
    if door.takes is not None:
        told["requestBody"] = {"required": True, "content": content(door.takes, schemas, bodies)}
    told["responses"] = {str(status): answer(door, status, schemas, answers) for status in (door.status, *door.also)}
    for status, kinds in problems(door, schemas).items():
        said = _page(status, kinds) if door.told else _problem(status, kinds, shown, shared)
        told["responses"].setdefault(str(status), said)
    return told


def tag(module: str) -> str:
    """Under which word the doors of a module stand."""
    return module.rpartition(".")[2].replace("_", " ")


def security(door: Door) -> list[dict[str, list[str]]]:
    """Who may come through a door: whoever meets one of these."""
    if door.scope is None:
        return []
    scopes = (door.scope,) if isinstance(door.scope, str) else door.scope
    return [{"bearer": [scope]} for scope in scopes] or [{"bearer": []}]


def edits(door: Door, schemas: Schemas) -> bool:
    """Whether a door changes a thing that has versions."""
    return door.method in ("PATCH", "DELETE") and schemas.versioned(door.path)


def parameters(door: Door, schemas: Schemas) -> Iterable[dict[str, Any]]:
    """What a door looks at beside the body."""
    for name in re.findall(r"\{(\w+)\}", door.path):
        yield {"in": "path", "name": name, "required": True, "schema": schemas.name(door.path, name)}
    for name, schema, required in schemas.query(door):
        words = schema.pop("description", None)
        yield {"in": "query", "name": name, "required": required} | _described(words) | {"schema": schema}
    headers = {
        "Idempotency-Key": door.repeat is not None,
        "If-Match": edits(door, schemas),
        "Last-Event-ID": door.gives == Media("text/event-stream"),
    }
    for name in [name for name, wanted in headers.items() if wanted]:
        words, schema = PARAMETERS[name]
        required = name == "Idempotency-Key" and door.repeat == "must"
        yield {"in": "header", "name": name, "required": required} | _described(words) | {"schema": schema}


def _described(words: str | None) -> dict[str, str]:
    return {"description": words} if words else {}


def content(type_: Any, schemas: Schemas, shown: Sequence[Any]) -> dict[str, Any]:
    """A body or an answer, with what the manual shows of it."""
    if isinstance(type_, Media):
        return {type_.type: {}}
    examples = {str(number): {"value": one} for number, one in enumerate(shown, 1)}
    return {"application/json": {"schema": schemas.of(type_)} | ({"examples": examples} if examples else {})}


def answer(door: Door, status: int, schemas: Schemas, shown: Sequence[Any]) -> dict[str, Any]:
    """What a door answers when it does what it was asked for."""
    said = isinstance(door.gives, type) and not isinstance(door.gives, Media)
    headers = {
        "Location": status in (201, 202),
        "ETag": "version" in schemas.members(door.gives),
        "RateLimit": door.limit is not None,
        "RateLimit-Policy": door.limit is not None,
        "Idempotent-Replayed": door.repeat is not None,
        "Retry-After": status == HTTPStatus.SERVICE_UNAVAILABLE,
    }
    told = {
        "description": in_a_line(door.gives.__doc__) if said else PHRASES.get(status) or HTTPStatus(status).phrase,
        "headers": _headers(*(name for name, there in headers.items() if there)),
    }
    return told if door.gives is None else told | {"content": content(door.gives, schemas, shown)}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *names)}


def problems(door: Door, schemas: Schemas) -> dict[int, list[type[GatewayError]]]:
    """What can go wrong at a door, by status: what follows from its declaration, and what its view raises besides."""
    writes, item = door.method != "GET", "{" in door.path
    kinds: dict[type[GatewayError], bool] = {
        errors.BadJson: True,
        errors.BadIdempotencyKey: door.repeat is not None,
        errors.Unauthorized: door.scope is not None,
        errors.Forbidden: bool(door.scope),
        errors.NotFound: item,
        errors.Conflict: item and writes,
        errors.IdempotencyInProgress: door.repeat is not None,
        errors.Precondition: edits(door, schemas),
        errors.TooLarge: door.takes is not None,
        errors.WrongMediaType: door.takes is not None,
        errors.WrongEncoding: door.takes is not None,
        errors.Invalid: door.takes is not None or door.query is not None,
        errors.UnknownField: door.takes is not None or door.query is not None,
        errors.IdempotencyKeyReused: door.repeat is not None,
        errors.QuotaExceeded: door.scope is not None or door.limit is not None or door.holds_strangers,
        errors.GatewayError: True,
        errors.Draining: not door.exempt,
        errors.Unavailable: not door.exempt,
        errors.StorageFull: writes,
        errors.StorageFailed: writes,
    }
    found: dict[int, list[type[GatewayError]]] = {}
    for kind in dict.fromkeys([*(kind for kind, can in kinds.items() if can), *door.raises]):
        found.setdefault(kind.status, []).append(kind)
    return dict(sorted(found.items()))


def _page(status: int, kinds: Sequence[type[GatewayError]]) -> dict[str, Any]:
    """The answer that tells people of one of these."""
    return {
        "description": " ".join(problem.title(kind) for kind in kinds),
        "headers": _headers(*HEADS_OF.get(status, ())),
        "content": {"text/html": {}},
    }


def _problem(
    status: int, kinds: Sequence[type[GatewayError]], shown: Sequence[Any], shared: dict[str, Any]
) -> dict[str, Any]:
    """The answer that tells of one of these; by reference, unless the manual shows one at this very door."""
    schema = {"$ref": "#/components/schemas/Problem", "properties": {
        "type": {"enum": [f"{problem.URN}{kind.code}" for kind in kinds]}}}  # fmt: skip
    told: dict[str, Any] = {
        "description": " ".join(f"[`{kind.code}`](/docs/errors/{kind.code}): {problem.title(kind)}" for kind in kinds),
        "headers": _headers(*HEADS_OF.get(status, ())),
        "content": {problem.TYPE: {"schema": schema}},
    }
    examples = [one for one in shown if fits(one, Problem) and one["status"] == status]
    if examples:
        told["content"][problem.TYPE]["examples"] = {str(n): {"value": one} for n, one in enumerate(examples, 1)}
        return told
    reference = ".".join([str(status), *sorted(kind.code for kind in kinds)])
    shared[reference] = told
    return {"$ref": f"#/components/responses/{reference}"}
