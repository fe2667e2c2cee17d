"""The Python client on a line that breaks: what is asked again, what never is, and that nothing is sent twice."""

import asyncio
from itertools import pairwise

import httpx2
import pytest

from gateway.cli.receiver import free_port
from guest_gateway import Blocked, NotFound, Patience, QuotaExceeded, Unexpected, Unreachable
from guest_gateway.patience import worth_repeating
from guest_gateway.request import Request
from tests.programs import KINDS, QUICK, program
from tests.relay import relay
from tests.running import CONFIG, running

BOOKING = {"channel": "email", "to": "ana@example.org", "class_": "transactional", "category": "booking",
           "subject": "Your stay", "text": "See you on Friday."}  # fmt: skip
ONE_A_SECOND = CONFIG + '[limits.send]\nendpoints = ["messages.send"]\nquota = 1\nwindow = "1s"\n'
ONE_AN_HOUR = ONE_A_SECOND.replace("1s", "1h")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
async def run(tmp_path):
    async with running(tmp_path) as run:
        yield run


async def messages(run):
    return len((await run.call("GET", "/communications/messages")).json["items"])


# -- the line ---------------------------------------------------------------------------------------------------------


async def test_a_message_whose_answer_was_lost_is_there_once(run, kind):
    """The gateway heard it, the program did not hear back, twice: it asks again with the same key, and one is sent."""
    async with relay(run.base, "unanswered", "unanswered") as line, program(kind, run.key, line.base) as app:
        sent = await app.ask(lambda gateway: gateway.messages.send(**BOOKING))
    assert (len(line.calls), await messages(run)) == (3, 1)
    await run.until(sent.id, "sent")


async def test_a_batch_whose_answer_was_lost_is_there_once(run, kind):
    """The same of many."""
    order = {name: value for name, value in BOOKING.items() if name != "to"}
    async with relay(run.base, "unanswered") as line, program(kind, run.key, line.base) as app:
        batch = await app.ask(lambda gateway: gateway.batches.send(["ana@example.org", "bo@example.org"], **order))
    assert (batch.accepted, len(line.calls), await messages(run)) == (2, 2, 2)


async def test_two_intentions_are_two_messages_and_a_key_of_ones_own_makes_them_one(run, kind):
    """Each call draws a key of its own, so the same words may be sent twice; who brings a key has it once."""
    async with program(kind, run.key, run.base) as app:
        one, two = [await app.ask(lambda gateway: gateway.messages.send(**BOOKING)) for _ in "12"]
        own = [
            await app.ask(lambda gateway: gateway.messages.send(**BOOKING, idempotency_key="booking-4711"))
            for _ in "12"
        ]
    assert one.id != two.id
    assert own[0] == own[1]
    assert await messages(run) == 3


async def test_what_might_be_done_twice_is_not_asked_again(run, kind):
    """A consent has no key: after a lost answer the error says that it may have been recorded, and it was, once."""
    async with program(kind, run.key, run.base) as app:
        sent = await app.ask(lambda gateway: gateway.messages.send(**BOOKING))
        guest = (await app.ask(lambda gateway: gateway.messages.get(sent.id))).guest_id
        async with relay(run.base, "unanswered") as line, program(kind, run.key, line.base) as unlucky:
            with pytest.raises(Unreachable) as lost:
                await unlucky.ask(lambda gateway: gateway.compliance.consent("ana@example.org"))
        assert (lost.value.maybe_done, len(line.calls)) == (True, 1)
        assert (await app.ask(lambda gateway: gateway.compliance.consents(guest))).events == 1


async def test_a_gateway_that_is_just_starting_is_waited_for(run, kind):
    """Nobody listens yet: it is tried again, whatever is asked, and works once somebody does."""
    port = free_port()
    async with program(kind, run.key, f"http://127.0.0.1:{port}", Patience(tries=8, first=0.05)) as app:
        asked = asyncio.create_task(app.ask(lambda gateway: gateway.api_keys.draw("booking system", ["send"])))
        await asyncio.sleep(0.1)
        async with relay(run.base, port=port) as line:
            assert (await asked).name == "booking system"
    assert len(line.calls) == 1


async def test_patience_ends(kind):
    """Nobody ever listens: in the end the error says that nothing was done, and which key it had."""
    async with program(kind, "gk_any", f"http://127.0.0.1:{free_port()}", QUICK) as app:
        with pytest.raises(Unreachable) as nobody:
            await app.ask(lambda gateway: gateway.messages.send(**BOOKING, idempotency_key="booking-4711"))
    assert (nobody.value.maybe_done, nobody.value.idempotency_key) == (False, "booking-4711")


