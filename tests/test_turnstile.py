"""What is refused before it is read: the plainest of requests, and nothing else by mistake."""

import asyncio
import json
import random
from contextlib import asynccontextmanager

import pytest

from gateway.overload import Importance
from gateway.web.turnstile import is_whole
from tests.running import BOOKING, NEWS, running

BULK = json.dumps(NEWS | {"recipients": [{"to": "ana@example.org"}]}).encode()
EMERGENCY = json.dumps(NEWS | {"class": "emergency", "recipients": [{"to": "ana@example.org"}]}).encode()
PLAIN = ("Content-Type: application/json",)


def post(body=BULK, *more, key="KEY", path="/communications/messages/bulk", length=None):
    """The bytes of a request, by one who may only read unless told otherwise: he gets a 403 at the doors, which comes
    before their refusal; the turnstile does not ask who he is."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {key}", *PLAIN, *more]
    if length is not False:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


CHUNKED = post(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BULK), BULK), "Transfer-Encoding: chunked", length=False)


class Line:
    """A connection, byte by byte. `key`: whose."""

    def __init__(self, reader, writer, key):
        self._reader, self._writer, self._key = reader, writer, key

    async def say(self, *pieces, pause=0.05):
        for piece in pieces:
            self._writer.write(piece.replace(b"KEY", self._key))
            await asyncio.sleep(pause)

    async def hear(self):
        """The next answer: status, headers, document."""
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await self._reader.readexactly(int(headers["Content-Length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def statuses(self, many):
        return [(await self.hear())[0] for _ in range(many)]


@asynccontextmanager
async def line(run):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(run.base.rpartition(":")[2]))
    try:
        yield Line(reader, writer, (await run.draw("read")).encode())
    finally:
        writer.close()


async def test_it_refuses_as_the_doors_do_and_only_while_there_is_too_much(tmp_path):
    """The same answer as at the door, before anybody is asked who he is, and on the same connection; afterwards the
    doors are open again."""
    async with running(tmp_path, deliver=False) as run:
        mine = run.key
        run.gateway.overload._turn_to(Importance.BULK)
        async with line(run) as ana, line(run) as bela:
            await ana.say(post())
            status, headers, problem = await ana.hear()
            await bela.say(post(BULK, "Connection: close", key=mine))
            at_door, said, there = await bela.hear()
            assert (
                (status, problem["type"]) == (at_door, there["type"]) == (503, "urn:guest-gateway:problem:overloaded")
            )
            assert set(headers) == set(said) - {"Date", "Connection"}
            assert {**problem, "instance": ""} == {**there, "instance": ""}
            assert 2 <= int(headers["Retry-After"]) <= 7
            run.gateway.overload._turn_to(0)
            await ana.say(post(), post(BULK, "Idempotency-Key: k", key=mine))
            assert await ana.statuses(2) == [403, 202]


async def test_who_does_not_wait_is_told_later_and_what_matters_is_not_kept_waiting_by_that(tmp_path):
    """The second refusal comes when the first said at the soonest; a stop on the same connection is taken at once."""
    stop = post(json.dumps({"guest": "ana@example.org"}).encode(), path="/communications/compliance/unsubscribe")
    async with running(tmp_path, deliver=False) as run, line(run) as ana:
        run.gateway.overload._turn_to(Importance.BULK)
        began = asyncio.get_running_loop().time()
        took = []
        for raw, status in ((post(), 503), (stop, 403), (post(), 503), (stop, 403)):
            await ana.say(raw, pause=0)
            assert (await ana.hear())[0] == status
            took.append(asyncio.get_running_loop().time() - began)
        assert took[1] < 1.5 < 1.9 < took[2]
        assert took[3] - took[2] < 1.5


@pytest.mark.parametrize(("request_", "level", "status"), [
    (post(), Importance.BULK, 503),
    (post(BULK, "Connection: keep-alive"), Importance.BULK, 503),
    (post(EMERGENCY), Importance.BULK, 403),
    (post(EMERGENCY.replace(b"emergency", b"\\u0065mergency")), Importance.BULK, 403),
    (post(path="/communications/messages/send"), Importance.BULK, 403),
    (post(path="/communications/messages/send"), Importance.USUAL, 503),
    (post(path="/communications/compliance/unsubscribe"), Importance.USUAL, 403),
    (CHUNKED, Importance.BULK, 403),
    (post(BULK, "X-Folded: a", " b"), Importance.BULK, 400),
    (post(BULK, f"Content-Length: {len(BULK)}"), Importance.BULK, 400),
])  # fmt: skip
async def test_only_the_plainest_request_that_matters_too_little_is_refused_here(tmp_path, request_, level, status):
    """Stops and emergencies pass, and whatever could be read in two ways is left to the parser."""
    async with running(tmp_path, deliver=False) as run, line(run) as ana:
        run.gateway.overload._turn_to(level)
        run.gateway.db.waiting += 128
        await ana.say(request_)
        assert (await ana.hear())[0] == status
        run.gateway.db.waiting -= 128


async def test_the_middle_of_a_request_is_never_taken_for_one(tmp_path):
    """What looks like a request and is the value of a header, or a body, is that; also when it began while all was
    calm, and behind a request that was answered."""
    async with running(tmp_path, deliver=False) as run:
        overload = run.gateway.overload
        async with line(run) as ana:
            await ana.say(b"GET /health/live HTTP/1.1\r\nX-Note: ")
            overload._turn_to(Importance.BULK)
            await ana.say(post(b"", length=False))
            assert (await ana.hear())[0] == 200
        async with line(run) as ana:
            await ana.say(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nGET /health/live HTTP/1.1\r\nX-Note: ")
            assert (await ana.hear())[0] == 200
            await ana.say(post(b"", length=False))
            assert (await ana.hear())[0] == 200
        async with line(run) as ana:
            inner = post(path="/communications/messages/send")
            await ana.say(
                post(inner, path="/communications/messages/send")[: -len(inner)], post(), inner[len(post()) :]
            )
            assert (await ana.hear())[0] == 403


async def test_however_a_conversation_is_cut_each_request_gets_its_answer(tmp_path):
    """The same requests in any pieces: as many answers, in their order; each is the doors' or the turnstile's."""
    draw, refused = random.Random(7), 0
    async with running(tmp_path, deliver=False) as run:
        key = (await run.draw("read")).encode()
        stop = post(json.dumps(BOOKING).encode(), path="/communications/compliance/unsubscribe")
        kinds = [(post(), {403, 503}), (stop, {403}), (CHUNKED, {403}), (post(EMERGENCY), {403})]
        run.gateway.overload._turn_to(Importance.BULK)
        for _ in range(25):
            asked = [(raw.replace(b"KEY", key), told) for raw, told in draw.choices(kinds, k=6)]
            whole = b"".join(raw for raw, _ in asked)
            ends = [sum(len(raw) for raw, _ in asked[:n]) for n in range(1, 6)]
            cuts = sorted([*draw.sample(ends, 4), draw.randrange(len(whole))])
            async with line(run) as ana:
                for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
                    await ana.say(whole[begin:end], pause=0.003)
                told = await ana.statuses(6)
            assert all(one in those for one, (_, those) in zip(told, asked, strict=True)), (told, cuts)
            refused += told.count(503)
    assert refused > 10


@pytest.mark.parametrize(("raw", "whole"), [
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nG", False),
    (b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nab", True),
    (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na", False),
    (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", False),
    (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab", False),
    (b"POST / HTTP/1.1\r\nContent-Length: 2", False),
    (b"", False),
])  # fmt: skip
def test_a_whole_request_ends_where_its_length_says(raw, whole):
    """Its head and as many bytes as it says, once, and nothing that says otherwise."""
    assert is_whole(raw) is whole
