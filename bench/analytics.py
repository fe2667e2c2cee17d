"""What an answer of the analytics costs over a million messages, against ten thousand and against its bare query."""

import http.client
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench.servers import Server, gateway, reference
from gateway import analytics
from gateway.clock import rfc3339
from gateway.store import events, messages
from gateway.store.db import Tx, connect
from gateway.store.events import Event
from gateway.store.messages import NewMessage
from gateway.store.series import Series

FEW, MANY = 10_000, 1_000_000
DAYS = 30
BATCH = 500
ROUNDS, SECONDS = 3, 4
PATH = "/communications/analytics?group_by="
ASKED = ("day", "category,day", "provider,language", "hour&from={yesterday}")
KINDS = [
    Series(channel, "transactional", category, language, "EU")
    for channel, category in (("email", "booking"), ("email", "arrival"), ("email", "survey"), ("sms", "arrival"))
    for language in ("en", "pt", "fr")
]
SENT = '{"provider":"main","attempt":1,"ms":12,"outcome":"sent"}'


def measure() -> list[dict]:
    """Both stores are asked in turn, the same questions about the same thirty days."""
    few, many = stored(FEW), stored(MANY)
    try:
        with gateway(folder=few) as small, gateway(folder=many) as large, reference("bare") as bare:
            yesterday = rfc3339(int(time.time() - 86_400) * 1000)
            questions = [asked.format(yesterday=yesterday) for asked in ASKED]
            times = {(server, asked): [] for server in (small, large) for asked in questions}
            rates, raw, plain = [], [], []
            for _ in range(ROUNDS):
                for server, asked in times:
                    times[server, asked] += latencies(server, PATH + asked, 100)
                rates.append(wrk(large, f"{PATH}day"))
                raw.append(bare_query(many))
                plain.append(wrk(bare, "/health/ready"))
    finally:
        for folder in (few, many):
            shutil.rmtree(folder, ignore_errors=True)
    figures = [grown(asked, times[small, asked], times[large, asked]) for asked in questions]
    ours, theirs = statistics.median(rates), statistics.median(raw)
    return [*figures, {"figure": "analytics by day over HTTP / the bare query", "value": round(ours / theirs, 3),
                       "at_least": 0.6, "ours": round(ours), "reference": round(theirs),
                       "reached": ours / theirs >= 0.6, "bare_handler": round(statistics.median(plain))}]  # fmt: skip


def grown(asked: str, few: list[float], many: list[float]) -> dict:
    """How much longer an answer takes over a hundred times the messages."""
    value = statistics.median(many) / statistics.median(few)
    name = f"analytics by {asked.partition('&')[0]}, {MANY:,} messages / {FEW:,}"
    return {"figure": name, "value": round(value, 3), "at_most": 1.5,
            "ms": round(statistics.median(many) * 1000, 2), "reference_ms": round(statistics.median(few) * 1000, 2),
            "reached": value <= 1.5}  # fmt: skip


def stored(number: int) -> Path:
    """The folder of a gateway that was given so many messages in the last thirty days."""
    folder = Path(tempfile.mkdtemp(prefix="bench-analytics-"))
    with gateway(folder=folder):
        pass
    write(folder / "data" / "gateway.db", number)
    return folder


def write(database: Path, number: int) -> None:
    """Messages as intake and delivery write them, without content, and counted as they count them."""
    connection, draw = connect(database), random.Random(1)
    start, apart = int(time.time() * 1000) - DAYS * 86_400_000, DAYS * 86_400_000 / number
    connection.execute("PRAGMA synchronous=OFF")
    for first in range(0, number, BATCH):
        rows = [message(at, int(start + at * apart), draw.choice(KINDS)) for at in range(first, first + BATCH)]
        tx = Tx(connection, 0)
        connection.execute("BEGIN")
        written = [(row_id, row.created_at) for row_id, row in zip(messages.insert(tx, rows), rows, strict=True)]
        events.append(tx, [Event(row_id, "accepted", at) for row_id, at in written])
        events.append(
            tx, [Event(row_id, "sent", at + int(draw.lognormvariate(3.5, 1)), SENT) for row_id, at in written]
        )
        connection.execute("COMMIT")
        if first % 50_000 == 0:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def message(number: int, at: int, kind: Series) -> NewMessage:
    """One that was sent. Of what else a message has it has nothing."""
    return NewMessage._make([None] * len(NewMessage._fields))._replace(
        uuid=number.to_bytes(16), state="sent", channel=kind.channel, class_=kind.class_, category=kind.category,
        created_at=at, due_at=at, actor="key:bench", envelope="{}", decision='{"decision":"allow"}', series=kind,
    )  # fmt: skip


def latencies(server: Server, path: str, times: int) -> list[float]:
    """Seconds that each of some requests took, one after the other on one line."""
    line, took = http.client.HTTPConnection("127.0.0.1", server.port), []
    for _ in range(times):
        began = time.perf_counter()
        line.request("GET", path, headers={"Authorization": f"Bearer {server.key}"})
        answer = line.getresponse()
        answer.read()
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"the answer was {answer.status}")
    line.close()
    return took


def wrk(server: Server, path: str) -> float:
    """Requests a second."""
    output = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", "-c16", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {server.key}",
         f"{server.url}{path}"], capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in output:
        raise RuntimeError("some answers were not 200")
    return float(output.partition("Requests/sec:")[2].split()[0])


def bare_query(folder: Path) -> float:
    """How often a second the counters can be read and added up by nothing else, on the core the gateway has."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    reader = connect(folder / "data" / "gateway.db", reading=True)
    asked = analytics.question(analytics.AnalyticsQuery(), int(time.time() * 1000), "Europe/Lisbon")
    began, times = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        analytics.gather(reader, asked)
        times += 1
    reader.close()
    os.sched_setaffinity(0, cores)
    return times / (time.perf_counter() - began)
