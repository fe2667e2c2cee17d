"""What every door has in common: who may pass, what a body may be, what every answer carries."""

import asyncio
import contextlib
import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import metrics
from gateway.model import SCOPES
from gateway.web import app, body
from tests.running import BOOKING, CONFIG, running

ORDER = BOOKING | {"to": "ana@example.org"}
SEND = "/communications/messages/send"
CHECK = "/communications/compliance/check"
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Server": "guest-gateway",
}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def raw(run, *pieces):
    """Send bytes, piece by piece, and read until the other end closes; the whole answer."""
    host, port = run.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.01)  # each is read by itself
    answer = b""
    with contextlib.suppress(ConnectionResetError):  # how a line may end that was cut while we still wrote
        async with asyncio.timeout(10):
            while piece := await reader.read(65536):
                answer += piece
    writer.close()
    return answer


# -- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"", 400, "bad-json"),
        (b"{", 400, "bad-json"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'"text"', 422, "invalid"),
        (b'{"text": NaN}', 400, "bad-json"),
        (b'{"text": "a", "text": "b"}', 400, "bad-json"),
        (b'\xef\xbb\xbf{"text": "a"}', 400, "bad-json"),
        (b'{"text": "\xff"}', 400, "bad-json"),
        (b'{"metadata": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, "bad-json"),
        (b'{"metadata": ' + b"[" * 32 + b"]" * 32 + b"}", 400, "bad-json"),
        (b'{"metadata": ' + b"[" * 31 + b"]" * 31 + b"}", 422, "invalid"),
        (b'{"\\ud800": 1}', 400, "bad-json"),
        (b'{"text": "\\udfff"}', 400, "bad-json"),
        (b'{"text": "a\x00"}', 400, "bad-json"),
        (b'{"text": 1e999}', 422, "invalid"),
        ('{"text": "a"}'.encode("utf-16"), 400, "bad-json"),
        (b'{"text": "a"} trailing', 400, "bad-json"),
    ],
)
async def test_a_body_is_one_document_or_nothing(run, sent, status, code):
    """Whatever two readers could read differently is refused; a good one beside it is taken."""
    reply = await run.call("POST", SEND, sent)
    assert (reply.status, reply.json["type"]) == (status, f"urn:guest-gateway:problem:{code}")
    assert (await run.call("POST", SEND, json.dumps(ORDER).encode())).status == 202


@pytest.mark.parametrize(
    "twice",
    [
        ', "subject": "Other"}',
        ', "subject" : "Other"}',
        ', "subject"\t:"Other"}',
        ',\n"subject"\n: "Other"}',
        ', "reference" : "a", "subject": "Other"}',
        ', "s\\u0075bject": "Other"}',
        ', "metadata": {"a": "1", "b": "2", "a": "3"}}',
        ', "metadata": {"a" : "1", "b\\":": "2", "a": "3"}}',
        ', "declares": {"advertisement": true, "advertisement": true}}',
    ],
)
async def test_a_member_twice_inside_a_good_order_is_refused(run, twice):
    """The order would be fine; that two readers could see two subjects is not, however it is written."""
    order = {name: value for name, value in ORDER.items() if name not in ("metadata", "declares", "reference")}
    sent = json.dumps(order)[:-1] + twice
    assert (await run.call("POST", SEND, sent.encode())).json["type"].endswith("bad-json")
    once = json.dumps(json.loads(sent)).replace('"a":', '"a" :')
    assert (await run.call("POST", SEND, once.encode())).status == 202


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, 415, "media-type"),
        ({"Content-Type": "application/json; charset=latin-1"}, 415, "encoding"),
        ({"Content-Encoding": "gzip"}, 415, "encoding"),
        ({"Content-Type": "application/json; charset=utf-8"}, 202, None),
    ],
)
async def test_a_body_says_what_it_is(run, headers, status, code):
    """JSON in UTF-8, uncompressed."""
    reply = await run.call("POST", SEND, json.dumps(ORDER).encode(), headers=headers)
    assert reply.status == status
    assert code is None or reply.json["type"].endswith(code)


