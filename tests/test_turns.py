"""Requests begin a few at a time."""

import asyncio

from gateway.clock import SystemClock
from gateway.turns import A_TURN, Turns


async def begin(turns, begun, name):
    if not turns.take():
        await turns.wait()
    begun.append(name)


async def test_so_many_begin_in_a_turn_and_the_rest_in_the_order_of_coming():
    """Nobody overtakes, nobody is forgotten, and no turn of the loop begins more than it may."""
    turns, begun, sizes = Turns(SystemClock()), [], []
    tasks = [asyncio.create_task(begin(turns, begun, n)) for n in range(5 * A_TURN)]
    late = None
    while len(begun) < 5 * A_TURN:
        await asyncio.sleep(0)
        sizes.append(len(begun) - sum(sizes))
        if late is None and turns.waiting:
            late = asyncio.create_task(begin(turns, begun, "late"))
    await asyncio.gather(*tasks, late)
    assert begun == [*range(5 * A_TURN), "late"]
    assert max(sizes) <= A_TURN
    assert turns.waiting == 0
    assert turns.take()


async def test_whoever_gives_up_takes_nobodys_place(clock):
    """A client that hangs up while in line is passed over; the wait that is told is the first one's."""
    turns, begun = Turns(clock), []
    full = [asyncio.create_task(begin(turns, begun, n)) for n in range(2 * A_TURN + 1)]
    await asyncio.sleep(0)
    assert turns.waiting == A_TURN + 1
    clock.forward(3)
    assert turns.oldest_wait() == 3
    full[A_TURN].cancel()
    await asyncio.gather(*full, return_exceptions=True)
    assert begun == [n for n in range(2 * A_TURN + 1) if n != A_TURN]
    assert (turns.waiting, turns.oldest_wait()) == (0, 0)


async def test_so_many_are_called_in_from_outside_in_a_turn():
    """As many as may begin, whoever stands in line; in the next turn as many again."""
    turns = Turns(SystemClock())
    assert [turns.call_in() for _ in range(A_TURN + 2)] == [True] * A_TURN + [False, False]
    await asyncio.sleep(0)
    assert turns.call_in()
