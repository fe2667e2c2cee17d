"""What limits would do to a trace, from the command's edge; and that it is what they do."""

import asyncio
import re
import shlex
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec import json

from gateway.cli import main
from tests.running import BOOKING, CONFIG, running

DOCS = Path(__file__).parent.parent / "docs"
SEND = '[limits.send]\nendpoints = ["messages.send"]\nquota = {}\nwindow = "1m"\n'
OWN = (
    b'{"ts":"2026-10-09T10:00:%02d.000Z","level":"info","event":"request","request_id":"r","method":"POST","code":%d,'
    b'"route":"/communications/messages/{id}/retry","dur_ms":%d,"actor":"%b"}\n'
)
ACCESS = '203.0.113.7 - - [09/Oct/2026:12:00:0{} +0200] "POST /communications/messages/msg_1/retry?a=b HTTP/1.1" {} 9{}'


@pytest.fixture
def simulate(tmp_path, monkeypatch, capsys):
    """Run the command under these limits: its exit code, and what it printed. `trace` is the text of a file."""

    def command(limits, *arguments, trace=None):
        (tmp_path / "rules.toml").write_text(limits)
        if trace is not None:
            (tmp_path / "trace").write_text(trace)
            arguments = (str(tmp_path / "trace"), *arguments)
        options = ("--config", str(tmp_path / "rules.toml"), "--data", str(tmp_path / "none"))
        monkeypatch.setattr(sys, "argv", ["gateway", "limits", "simulate", *options, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out or err

    return command


def report(printed):
    """The first report of what --json printed."""
    return json.decode(printed)["reports"][0]


def test_it_says_what_the_gateway_does(tmp_path, simulate, clock):
    """The same requests at the same times: as many are admitted, and waits are as long, as a running gateway said."""
    pauses, config, lines = [0, 0, 0, 11, 0, 9, 30, 0, 0, 25, 1, 60, 0, 0, 0], CONFIG + SEND.format(3), []

    async def answers():
        async with running(tmp_path, config, clock, deliver=False) as run:
            for pause in pauses:
                clock.forward(pause)
                lines.append(f"{clock.now() // 1000},messages.send,weddings")
                yield await run.send(BOOKING | {"to": "ana@example.org"})

    async def all_of_them():
        return [answer async for answer in answers()]

    told = asyncio.run(all_of_them())
    waits = [int(answer.headers["Retry-After"]) for answer in told if answer.status == 429]
    code, printed = simulate(config, "--json", trace="\n".join(["time,endpoint,api_key", *lines]))
    found = report(printed)
    assert (code, found["admitted"], found["refused"]) == (1, len(pauses) - len(waits), len(waits))
    assert (found["stopped"][0]["caller"], found["stopped"][0]["longest_wait"]) == ("weddings", max(waits))
    assert 0 < len(waits) < len(pauses)


def test_a_load_in_words(simulate):
    """Twice as much as the quota in the long run: told in blocks, by caller; with room enough nobody is refused."""
    load = ("--load", "send: 2 callers x 120/min for 10m, burst 50 at 3m")
    code, printed = simulate(SEND.format(60), *load)
    assert code == 1
    assert "rules.toml: 2,500 asked, 1,3" in printed
    assert "send   send-1  5" in printed
    assert simulate(SEND.format(600), *load)[0] == 0
    code, printed = simulate(SEND.format(60), "--load", "send: 2 sheep")
    assert (code, "burst 50 at 3m" in printed) == (64, True)


def test_the_log_of_the_gateway(simulate):
    """Requests as they began, those who guess under `auth`; other lines are passed over."""
    lines = [OWN % (at, code, 1500, who) for at, code, who in
             [(1, 202, b"key:a"), (2, 429, b"key:a"), (3, 202, b"key:b"), (4, 401, b"nobody")]]  # fmt: skip
    trace = b"".join([*lines, b'{"ts":"2026-10-09T10:00:05Z","event":"message sent"}\n{"half']).decode()
    code, printed = simulate(SEND.format(1), "--json", trace=trace)
    found = report(printed)
    assert (code, json.decode(printed)["passed_over"], found["asked"], found["refused"]) == (1, 2, 4, 1)
    assert found["stopped"] == [{"limit": "send", "caller": "key_a", "refused": 1, "first": "2026-10-09T10:00:00.500Z",
                                 "last": "2026-10-09T10:00:00.500Z", "longest_wait": 59, "trial": False}]  # fmt: skip


@pytest.mark.parametrize("rest", ["", ' "-" "curl/8"'])
def test_the_access_log_of_a_proxy(simulate, rest):
    """Common and combined: the path tells the door, the address who it was, a 401 a guess."""
    by_ip = SEND.format(1) + 'by = "ip"\n[limits.auth]\nendpoints = ["auth"]\nby = "ip"\nquota = 1\nwindow = "1m"\n'
    lines = [ACCESS.format(at, code, rest) for at, code in [(0, 202), (1, 202), (2, 401), (3, 401)]]
    other = lines[0].replace("messages/msg_1/retry", "nowhere")
    printed = simulate(by_ip, "--json", trace="\n".join([*lines, other]))[1]
    assert [(one["limit"], one["caller"]) for one in report(printed)["stopped"]] == [
        ("auth", "203.0.113.7"), ("send", "203.0.113.7"),
    ]  # fmt: skip
    assert json.decode(printed)["passed_over"] == 1


def test_a_table_with_faults_names_each(simulate):
    """Line and column; the same table without them is simulated."""
    good = 'time,endpoint,user,cost\n0,messages.bulk,ana,3\n"2026-10-09T10:00:00Z",messages.bulk,ana,\n'
    limits = '[limits.many]\nendpoints = ["messages.bulk"]\nquota = 2\nwindow = "1m"\ncost = "recipients"\n'
    code, printed = simulate(limits, "--json", trace=good)
    assert (code, report(printed)["stopped"][0]["longest_wait"]) == (1, None)
    code, printed = simulate(limits, trace=good + "noon,messages.bulks,ana,-1\n")
    assert code == 64
    for pointer in ("/trace/4/time", "/trace/4/endpoint", "/trace/4/cost"):
        assert pointer in printed
    assert simulate(limits, trace="")[0] == 64


def test_two_sets_of_rules_side_by_side(tmp_path, simulate):
    """Both are told and drawn; the drawing tells itself in words and holds no script. A trial refuses nobody."""
    (tmp_path / "trial.toml").write_text(SEND.format(60) + "dry_run = true\n")
    code, printed = simulate(
        SEND.format(60), "--load", "send: 1 caller x 2/s for 5m", "--against", str(tmp_path / "trial.toml"),
        "--svg", str(tmp_path / "out.svg"), "--json",
    )  # fmt: skip
    first, second = json.decode(printed)["reports"]
    assert (code, second["refused"], second["stopped"][0]["trial"]) == (1, 0, True)
    assert second["stopped"][0]["refused"] == first["refused"] > 200
    drawn = ET.parse(tmp_path / "out.svg").getroot()
    assert [one.tag.rpartition("}")[2] for one in drawn][:2] == ["title", "desc"]
    assert "trial.toml: 600 asked, 600 admitted, 0 refused" in drawn[1].text
    assert not [one for one in drawn.iter() if one.tag.endswith("script")]


def test_places_are_held_as_long_as_requests_took(simulate):
    """Three at once and two allowed; a second later there is room again."""
    limits = SEND.format(2) + 'algorithm = "concurrency"\n'
    trace = b"".join(OWN % (10, 202, 900, b"key:a") for _ in range(3)) + OWN % (11, 202, 900, b"key:a")
    assert report(simulate(limits, "--json", trace=trace.decode())[1])["refused"] == 1


def test_a_long_trace_takes_seconds(simulate):
    """30,000 lines, a good part of them refused."""
    trace = "time,endpoint,api_key\n" + "\n".join(f"{n // 50},messages.send,k{n % 7}" for n in range(30_000))
    began = time.process_time()
    printed = simulate(SEND.format(100), "--json", trace=trace)[1]
    assert time.process_time() - began < 6
    assert report(printed)["asked"] == 30_000


def test_the_example_in_the_docs(simulate):
    """What limits.md shows is what the command prints."""
    blocks = re.findall(r"```(?:toml|sh|text)\n(.*?)```", (DOCS / "limits.md").read_text(), re.DOTALL)
    rules, command, printed = blocks[next(n for n, one in enumerate(blocks) if one.startswith("# rules.toml")) :][:3]
    assert simulate(rules, *shlex.split(command)[5:]) == (1, printed)
