"""Templates: printing in process against python-liquid called directly, and a durable template send over HTTP."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable

from liquid import Environment, StrictUndefined

from bench.figures import ratio
from bench.load import introduce, wrk
from bench.servers import Server, gateway, reference
from gateway.templates import Words
from gateway.templates.press import Press, make

ROUNDS = 3
SECONDS = 6
PRINTS = 300
DAY = "<h2>{{ day }}</h2><p>Dinner in {{ place }}. " + "Bring something warm for the garden. " * 6 + "</p>"
PAGE = (
    '<p style="color: #333">Dear {{ name }},</p>' + DAY * 10
    + "<ul>{% for dish in dishes %}<li>{{ dish.name }}: {{ dish.price }}</li>{% endfor %}</ul>"
    + '<p>{% if late %}The gate closes at ten.{% endif %} <a href="https://q.example/{{ code }}">Your booking</a></p>'
)  # fmt: skip
VALUES = {"name": "Ana & Rui", "day": "Friday", "place": "the garden", "late": True, "code": "A17",
          "dishes": [{"name": f"Dish {number}", "price": number} for number in range(6)]}  # fmt: skip
SHORT = {"name": "note", "channel": "email", "language": "en", "subject": "Your stay",
         "text": "Dear {{ name }},\n" + "See you on Friday at the gate. " * 20 + "\nYour booking is {{ code }}.",
         "declares": {"contains_promotion": False}}  # fmt: skip


class Limited(Environment):
    """python-liquid with the limits that the gateway has."""

    loop_iteration_limit = 2000
    local_namespace_limit = 50_000
    output_stream_limit = 200_000


def each(act: Callable[[], object]) -> float:
    """How often a second."""
    began = time.perf_counter()
    for _ in range(PRINTS):
        act()
    return PRINTS / (time.perf_counter() - began)


def printing() -> dict:
    """A page of 5 kB with its text and subject, variables checked, against the same three without a check."""
    ready = make(Words(subject="Your stay, {{ name }}", html=PAGE), "en")
    press = Press(ready, "en")
    plain, escaping = (Limited(undefined=StrictUndefined, autoescape=escape) for escape in (False, True))
    parts = [plain.from_string(ready.subject), plain.from_string(ready.text), escaping.from_string(ready.html)]
    ours, theirs = [], []
    for _ in range(ROUNDS * 3):
        theirs.append(each(lambda: [part.render(VALUES) for part in parts]))
        ours.append(each(lambda: press.print(VALUES)))
    return ratio("printing / python-liquid called directly", ours, theirs, 0.9)


def sending() -> dict:
    """A template of two variables, sent over HTTP and on disk, against a handler that does nothing."""
    ours, theirs = [], []
    with gateway() as server, reference("bare") as bare:
        asyncio.run(introduce(server, 10_000))
        keep(server)
        for round_ in range(ROUNDS):
            theirs.append(wrk(bare, 64, SECONDS)["per_second"])
            ours.append(wrk(server, 64, SECONDS, run=f"t{round_}", kind="template")["per_second"])
    return ratio("durable template send / bare, 64 connections", ours, theirs, 0.20)


def keep(server: Server) -> None:
    """Put the template there."""
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    url = f"{server.url}/communications/templates"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(SHORT).encode(), headers)).close()


def measure() -> list[dict]:
    """Both."""
    return [printing(), sending()]
