"""What stands behind the `?` is a type like a body, and looked at as closely."""

from datetime import UTC, datetime

import pytest
from msgspec import Struct, field
from multidict import MultiDict

from gateway.clock import rfc3339
from gateway.errors import Invalid, UnknownField
from gateway.orders import Instant
from gateway.web.query import read
from tests.running import BOOKING, running

MESSAGES = "/communications/messages"


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """One member of every kind."""

    limit: int = 50
    switch: bool | None = None
    word: str | None = None
    from_: Instant | None = field(name="from", default=None)


def test_text_becomes_what_the_type_says():
    """Numbers, switches, times and words; what is left out has its default."""
    query = MultiDict({"limit": "7", "switch": "true", "word": "null", "from": "2026-11-24T08:00:00+02:00"})
    assert read(query, Wanted) == Wanted(7, True, "null", datetime(2026, 11, 24, 6, tzinfo=UTC))
    assert read(MultiDict(), Wanted) == Wanted()


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"limit": "x"}, {"?limit"}),
        ({"limit": "-1x", "switch": "1"}, {"?limit", "?switch"}),
        ({"limit": "9" * 30}, {"?limit"}),
        ({"limit": "٣"}, {"?limit"}),
        ({"from": "2026-11-24T08:00:00"}, {"?from"}),
        ({"from": "0"}, {"?from"}),
        ({"word": "a", "colour": "red", "limit": ""}, {"?colour", "?limit"}),
        ([("word", "a"), ("word", "a")], {"?word"}),
    ],
)
def test_every_fault_of_a_query_is_named(query, pointers):
    """All at once, each by its name, and never with what was sent."""
    with pytest.raises(Invalid) as refused:
        read(MultiDict(query), Wanted)
    assert {fault.pointer for fault in refused.value.faults} == pointers


def test_a_member_nobody_knows_is_an_error_of_its_own():
    """As in a body: a misspelt filter does not quietly show everything."""
    with pytest.raises(UnknownField) as refused:
        read(MultiDict({"stauts": "sent"}), Wanted)
    assert refused.value.faults[0].detail == "one of limit, switch, word, from"


@pytest.mark.parametrize(
    "query",
    [
        "status=gone", "channel=fax", "class=spam", "guest=gst_1", "batch=msg_00000000000000000000000000",
        "from=yesterday",
        "limit=0", "limit=201", "cursor=cur_7zzzzzzzzzzzzzzzzzzzzzzzzz", "cursor=cur_00000000000008000000000000",
        "include=everything", "colour=red", "limit=1&limit=2",
    ],
)  # fmt: skip
async def test_a_filter_that_cannot_be_used_is_refused(tmp_path, query):
    """422 names it; the list without it, and with filters that can be used, is given."""
    async with running(tmp_path, deliver=False) as run:
        await run.send(BOOKING | {"to": "ana@example.org"})
        reply = await run.call("GET", f"{MESSAGES}?{query}")
        assert reply.status == 422
        assert reply.json["errors"][0]["pointer"] == f"?{query.partition('=')[0]}"
        times = "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00%2B01:00"
        for right in ("", f"?channel=email&category=booking&q=ook&limit=200&{times}"):
            assert len((await run.call("GET", MESSAGES + right)).json["items"]) == 1


def test_a_year_has_four_digits():
    """RFC 3339 has no other: whoever asks for the state of things in the year 203 gets an answer that can be read."""
    assert rfc3339(-55_753_000_000_000) == "0203-04-05T15:33:20Z"
    assert rfc3339(1_791_540_000_000) == "2026-10-09T10:00:00Z"