async def test_a_body_has_a_size(run):
    """Over 1 MiB is 413, whether it says so or not."""
    large = b'{"text": "' + b"x" * body.LARGEST + b'"}'
    head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {run.key}\r\nConnection: close\r\n"
    said = head + f"Content-Type: application/json\r\nContent-Length: {len(large)}\r\n\r\n"
    assert (await raw(run, said.encode())).startswith(b"HTTP/1.1 413")

    async def pieces():
        for at in range(0, len(large), 65536):
            yield large[at : at + 65536]

    headers = {"Authorization": f"Bearer {run.key}", "Content-Type": "application/json"}
    async with run.http.post(f"{run.base}{SEND}", data=pieces(), headers=headers) as answer:
        assert answer.status == 413


async def test_a_body_has_a_time(run, monkeypatch):
    """One that does not come is answered and cut off."""
    monkeypatch.setattr(body, "SECONDS", 0.1)
    head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {run.key}\r\n"
    answer = await raw(run, head.encode() + b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize(
    "rest",
    [b"zz\r\n", b"-1\r\n", b"1\r\nxx\r\n", b"1;\x00\r\nx\r\n", b"0\r\nBad Trailer: x\r\n\r\n"],
    ids=["no number", "negative", "longer than it says", "control byte", "trailer"],
)
@pytest.mark.parametrize("key", [True, False], ids=["in", "out"])
async def test_a_malformed_chunk_is_answered_at_once(run, caplog, rest, key):
    """400 and the end of the line, long before the body's time is over; what comes behind it gets no answer. Whoever
    may not pass hears that and no more. The same body in good chunks is taken."""
    head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {run.key if key else 'x'}\r\n"
    content = json.dumps(ORDER).encode()
    good = b"%x\r\n%b\r\n" % (len(content), content)
    wrong = await raw(run, head.encode() + b"\r\n", good + rest, GET + b"\r\n")
    right = await raw(run, head.encode() + b"Connection: close\r\n\r\n", good + b"0\r\n\r\n")
    assert wrong.startswith(b"HTTP/1.1 400 " if key else b"HTTP/1.1 401 ")
    assert wrong.count(b"HTTP/1.1 ") == 1
    assert (b"problem:bad-json" in wrong) is key
    assert right.startswith(b"HTTP/1.1 202 " if key else b"HTTP/1.1 401 ")
    assert ('"level":"error"' in run.log_text.getvalue(), caplog.records) == (False, [])


# -- framing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (GET + b"Content-Length: +1\r\n\r\nx", 400),
        (GET + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (GET + b"Bad Header: x\r\n\r\n", 400),
        (GET + b"X: a\r\n folded\r\n\r\n", 400),
        (GET + b"X: a\x00b\r\n\r\n", 400),
        (GET + b"Host: y\r\n\r\n", 400),
        (GET + b"Expect: miracles\r\n\r\n", 400),
        (GET.replace(b"live", b"nowhere") + b"Expect: miracles\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (GET + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n", 400),
        (GET + b"X: " + b"y" * 9000 + b"\r\n\r\n", 413),
        (b"GET /" + b"y" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 413),
    ],
)
async def test_what_is_no_http_gets_a_problem_too(run, request_, status):
    """The parser's refusals look like ours: problem+json, our headers, no version of anything."""
    answer = await raw(run, request_)
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.0 %d " % status, b"HTTP/1.1 %d " % status))
    assert b"application/problem+json" in head
    assert b"X-Request-Id: req_" in head
    assert b"Server: guest-gateway" in head
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
    assert json.loads(content)["status"] == status
    good = await raw(run, GET + b"Connection: close\r\nX: " + b"y" * 8000 + b"\r\n\r\n")
    assert good.startswith(b"HTTP/1.1 200 ")


async def test_a_caller_who_hangs_up_is_no_defect_of_ours(run):
    """A body that breaks off counts as a bad request; the log has no error."""
    host, port = run.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {run.key}\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Content-Length: 50\r\n\r\n{")
    await writer.drain()
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 10)
    writer.close()
    for _ in range(500):
        if f'"route":"{SEND}"' in run.log_text.getvalue():
            break
        await asyncio.sleep(0.01)
    assert '"code":400' in run.log_text.getvalue()
    assert '"level":"error"' not in run.log_text.getvalue()


