"""From acceptance to arrival over SMTP: accepted over HTTP, judged twice, sealed, audited, fsynced, received."""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from bench.load import wrk
from bench.servers import SMTP, Server, free_port, gateway, reference

SECONDS = 10
GUESTS = 5_000
CONNECTIONS = 32
NOW = ""


class Sink:
    """Postfix's smtp-sink on the second core; it counts what it takes."""

    def __init__(self) -> None:
        self.port = free_port()
        self._shown = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `stop`)
        self._process = subprocess.Popen(
            ["taskset", "-c", "1", "smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{self.port}", "1000"],
            stdin=subprocess.DEVNULL, stdout=self._shown, stderr=sys.stderr,
        )  # fmt: skip
        time.sleep(0.3)

    def taken(self) -> int:
        """How many mails have arrived: the last `mesg=` it has shown."""
        shown = self._shown.fileno()  # shared with the sink, so its position must stay where it is
        counts = re.findall(rb"mesg=(\d+)\r", os.pread(shown, 200, max(0, os.fstat(shown).st_size - 200)))
        return int(counts[-1]) if counts else 0

    def wait(self, mails: int, seconds: float = 300.0) -> None:
        """Until so many have arrived."""
        until = time.monotonic() + seconds
        while (taken := self.taken()) < mails:
            if time.monotonic() > until:
                raise TimeoutError(f"{taken} of {mails} mails arrived")
            time.sleep(0.005)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._shown.close()


def sent(server: Server) -> int:
    """How many messages the gateway has settled as sent."""
    ops = next(int(line.partition("=")[2]) for line in (server.folder / "config.toml").read_text().splitlines()
               if line.startswith("ops_port"))  # fmt: skip
    text = urllib.request.urlopen(f"http://127.0.0.1:{ops}/metrics", timeout=10).read().decode()
    return sum(int(float(line.rpartition(" ")[2])) for line in text.splitlines()
               if line.startswith("gateway_messages_total{") and 'state="sent"' in line)  # fmt: skip


def rate(slow_disk: bool) -> float:
    """Messages a second from the first acceptance to the last arrival."""
    sink = Sink()
    try:
        with gateway(SMTP.format(port=sink.port, connections=CONNECTIONS), slow_disk=slow_disk) as server:
            wrk(server, 64, 2, GUESTS, NOW, run="warm")
            settle(server)
            before, began = sent(server), time.monotonic()
            wrk(server, 64, SECONDS, GUESTS, NOW, run="m")
            settle(server)
            return (sent(server) - before) / (time.monotonic() - began)
    finally:
        sink.stop()


def settle(server: Server) -> None:
    """Until nothing more arrives."""
    last = -1
    while (now := sent(server)) != last:
        last = now
        time.sleep(0.5)


def measure() -> list[dict]:
    """Against a bare handler, and on a slow disk against a fast one."""
    with reference("bare") as bare:
        reference_rate = wrk(bare, 64, 5)["per_second"]
    fast, slow = rate(False), rate(True)
    return [
        {"figure": "accept to arrival / bare", "value": round(fast / reference_rate, 3), "at_least": 0.15,
         "ours": round(fast), "reference": reference_rate, "reached": fast / reference_rate >= 0.15},
        {"figure": "accept to arrival, 2 ms fsync / without", "value": round(slow / fast, 3), "at_least": 0.75,
         "ours": round(slow), "reference": round(fast), "reached": slow / fast >= 0.75},
    ]  # fmt: skip
