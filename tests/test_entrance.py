"""Requests begin a few at a time."""

import asyncio

from gateway.clock import SystemClock
from gateway.entrance import A_TURN, Entrance


async def begin(entrance, begun, name):
    if not entrance.take():
        await entrance.wait()
    begun.append(name)


async def test_so_many_begin_in_a_turn_and_the_rest_in_the_order_of_coming():
    """Nobody overtakes, nobody is forgotten, and no turn of the loop begins more than it may."""
    entrance, begun, sizes = Entrance(SystemClock()), [], []
    tasks = [asyncio.create_task(begin(entrance, begun, n)) for n in range(5 * A_TURN)]
    late = None
    while len(begun) < 5 * A_TURN:
        await asyncio.sleep(0)
        sizes.append(len(begun) - sum(sizes))
        if late is None and entrance.waiting:
            late = asyncio.create_task(begin(entrance, begun, "late"))
    await asyncio.gather(*tasks, late)
    assert begun == [*range(5 * A_TURN), "late"]
    assert max(sizes) <= A_TURN
    assert entrance.waiting == 0
    assert entrance.take()


async def test_whoever_gives_up_takes_nobodys_place(clock):
    """A client that hangs up while in line is passed over; the wait that is told is the first one's."""
    entrance, begun = Entrance(clock), []
    full = [asyncio.create_task(begin(entrance, begun, n)) for n in range(2 * A_TURN + 1)]
    await asyncio.sleep(0)
    assert entrance.waiting == A_TURN + 1
    clock.forward(3)
    assert entrance.oldest_wait() == 3
    full[A_TURN].cancel()
    await asyncio.gather(*full, return_exceptions=True)
    assert begun == [n for n in range(2 * A_TURN + 1) if n != A_TURN]
    assert (entrance.waiting, entrance.oldest_wait()) == (0, 0)


async def test_so_many_are_called_in_from_outside_in_a_turn():
    """As many as may begin, whoever stands in line; in the next turn as many again."""
    entrance = Entrance(SystemClock())
    assert [entrance.call_in() for _ in range(A_TURN + 2)] == [True] * A_TURN + [False, False]
    await asyncio.sleep(0)
    assert entrance.call_in()