async def test_a_caller_who_hangs_up_while_a_limit_is_written_down_is_no_defect_of_ours(run):
    """His request had come in whole and waited for the disk; that too counts as a bad one."""
    host, port = run.base.removeprefix("http://").split(":")
    order = json.dumps({"message": ORDER}).encode()
    head = f"POST {CHECK} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {run.key}\r\nContent-Type: application/json\r\n"
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(order) + order)
    writer.transport.abort()
    for _ in range(500):
        if f'"route":"{CHECK}"' in run.log_text.getvalue():
            break
        await asyncio.sleep(0.01)
    assert '"code":400' in run.log_text.getvalue()
    assert '"level":"error"' not in run.log_text.getvalue()


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Idempotency-Key"])
async def test_a_header_that_counts_is_given_once(run, name):
    """Two of them would be read differently by two of us."""
    content = json.dumps(ORDER).encode()
    lines = {"Authorization": f"Bearer {run.key}", "Content-Type": "application/json", "Idempotency-Key": "k"}
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    start = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(content)}\r\n"
    good = await raw(run, (start + head + "\r\n").encode() + content)
    twice = await raw(run, (start + head + f"{name}: {lines[name]}\r\n\r\n").encode() + content)
    assert good.startswith(b"HTTP/1.1 202")
    assert twice.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))


