"""Five times as many clients as it takes to be busy, and thirty times: what is still accepted, how fast the rest is
refused, and whether memory stays where it was."""

import asyncio
import json
import statistics
import threading
import time
import urllib.error
import urllib.request
from typing import Self

from bench.load import introduce, wrk
from bench.servers import OUTBOX, Server, gateway

CONNECTIONS, SECONDS, GUESTS = 64, 20, 2_000
MARKS = '\n[overload]\nloop_lag = "100ms"\n'


class Prober:
    """Asks for something of the least importance again and again, and notes how long each refusal takes."""

    def __init__(self, server: Server):
        body = {"channel": "email", "subject": "News", "text": "News.", "recipients": [{"to": "guest1@example.org"}]}
        self._request = urllib.request.Request(
            f"{server.url}/communications/messages/bulk", json.dumps(body | {"dry_run": True}).encode(),
            {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json", "Idempotency-Key": "probe"},
        )  # fmt: skip
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.refusals: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.02):
            began = time.perf_counter()
            try:
                urllib.request.urlopen(self._request, timeout=10).read()
            except urllib.error.HTTPError as error:
                if error.code == 503:
                    self.refusals.append((time.perf_counter() - began) * 1000)

    @property
    def p99(self) -> float:
        """Milliseconds; 0 when nothing was refused."""
        return round(statistics.quantiles(self.refusals, n=100)[98], 1) if len(self.refusals) > 1 else 0.0


def measure() -> list[dict]:
    """Closed loops of 1, 5 and 30 times the clients, none of which ever pauses."""
    with gateway(OUTBOX + MARKS) as server:
        asyncio.run(introduce(server, GUESTS))
        peak = wrk(server, CONNECTIONS, SECONDS, GUESTS, run="peak", refusals=True)["per_second"]
        before = server.memory()
        figures = []
        for times in (5, 30):
            with Prober(server) as prober:
                measured = wrk(server, times * CONNECTIONS, SECONDS, GUESTS, run=f"x{times}", refusals=True)
            figures.append(figure(times, measured, peak, prober, server.memory() - before))
    return figures


def figure(times: int, measured: dict, peak: int, prober: Prober, grown: float) -> dict:
    """What became of so many times the clients."""
    accepted = measured["per_second"] / peak
    return {"figure": f"accepted at {times} times the clients / peak", "value": round(accepted, 2), "at_least": 0.8,
            "per_second": measured["per_second"], "peak": peak, "refused": measured["refused"],
            "refusal_p99_ms": prober.p99, "refusals_probed": len(prober.refusals), "grown_mib": round(grown),
            "reached": accepted >= 0.8}  # fmt: skip
