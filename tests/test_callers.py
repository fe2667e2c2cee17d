"""Who may pass: keys are shown once, kept as digests, and end when they are told to."""

import asyncio

import pytest

from gateway.errors import GatewayError
from gateway.model import ALL_SCOPES, SCOPES
from gateway.web import problem
from tests.running import running

LIST = "/communications/messages"
KEYS = "/communications/api-keys"


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; it is 10:00 UTC."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def enter(run, key, path=LIST):
    """The status this key gets at a door."""
    return (await run.call("GET", path, headers={"Authorization": f"Bearer {key}"})).status


async def test_a_key_is_shown_once_and_kept_as_a_digest(run, tmp_path):
    """The list of keys has names and scopes; no file has the secret, and the one who was shown it comes in."""
    key = await run.draw("read")
    listed = await run.local("GET", KEYS)
    secret = key.rpartition("_")[2].encode()
    assert {"test"} == {one["name"] for one in listed.json["items"]}
    assert secret not in listed.raw
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [content for content in files if secret in content]
    assert any(key[3:11].encode() in content for content in files)
    assert await enter(run, key) == 200


async def test_a_revoked_key_is_refused_at_once_under_load(run):
    """From the answer to the revocation on, not one of many requests on kept connections passes with it."""
    key, other = await run.draw("read"), await run.draw("read")
    assert set(await asyncio.gather(*[enter(run, key) for _ in range(20)])) == {200}
    crowd = [asyncio.create_task(enter(run, key)) for _ in range(20)]
    assert (await run.local("DELETE", f"{KEYS}/key_{key[3:11]}")).status == 204
    assert set(await asyncio.gather(*[enter(run, key) for _ in range(20)])) <= {401, 429}
    assert set(await asyncio.gather(*crowd)) <= {200, 401, 429}
    assert await enter(run, other) == 200


@pytest.mark.parametrize("change", [0, 4, 12, -1])
async def test_every_letter_of_a_key_counts(run, change):
    """One letter changed anywhere, and it is nobody's."""
    key = await run.draw("read")
    at = change % len(key)
    wrong = key[:at] + ("b" if key[at] != "b" else "c") + key[at + 1 :]
    assert await enter(run, wrong) == 401
    assert await enter(run, key) == 200


@pytest.mark.parametrize(
    ("order", "pointer"),
    [
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"expires_at": "2026-12-01T10:00:00"}, "/expires_at"),
        ({"networks": ["everywhere"]}, "/networks"),
        ({"networks": ["10.0.0.0/8", "10.0.0.1/8"]}, "/networks"),
        ({"scopes": ["everything"]}, "/scopes"),
        ({"scopes": []}, "/scopes"),
        ({"name": ""}, "/name"),
    ],
)
async def test_no_key_is_drawn_that_would_mean_something_else(run, order, pointer):
    """A bad expiry would be no expiry, a bad network none: refused by name; with good ones a key is drawn."""
    good = {"name": "till", "scopes": ["read"], "expires_at": "2026-12-01T10:00:00Z", "networks": ["127.0.0.0/8"]}
    refused = await run.local("POST", KEYS, good | order)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, pointer)
    drawn = await run.local("POST", KEYS, good)
    assert await enter(run, drawn.json["key"]) == 200


async def test_all_is_everything_but_the_two_that_are_always_named(run):
    """Emergency and legal are asked for by name, alone or beside `all`."""
    assert set(SCOPES) - ALL_SCOPES == {"send.emergency", "send.legal"}
    await run.draw("all", "send.legal")
    scopes = [set(key["scopes"]) for key in (await run.local("GET", KEYS)).json["items"]]
    assert ALL_SCOPES | {"send.legal"} in scopes
    assert ALL_SCOPES in scopes


async def test_the_doors_of_the_machine_are_not_on_the_network(run):
    """What only commands ask for is for whoever may open the socket; outside there is no such path."""
    assert (await run.call("GET", "/local/key")).status == 404
    assert (await run.local("GET", "/local/key")).status == 200


def every_error(kind=GatewayError):
    return [kind, *[error for sub in kind.__subclasses__() for error in every_error(sub)]]


HTTP = (
    "bad-json", "blocked", "conflict", "draining", "encoding", "forbidden", "idempotency-in-progress",
    "idempotency-key", "idempotency-key-reused", "internal", "invalid", "media-type", "method", "not-found",
    "overloaded", "precondition", "quota-exceeded", "storage", "storage-full", "too-large", "unauthorized",
    "unknown-field",
)  # fmt: skip
"""Every slug that HTTP answers with today."""


def test_the_title_of_a_type_of_problem_is_always_the_same():
    """Whichever class an error has: one slug that reaches callers, one title, one status."""
    titles = {}
    for error in every_error():
        if error.code in HTTP:
            titles.setdefault(error.code, set()).add((problem.title(error), error.status))
    assert set(titles) == set(HTTP)
    assert {code: told for code, told in titles.items() if len(told) > 1} == {}
