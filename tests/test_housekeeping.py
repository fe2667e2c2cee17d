"""Chores: done in turn, again and again, whatever becomes of one of them."""

import asyncio
import io

import pytest

from gateway.errors import StorageFailed, StorageFull
from gateway.housekeeping import Housekeeping
from gateway.logs import Log


async def done_with(failure):
    """What is done in two rounds of three chores of which the second fails, what was logged, and who was told of it."""
    done, ends, defects, log = [], [], [], io.StringIO()

    async def first():
        done.append("first")

    async def second():
        done.append("second")
        if failure:
            raise failure

    async def third():
        done.append("third")
        if done.count("third") == 2:
            enough.set()

    enough = asyncio.Event()
    lines = Log(log, "info", "json")
    house = Housekeeping(lines, ends.append, defects.append)
    task = asyncio.create_task(house.every(0, lambda: [first, second, third]))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    lines.close()
    return done[:6], log.getvalue(), ends, defects


@pytest.mark.parametrize("failure", [None, StorageFull(), StorageFailed(), ValueError("secret")], ids=repr)
async def test_a_chore_that_fails_keeps_none_from_being_done(failure):
    """All of them are done, twice; only a failed storage ends the process, and only a defect is shown as one."""
    done, log, ends, defects = await done_with(failure)
    assert done == ["first", "second", "third"] * 2
    assert bool(ends) == isinstance(failure, StorageFailed)
    assert bool(defects) == isinstance(failure, ValueError)
    assert bool(log) == isinstance(failure, StorageFull | ValueError)
    assert "secret" not in log
