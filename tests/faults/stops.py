"""Guests say stop while a batch goes out, and the mail server says when each mail arrived: nothing may leave to an
address later than a second after its stop was answered.

`python -m tests.faults.stops`, with `--messages 10000` unless told otherwise; it prints one JSON object.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from aiosmtpd.controller import Controller

from tests.faults.loop import free_port
from tests.guest_pages import link, press
from tests.running import BOOKING, CONFIG, Running, running

BULK = "/communications/messages/bulk"
STOP = "/communications/compliance/unsubscribe"
EVERYTHING = ["marketing", "transactional", "informational"]
GRACE = 1.0
"""Seconds after the answer until which what is on its way may still arrive."""


class Arrivals:
    """A mail server in a thread of its own: when the first mail for each address arrived, and how many did."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.copies = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self._controller.start()
        self.port = self._controller.port

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 aiosmtpd's name
        """Take a mail."""
        self.copies += envelope.rcpt_tos[0] in self.at
        self.at.setdefault(envelope.rcpt_tos[0], time.monotonic())
        return "250 2.0.0 taken"

    def close(self) -> None:
        self._controller.stop()


async def stop_during_a_batch(folder: Path, messages: int, stops: int) -> dict[str, int | float | list[str]]:
    """Send a batch and stop some of it on the way, by the API and by guests' own links; what came of it."""
    arrivals = Arrivals()
    mail = f'plugin = "smtp"\nhost = "127.0.0.1"\nport = {arrivals.port}\ntls = "none"\nconnections = 4\n'
    config = CONFIG.replace('[providers.mail]\nplugin = "outbox"\n', f"[providers.mail]\n{mail}")
    draw = random.Random(7)
    try:
        async with running(folder, config) as run:
            addresses = [f"guest{number}@example.org" for number in range(messages)]
            order = BOOKING | {"recipients": [{"to": address} for address in addresses]}
            taken = await run.call("POST", BULK, order, headers={"Idempotency-Key": "one"})
            assert taken.json["accepted"] == messages, taken.json
            answered: dict[str, float] = {}
            while len(answered) < stops and len(arrivals.at) < messages * 0.9:
                waiting = [address for address in addresses[messages // 10 :] if address not in arrivals.at]
                address = draw.choice([one for one in waiting if one not in answered])
                await (by_link if len(answered) % 2 else by_api)(run, address)
                answered[address] = time.monotonic()
            await finished(run, taken.json["id"], seconds=messages / 20)
            late = [one for one, at in answered.items() if arrivals.at.get(one, 0) > at + GRACE]
            slips = [arrivals.at[one] - at for one, at in answered.items() if one in arrivals.at]
            return {
                "messages": messages,
                "arrived": len(arrivals.at),
                "copies": arrivals.copies,
                "stopped": len(answered),
                "stopped_in_time": len(answered) - len(slips),
                "longest_after_the_answer_s": round(max([0.0, *slips]), 3),
                "late": late,
                "missing": [one for one in addresses if one not in arrivals.at and one not in answered],
            }
    finally:
        arrivals.close()


async def by_api(run: Running, address: str) -> None:
    """The venue's program tells of the stop."""
    reply = await run.call("POST", STOP, {"guest": address, "classes": EVERYTHING})
    assert reply.status == 200


async def by_link(run: Running, address: str) -> None:
    """The guest presses the button himself."""
    status, _ = await press(run, link(run, "unsubscribe", address), stop="all")
    assert status == 200


async def finished(run: Running, batch: str, seconds: float) -> None:
    """Wait until nothing of the batch waits any more."""
    deadline = time.monotonic() + max(30.0, seconds)
    while (shown := (await run.call("GET", f"/communications/batches/{batch}")).json)["status"] == "working":
        assert time.monotonic() < deadline, shown
        await asyncio.sleep(0.05)


async def main(messages: int) -> int:
    """Exit 0 when no mail came late and none that nobody stopped is missing."""
    with tempfile.TemporaryDirectory(prefix="stops-") as folder:
        told = await stop_during_a_batch(Path(folder), messages, stops=messages // 20)
    print(json.dumps(told))
    return 1 if told["late"] or told["missing"] or not told["stopped_in_time"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    sys.exit(asyncio.run(main(parser.parse_args().messages)))
