"""Accept to arrival, beside what people would use instead: django-post_office and Postfix.

Each gets the same mails (how many, how long) from the second core as fast as it takes them, and passes them to the same
receiving server there. The clock runs from the first mail offered to the last one taken, as the receiver counts them.
All processes of a program share core 0, as the gateway's threads do; each starts with an empty store, has passed on
some mails before the clock starts, and fsyncs every mail before it accepts it. Only the gateway also judges, seals and
audits. They take turns.
"""

import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from bench.arrival import CONNECTIONS, Sink
from bench.load import offer, request
from bench.peers import post_office, postfix
from bench.servers import SMTP, gateway

ROUNDS = 5
GUESTS, MAILS = 500, 3_000
TEXT = "See you on Friday at the gate. " * 26

Offer = Callable[[int], None]


def measure() -> list[dict]:
    """Mails a second of each, and ours over theirs."""
    post_office.installed()
    postfix.installed()
    rates: dict[str, list[float]] = {"gateway": [], "django-post_office": [], "Postfix": []}
    with on_second_core():
        for _ in range(ROUNDS):
            for name, program in zip(rates, (guest_gateway, post_office.at_work, postfix.at_work), strict=True):
                rates[name].append(rate(program))
                print(f"{name}: {rates[name][-1]:.0f} a second", file=sys.stderr, flush=True)
    ours = statistics.median(rates["gateway"])
    return [figure(name, ours, statistics.median(rates[name]), least)
            for name, least in (("django-post_office", 3.0), ("Postfix", 1.5))]  # fmt: skip


def figure(name: str, ours: float, theirs: float, least: float) -> dict:
    """One comparison."""
    return {"figure": f"accept to arrival / {name}", "value": round(ours / theirs, 2), "at_least": least,
            "ours": round(ours), "reference": round(theirs), "reached": ours / theirs >= least}  # fmt: skip


@contextlib.contextmanager
def on_second_core() -> Iterator[None]:
    """Keep this process, which is the load, off the core under measurement."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def rate(program: Callable[[int, str], contextlib.AbstractContextManager[Offer]]) -> float:
    """Mails a second from the first one offered to the last one arrived."""
    sink = Sink()
    try:
        with program(sink.port, TEXT) as offered:
            offered(GUESTS)
            sink.wait(GUESTS)
            time.sleep(1)  # what follows the arrival, such as writing it down
            began = time.monotonic()
            offered(MAILS)
            sink.wait(GUESTS + MAILS)
            return MAILS / (time.monotonic() - began)
    finally:
        sink.stop()


@contextlib.contextmanager
def guest_gateway(sink: int, text: str) -> Iterator[Offer]:
    """The gateway at work; what is yielded sends so many messages."""
    with gateway(SMTP.format(port=sink, connections=CONNECTIONS)) as server:
        runs = iter(range(100))
        yield lambda mails: asyncio.run(offer(server.port, orders(mails, text, server.key, next(runs))))


def orders(mails: int, text: str, key: str, run: int) -> Iterator[bytes]:
    """Requests as a venue would make them, each with its own idempotency key."""
    for number in range(mails):
        body = {"channel": "email", "to": f"guest{number % GUESTS}@example.org", "class": "transactional",
                "category": "booking", "subject": "Your stay", "text": text, "reference": f"b{number}",
                "declares": {"contains_promotion": False}}  # fmt: skip
        yield request("/communications/messages/send", body, Authorization=f"Bearer {key}",
                      Idempotency_Key=f"{run}-{number}")  # fmt: skip
