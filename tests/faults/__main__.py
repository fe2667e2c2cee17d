"""End the gateway at its worst moments, many times, and count: `make faults`, or `make faults ARGS="--rounds 200"`."""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from pathlib import Path

from tests.faults.loop import MOMENTS, looping

MESSAGES = 300


async def run(rounds: int) -> int:
    """Exit 0 when nothing was lost, doubled or left unexplained."""
    draw = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        async with looping(Path(folder)) as loop:
            for number in range(rounds):
                moment = MOMENTS[number % len(MOMENTS)]
                await loop.round(moment, MESSAGES, draw.uniform(0.02, 0.6))
                kill = loop.kills[-1]
                print(
                    f"{number + 1:4} {moment:26} exit {kill.exit_code:3}  copies {kill.copies}  "
                    f"ready after {kill.ready_seconds:.2f} s",
                    flush=True,
                )
            wrong = await loop.faults()
            ready = [kill.ready_seconds for kill in loop.kills]
            told = {
                "kills": len(loop.kills),
                "acknowledged": len(loop.acknowledged),
                "batches": len(loop.batches),
                "arrived": len(loop.sink.seen),
                "most_copies_of_one_kill": max(kill.copies for kill in loop.kills),
                "ready_median_s": round(statistics.median(ready), 2),
                "ready_longest_s": round(max(ready), 2),
                "faults": wrong,
            }
    print(json.dumps(told))
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    sys.exit(asyncio.run(run(parser.parse_args().rounds)))
