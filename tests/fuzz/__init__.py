"""Schemathesis at a live gateway: requests made from the API's description, every answer held against it."""

import asyncio
import os
import sys
from pathlib import Path

from tests.running import BOOKING, CONFIG, Running, running

HERE = Path(__file__).parent
UNLIMITED = "".join(f"[limits.{name}]\nenabled = false\n" for name in ("send", "bulk", "check", "auth"))
UNWATCHED = "[abuse]\nenabled = false\n"


async def fuzz(folder: Path, *options: str) -> tuple[int, str]:
    """Run it with these options beside those of schemathesis.toml: how it ended, and what it says. The gateway's own
    log comes behind when something broke."""
    async with running(folder, CONFIG + UNLIMITED + UNWATCHED) as run:
        key = await run.draw("all", "send.emergency", "send.legal")
        command = [Path(sys.executable).with_name("st"), "--config-file", HERE / "schemathesis.toml", "run", *options,
                   "--url", run.base, f"{run.base}/openapi.json"]  # fmt: skip
        environment = os.environ | {"FUZZ_KEY": key, "PYTHONPATH": str(HERE.parents[1])} | await _known(run)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        run.gateway.log.close()
        broken = [line for line in run.log_text.getvalue().splitlines() if '"event":"request failed"' in line]
        return process.returncode or len(broken), "\n".join([said.decode(), *broken])


async def _known(run: Running) -> dict[str, str]:
    """A guest and a batch, to be found."""
    many = BOOKING | {"recipients": [{"to": "ana@example.org"}, {"to": "bo@example.org"}]}
    batch = await run.call("POST", "/communications/messages/bulk", many, headers={"Idempotency-Key": "one"})
    (message, *_) = (await run.call("GET", "/communications/messages")).json["items"]
    return {"FUZZ_BATCH": batch.json["id"], "FUZZ_GUEST": message["guest_id"]}
