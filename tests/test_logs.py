"""One line of facts per event, in closed fields; a pipe nobody reads costs lines, never time."""

import io
import json
import os
from datetime import datetime

import pytest

from gateway.logs import FIELDS, WAITING_LINES, Log
from tests.running import BOOKING, running

HEAD = {"ts", "level", "event"}


def lines(text):
    """Every line, decoded."""
    return [json.loads(line) for line in text.split("\n") if line]


async def test_every_event_is_one_line_of_known_fields(tmp_path):
    """A message sent, refused, asked for, and a key refused: JSON all the way, and no field beyond the list."""
    async with running(tmp_path) as run:
        sent = await run.send(BOOKING | {"to": "ana@example.org", "text": "two\nlines"})
        await run.send(BOOKING | {"to": "nobody"})
        await run.call("GET", "/communications/messages", headers={"Authorization": "Bearer x"})
        await run.until(sent.json["id"], "sent")
    told = lines(run.log_text.getvalue())
    assert {name for line in told for name in line} <= FIELDS | HEAD
    assert all(datetime.fromisoformat(line["ts"]).tzinfo and line.keys() >= HEAD for line in told)
    (accepted,) = [line for line in told if line.get("code") == 202]
    assert accepted["request_id"] == sent.headers["X-Request-Id"]
    assert (accepted["route"], accepted["method"]) == ("/communications/messages/send", "POST")
    assert accepted["actor"].startswith("key:")
    assert {422, 401} <= {line.get("code") for line in told}


@pytest.mark.parametrize("field", ["address", "to", "subject", "text", "token", "phone", "header", "body"])
def test_a_field_that_could_name_someone_cannot_be_written(field):
    """Whoever tries finds out in his first test; an allowed field is written."""
    stream = io.StringIO()
    log = Log(stream, "info", "json")
    with pytest.raises(TypeError, match="not a field of the log"):
        log.info("sent", **{field: "ana@example.org"})
    log.info("sent", channel="email")
    log.close()
    assert [line["channel"] for line in lines(stream.getvalue())] == ["email"]


def test_nothing_breaks_out_of_its_line():
    """Line breaks and quotes in a value stay inside it."""
    stream = io.StringIO()
    log = Log(stream, "info", "json")
    log.error("failed", error='x"\n{"event":"forged"}\u2028')
    log.close()
    (line,) = lines(stream.getvalue())
    assert (line["event"], line["level"]) == ("failed", "error")


@pytest.mark.parametrize(("level", "said"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_a_level_leaves_out_what_is_below_it(level, said):
    """Of one event at each level, those from the configured one on are written."""
    stream = io.StringIO()
    log = Log(stream, level, "json")
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("event")
    log.close()
    assert len(lines(stream.getvalue())) == said


def test_a_terminal_gets_words():
    """Time, level, event and details, readable without a program."""
    stream = io.StringIO()
    log = Log(stream, "info", "text")
    log.info("ready", port=8080)
    log.close()
    assert stream.getvalue()[9:] == "info    ready port=8080\n"


def test_a_pipe_that_nobody_reads_costs_lines_only():
    """A full pipe blocks the log's own thread; whoever logs goes on, and what did not fit is counted."""
    reading, writing = os.pipe()
    log = Log(os.fdopen(writing, "w"), "info", "json")
    for _ in range(WAITING_LINES + 20_000):
        log.info("event", error="x" * 50)
    assert log.dropped > 0
    with os.fdopen(reading) as reader:
        assert json.loads(reader.readline())["event"] == "event"


def test_the_last_line_is_out_before_the_log_is_closed():
    """Whoever ends the process right after `close` has said what he had to say, however full the stream's buffer is."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as reader:
        log = Log(stream, "info", "json")
        log.info("first")
        log.info("last")
        log.close()
        os.set_blocking(reading, False)
        assert [line["event"] for line in lines(reader.read())] == ["first", "last"]


def test_a_reader_that_is_gone_is_survived():
    """Lines into a closed pipe are counted as lost, and closing the log takes no longer than a second."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    log = Log(stream, "info", "json")
    log.info("event")
    log.close()
    assert log.dropped >= 1
    with pytest.raises(BrokenPipeError):
        stream.close()
