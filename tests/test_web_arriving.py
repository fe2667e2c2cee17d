"""A long list is decoded while it arrives: never in memory as a whole, and read as any JSON reader would read it."""

import json
import tracemalloc
from io import BytesIO

import pytest

from gateway.web import arriving
from gateway.web.arriving import Apart
from tests.running import BOOKING, running

BULK = "/communications/messages/bulk"
ANA, BO = {"to": "ana@example.org"}, {"to": {"email": "bo@example.org"}, "variables": {"deep": [[{"a": ']},\\"'}]]}}
FRAME = json.dumps(BOOKING)[1:-1]
MIB = 1 << 20


@pytest.fixture
async def run(tmp_path):
    """An open gateway that does not deliver."""
    async with running(tmp_path, deliver=False) as run:
        yield run


async def send(run, text, key="one"):
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    return await run.call("POST", BULK, data=BytesIO(text.encode()), headers=headers)


def apart(raw, size):
    """The frame and the items of a document that comes in parts of this size."""
    one, items = Apart("list"), []
    for at in range(0, len(raw), size):
        items += one.feed(raw[at : at + size])
    items += one.feed(b"")
    return one.frame(), items


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("items", [[], [1], ["a,]", {}], [ANA, None, BO, [[]], "\\", {"list": [1, 2]}]])
def test_a_document_is_taken_apart_wherever_it_is_cut(items, indent, size):
    """In parts of any size: the items are those that a reader of the whole finds, and so is everything else."""
    around = [{"a": {"list": [1]}, "b": ["list"]}, {"list": items}, {"c": '"list": [1]', "d": "{[,é"}]
    for order in (around, around[::-1], around[1:], around[:2]):
        document = {name: value for some in order for name, value in some.items()}
        frame, found = apart(json.dumps(document, indent=indent, ensure_ascii=False).encode(), size)
        assert json.loads(frame) == document | {"list": [0][: len(items)]}
        assert [json.loads(item) for item in found] == items


@pytest.mark.parametrize(
    "document",
    [
        b'{"list": {"filter": [1, 2]}}',
        b'{"list": null, "lists": [1]}',
        b'[{"list": [1]}]',
        b'{"a": {"list": [1]}}',
        b'{"a": "list", "b": [":", [1]]}',
        b'{"\\"list": [1]}',
        b"[]",
    ],
)
def test_what_is_not_the_list_stays_as_it_is(document):
    """Another member, a list that is deeper, a text that looks like it; and the name may be written with an escape."""
    assert apart(document, 5) == (document, [])
    assert apart(b'{"l\\u0069st": [1]}', 5) == (b'{"l\\u0069st": [0]}', [b"1"])


@pytest.mark.parametrize("rest", ["", ","])
async def test_members_may_come_in_any_order(run, rest):
    """What is said of all may stand before the list and after it, and it is the same request."""
    people = f'"recipients": [{json.dumps(ANA)}, {json.dumps(BO)}]'
    before, after = await send(run, f"{{{FRAME}, {people}}}"), await send(run, f"{{ {people} , {FRAME} }}")
    assert (before.status, before.json["accepted"]) == (202, 2)
    assert (after.raw, after.headers["Idempotent-Replayed"]) == (before.raw, "true")


@pytest.mark.parametrize(
    ("people", "detail"),
    [
        ('{"to": "a@example.org"} {"to": "b@example.org"}', "It is item 0 of /recipients."),
        ('{"to": "a@example.org"}, {"to": "b@example.org"}}', ""),
        ('{"to": "a@example.org"}, {"to": "b@example.org", "to": "c@example.org"}', "It is item 1 of /recipients."),
        ('{"to": "a@example.org"},', "It is item 1 of /recipients."),
        (',{"to": "a@example.org"}', "It is item 0 of /recipients."),
        ('{"to": "a@example.org"}, {"to": NaN}', "It is item 1 of /recipients."),
        ('{"to": "a@example.org"}, {"variables": ' + "[" * 40 + "]" * 40 + "}", "It is item 1 of /recipients."),
        ('{"to": "a@example.org"', ""),
        ('"a', ""),
    ],
)  # fmt: skip
async def test_what_no_two_readers_would_read_alike_is_refused(run, people, detail):
    """The whole request, with the place of what is wrong; without that it goes."""
    reply = await send(run, f'{{{FRAME}, "recipients": [{people}]}}')
    assert (reply.status, reply.json["type"].rpartition(":")[2]) == (400, "bad-json")
    assert reply.json["detail"].endswith(detail)
    assert (await send(run, f'{{{FRAME}, "recipients": [{json.dumps(ANA)}]}}')).status == 202


async def test_a_list_may_not_be_too_long(run):
    """That is a fault like any other, told together with the others; of a list that is not, only the others are."""
    people = [json.dumps(ANA)] * 50_000
    refused = await send(run, f'{{{FRAME}, "surprise": 1, "recipients": [{",".join([*people, "1"])}]}}')
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/recipients", "/surprise"]
    refused = await send(run, f'{{{FRAME}, "surprise": 1, "recipients": [{",".join(people)}]}}')
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/surprise"]


async def test_no_piece_may_be_too_large(run):
    """Neither an item nor what is around the list: one that is larger is refused while the rest still arrives."""
    item = '{"to": "ana@example.org", "variables": {"x": "%s"}}'
    for size, status in ((arriving.LONGEST - 1000, 202), (arriving.LONGEST + MIB, 413)):
        large = item % ("x" * size)
        assert (await send(run, f'{{{FRAME}, "recipients": [{large}, {large}]}}', str(size))).status == status
        spaces = " " * size
        assert (await send(run, f'{{{FRAME}, "recipients": [{item % ""}] {spaces}}}', f"a{size}")).status == status


@pytest.mark.parametrize(("to", "status", "most"), [(5, 422, 5 * MIB), ("ana@example.org", 200, 34 * MIB)])
async def test_a_body_is_never_in_memory_as_a_whole(run, to, status, most):
    """Of 27 MiB whose recipients are all left out, next to nothing is there at any time; of those that are understood
    no more than they are themselves, once."""
    variables = {"x": "x" * 30_000}

    async def body():
        yield f'{{{FRAME}, "dry_run": true, "recipients": ['.encode()
        for number in range(900):
            yield b"," * bool(number) + json.dumps({"to": to, "variables": variables}).encode()
        yield b"]}"

    await run.call("GET", "/health/live")
    tracemalloc.start()
    reply = await run.call("POST", BULK, None, data=body(), headers={"Content-Type": "application/json"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (reply.status, peak < most) == (status, True), peak
