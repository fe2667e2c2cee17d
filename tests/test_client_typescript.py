"""The TypeScript client, where `make client-ts` has made it: it works, and sends nothing twice."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.relay import relay
from tests.running import running

CLIENT = Path(__file__).parent.parent / "clients" / "typescript"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None or not (CLIENT / "dist").exists(), reason="run `make client-ts` first")
async def test_a_message_whose_answer_was_lost_is_there_once(tmp_path):
    """The example confirms a booking over a line that breaks, once; and tells of a refusal with its hint."""
    async with running(tmp_path) as run, relay(run.base, "unanswered") as line:
        process = await asyncio.create_subprocess_exec(
            NODE, "example.mjs", "ana@example.org", "4711", cwd=CLIENT, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"GATEWAY_URL": line.base, "GATEWAY_KEY": run.key},
        )  # fmt: skip
        out = (await process.communicate())[0].decode()
        found = (await run.call("GET", "/communications/messages?reference=4711")).json["items"]
    assert process.returncode == 0
    assert re.fullmatch(r"msg_\w+ for 4711\nrefused: .*consent.*\n", out)
    assert len(found) == 1 and found[0]["id"] in out