async def test_a_live_line_that_breaks_is_taken_up_where_it_broke(tmp_path, kind):
    """Progress goes on after two breaks, tells nothing twice, and comes to the end; no batch is no reason to wait."""
    order = {name: value for name, value in BOOKING.items() if name != "to"}
    guests = [f"guest{number}@example.org" for number in range(100)]
    async with running(tmp_path, deliver=False) as run, relay(run.base, "interrupted", "unheard") as line:
        async with program(kind, run.key, run.base) as app:
            batch = await app.ask(lambda gateway: gateway.batches.send(guests, **order))
        async with program(kind, run.key, line.base) as watcher:
            watching = asyncio.create_task(watcher.all(lambda gateway: gateway.batches.watch(batch.id)))
            await line.whole.wait()
            with pytest.raises(NotFound):
                await watcher.all(lambda gateway: gateway.batches.watch("bat_nobody"))
            await run.gateway.start()
            seen = await watching
            await run.gateway.drain()
    assert (seen[0].counts, seen[-1].status, seen[-1].counts) == ({"queued": 100}, "finished", {"sent": 100})
    assert all(one != following for one, following in pairwise(seen))


# -- the gateway's own word -------------------------------------------------------------------------------------------


async def test_a_limit_is_waited_out(tmp_path, kind):
    """A second message comes too soon: after Retry-After it goes through, and the caller has noticed nothing."""
    async with running(tmp_path, ONE_A_SECOND) as run, program(kind, run.key, run.base) as app:
        for _ in "12":
            await app.ask(lambda gateway: gateway.messages.send(**BOOKING))
        assert await messages(run) == 2


async def test_a_limit_that_lasts_is_not_waited_out(tmp_path, kind):
    """An hour is too long: the error comes at once and says how long it would be."""
    async with running(tmp_path, ONE_AN_HOUR) as run, program(kind, run.key, run.base) as app:
        await app.ask(lambda gateway: gateway.messages.send(**BOOKING))
        with pytest.raises(QuotaExceeded) as limited:
            await app.ask(lambda gateway: gateway.messages.send(**BOOKING))
        assert 3000 < limited.value.retry_after <= 3600


async def test_a_refusal_is_the_last_word(run, kind):
    """The law is not asked a second time by itself: one refusal is on record."""
    async with program(kind, run.key, run.base) as app:
        with pytest.raises(Blocked):
            await app.ask(lambda gateway: gateway.messages.send(**BOOKING | {"class_": "marketing"}))
    assert await messages(run) == 1


async def test_what_is_no_gateway_is_told_so(kind):
    """A server of another kind at that address is Unexpected, whatever it says."""

    async def other(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with program(kind, "gk_any", f"http://127.0.0.1:{port}") as app:
            with pytest.raises(Unexpected):
                await app.ask(lambda gateway: gateway.compliance.rules())


def answer(status, slug):
    return httpx2.Response(status, json={"type": f"urn:guest-gateway:problem:{slug}", "status": status})


@pytest.mark.parametrize(
    ("outcome", "harmless", "otherwise"),
    [
        (answer(202, ""), False, False),
        (answer(429, "quota-exceeded"), True, True),
        (answer(503, "draining"), True, True),
        (answer(503, "overloaded"), True, True),
        (answer(503, "storage-full"), True, True),
        (answer(503, "storage"), True, False),
        (answer(409, "idempotency-in-progress"), True, True),
        (answer(409, "conflict"), False, False),
        (answer(422, "blocked"), False, False),
        (answer(500, "internal"), False, False),
        (httpx2.Response(502, text="<html>"), True, False),
        (httpx2.Response(503, text="<html>"), True, True),
        (httpx2.ConnectError(""), True, True),
        (httpx2.ConnectTimeout(""), True, True),
        (httpx2.ReadTimeout(""), True, False),
        (httpx2.RemoteProtocolError(""), True, False),
        (httpx2.UnsupportedProtocol(""), False, False),
    ],
    ids=lambda value: f"{value!r}"[:40],
)
def test_what_is_worth_repeating(outcome, harmless, otherwise):
    """A request that does no harm twice is repeated wherever that may help; any other only where nothing was done."""
    for is_harmless, wanted in ((True, harmless), (False, otherwise)):
        request = Request("POST", "messages/send", dict, None, {}, {}, is_harmless, 1.0)
        assert worth_repeating(request, outcome) == wanted


def test_waits_grow_and_heed_the_gateway():
    """Each is between half and the whole of twice the one before; Retry-After is a floor; too long, or once too often,
    is the end."""
    patience = Patience(tries=4, first=1.0, longest=10.0)
    request = Request("GET", "messages", dict, None, {}, {}, True, 1.0)
    for tried, whole in ((1, 1.0), (2, 2.0), (3, 4.0)):
        assert whole / 2 <= patience.wait(request, httpx2.ConnectError(""), tried) <= whole
    assert patience.wait(request, httpx2.ConnectError(""), 4) is None
    for seconds, waits in (("7", True), ("11", False)):
        limited = httpx2.Response(429, headers={"Retry-After": seconds})
        assert (patience.wait(request, limited, 1) == 7.0) is waits
        assert (patience.wait(request, limited, 1) is None) is not waits