async def test_methods_and_paths(run):
    """A path nobody knows is 404; a method nobody takes is 405 and says which are."""
    assert (await run.call("GET", "/nowhere")).json["type"].endswith("not-found")
    wrong = await run.call("DELETE", SEND)
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")
    assert (await run.call("GET", SEND)).status == 405
    item = await run.call("POST", "/communications/messages/msg_00000000000000000000000000")
    assert (item.status, item.headers["Allow"]) == (405, "GET, HEAD")
    for method, path in (("TRACE", SEND), ("TRACE", "/nowhere"), ("OPTIONS", SEND), ("PUT", "/health/live")):
        reply = await run.call(method, path)
        assert (reply.status, reply.json["type"]) == (405, "urn:guest-gateway:problem:method")
        assert reply.headers["Allow"]
    answer = await raw(run, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 405 ")


async def test_what_comes_to_no_door_is_counted_and_logged(run):
    """Under one route and a method of a closed set, never under what was asked for."""

    def counted(method: str, status: int) -> float:
        return metrics.REQUESTS.labels(method, "none", status)._value.get()

    before = counted("GET", 404), counted("other", 404), counted("other", 405)
    await run.call("GET", "/ana@example.org")
    await run.call("PURGE", "/nowhere")
    await run.call("PURGE", SEND)
    assert (counted("GET", 404), counted("other", 404), counted("other", 405)) == tuple(one + 1 for one in before)
    run.gateway.log.close()
    lines = run.log_text.getvalue()
    assert lines.count('"route":"none"') == 3
    assert "ana@" not in lines
    assert "PURGE" not in lines


async def test_head_is_get_without_the_body(run):
    """Same status, same headers, nothing behind them; what only takes POST does not take it."""
    head, get = await run.call("HEAD", "/communications/messages"), await run.call("GET", "/communications/messages")
    assert (head.status, head.raw, get.status) == (200, b"", 200)
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert (await run.call("HEAD", "/communications/compliance/unsubscribe")).status == 405


async def test_an_offer_to_change_the_protocol_is_not_taken(run):
    """No WebSocket, no HTTP/2: the request is answered as it stands, and so is the next on the same connection."""
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    upgrade = GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + key + b"\r\n"
    answer = await raw(run, upgrade + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 2


async def test_every_answer_carries_the_same_headers(run):
    """Success, refusal and error alike; the request id is ours whatever the caller says."""
    for reply in (
        await run.send(ORDER, headers={"X-Request-Id": "mine"}),
        await run.send(ORDER | {"colour": 1}),
        await run.call("GET", "/nowhere"),
        await run.call("GET", "/health/live"),
        await run.call("GET", "/communications/messages", headers={"Authorization": None}),
    ):
        assert {name: reply.headers.get(name) for name in ALWAYS} == ALWAYS
        assert reply.headers["Content-Security-Policy"]
        assert reply.headers["X-Request-Id"].startswith("req_")
        assert "Access-Control-Allow-Origin" not in reply.headers


async def test_a_defect_of_ours_is_told_without_its_details(run, monkeypatch):
    """500, the request's number, nothing else; the log has the kind of error."""

    def broken(*_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(run.gateway.parts.stories, "find", broken)
    reply = await run.call("GET", "/communications/messages/msg_00000000000000000000000000")
    assert (reply.status, b"secret" in reply.raw) == (500, False)
    run.gateway.log.close()
    assert '"error":"ZeroDivisionError"' in run.log_text.getvalue()


# -- who may pass ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic abc", "Bearer gk_aaaaaaaa_" + "a" * 49]
)
async def test_without_a_key_nothing_is_told(run, authorization):
    """401 in one form, whatever was wrong."""
    reply = await run.call("GET", "/communications/messages", headers={"Authorization": authorization})
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, 'Bearer realm="guest-gateway"')
    assert reply.json["detail"] == "A valid API key or access token is needed."


async def test_a_key_ends_when_it_is_revoked_expired_or_far_from_home(run, clock):
    """Verified a moment ago does not help; another key is not touched."""
    good = run.key
    revoked = await run.draw("read")
    expiring = await run.draw("read", expires_at="2026-11-24T10:00:05Z")
    foreign = await run.draw("read", networks=["10.0.0.0/8"])
    here = await run.draw("read", networks=["127.0.0.0/8"])

    async def status(key):
        run.key = key
        return (await run.call("GET", "/communications/messages")).status

    assert [await status(key) for key in (revoked, expiring, foreign, here)] == [200, 200, 401, 200]
    run.key = good
    await run.local("DELETE", f"/communications/api-keys/key_{revoked[3:11]}")
    clock.forward(10)
    assert [await status(key) for key in (revoked, expiring, here)] == [401, 401, 200]


async def test_guessing_is_slowed_and_the_right_key_is_not(run):
    """More than ten wrong keys a minute from one source are 429; who knows his key passes all the same."""
    statuses = [
        (await run.call("GET", "/communications/messages", headers={"Authorization": "Bearer x"})).status
        for _ in range(13)
    ]
    assert statuses == [401] * 10 + [429] * 3
    assert (await run.call("GET", "/communications/messages")).status == 200


@pytest.mark.parametrize("door", [door for door in app.doors(app.MAIN) if door.scope], ids=lambda door: door.name)
async def test_no_scope_implies_another(run, door):
    """A key with every scope but a door's own is refused at it; with that one alone it is let in."""
    own = {door.scope} if isinstance(door.scope, str) else set(door.scope)
    path = re.sub(r"\{\w+\}", "msg_00000000000000000000000000", door.path.replace("{version}", "1"))
    run.key = await run.draw(*(set(SCOPES) - own))
    sent = {} if door.method == "POST" else None
    assert (await run.call(door.method, path, sent)).status == 403
    run.key = await run.draw(*own)
    assert (await run.call(door.method, path, sent)).status not in (401, 403)


async def test_asking_about_a_guest_needs_more_than_asking_about_the_law(run):
    """Facts that somebody made up need `check` alone; facts from the store need `send` or `consent` besides."""
    made_up = {
        "now": "2026-11-24T10:00:00Z", "venue": {"country": "PT"}, "recipient": {"country": "PT"},
        "message": {"channel": "email", "class": "transactional"},
    }  # fmt: skip
    path = "/communications/compliance/check"
    for scopes, status in ((["check"], 403), (["check", "send"], 200), (["check", "consent"], 200)):
        run.key = await run.draw(*scopes)
        assert (await run.call("POST", path, made_up)).status == 200
        for class_ in ("transactional", "emergency"):
            assert (await run.call("POST", path, {"message": ORDER | {"class": class_}})).status == status
    wrong = await run.call("POST", path, {"message": ORDER | {"subject": None}})
    assert wrong.json["errors"][0]["pointer"] == "/message/subject"


# -- how much --------------------------------------------------------------------------------------------------------


async def test_a_limit_says_where_one_stands_and_when_to_come_back(tmp_path, clock):
    """Two a minute: the third is 429, and after exactly Retry-After the next succeeds. A restart gives nothing back,
    nor does a clock that is set back."""
    tight = CONFIG + '[limits.send]\nendpoints = ["messages.send"]\nquota = 2\nwindow = "1m"\n'
    async with running(tmp_path, tight, clock, deliver=False) as run:
        first = await run.send(ORDER)
        assert first.headers["RateLimit-Policy"] == '"send";q=2;w=60'
        assert first.headers["RateLimit"].startswith('"send";r=1;t=3')
        assert (await run.send(ORDER)).status == 202
        third = await run.send(ORDER)
        assert (third.status, third.json["limit"]) == (429, "send")
        assert third.headers["RateLimit"].endswith(f"t={third.headers['Retry-After']}")
        clock.set(clock.now() - 3_600_000)
        assert (await run.send(ORDER)).status == 429
        clock.set(clock.now() + 3_600_000)
        clock.forward(int(third.headers["Retry-After"]))
        assert (await run.send(ORDER)).status == 202
        key = run.key
    async with running(tmp_path, tight, clock, deliver=False) as run:
        run.key = key
        assert (await run.send(ORDER)).status == 429
        clock.forward(60)
        assert (await run.send(ORDER)).status == 202


# -- looking after it ------------------------------------------------------------------------------------------------


async def test_health_tells_the_truth(run):
    """Live, ready, the summary; a store that cannot be written is not ready; a draining gateway takes nothing."""
    assert (await run.call("GET", "/health/live")).json == {"status": "ok"}
    run.gateway.health.started = True
    assert (await run.call("GET", "/communications/health")).json["status"] == "ready"
    run.gateway.db.broken = "failed"
    run.gateway.health._written = (-10.0, False)
    broken = await run.call("GET", "/health/ready")
    assert (broken.status, broken.json["checks"]["store"], broken.headers["Retry-After"]) == (503, "failed", "5")
    run.gateway.db.broken = None
    run.gateway.health.draining = True
    assert (await run.send(ORDER)).json["type"].endswith("draining")
    assert (await run.call("GET", "/health/live")).status == 200


async def test_what_is_counted_can_be_read_by_prometheus(tmp_path, clock):
    """The page parses, every metric is ours, and one of them moves; on the main port only where it is allowed."""
    async with running(tmp_path, CONFIG, clock, deliver=False) as run:
        assert (await run.call("GET", "/communications/metrics")).status == 404
    async with running(tmp_path, CONFIG + "[server]\nmetrics = true\n", clock, deliver=False) as run:
        await run.send(ORDER)
        await run.send(ORDER | {"class": "marketing"})
        page = (await run.call("GET", "/communications/metrics")).raw.decode()
        families = {family.name: family for family in text_string_to_metric_families(page)}
        assert all(name.startswith("gateway_") for name in families)
        counted = families["gateway_messages"].samples
        ruled = families["gateway_decisions"].samples
        assert any(sample.labels["decision"] == "deny" and sample.labels["rule"] == "CORE-JUR-6" for sample in ruled)
        assert any(sample.labels == {"channel": "email", "state": "queued"} and sample.value >= 1 for sample in counted)


async def test_rules_can_be_looked_up(run):
    """All of them, one of them, and a stranger."""
    listed = (await run.call("GET", "/communications/compliance/rules")).json
    assert {"CORE-SUP-1", "EU-EPRIV-1"} <= {rule["rule"] for rule in listed["items"]}
    one = (await run.call("GET", "/communications/compliance/rules/EU-DE-1")).json
    assert "UWG" in one["citation"]
    assert (await run.call("GET", "/communications/compliance/rules/XX-1")).status == 404


async def test_a_proxy_is_believed_only_where_it_is_named(tmp_path, clock):
    """A key that is good from one network only: X-Forwarded-For opens nothing by itself, through our proxy it does."""
    for proxies, status in (("", 401), ('[server]\nproxies = ["127.0.0.1/32"]\n', 200)):
        async with running(tmp_path, CONFIG + proxies, clock, deliver=False) as run:
            run.key = await run.draw("read", networks=["203.0.113.0/24"])
            told = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
            assert (await run.call("GET", "/communications/messages", headers=told)).status == status
            forged = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
            assert (await run.call("GET", "/communications/messages", headers=forged)).status == 401
