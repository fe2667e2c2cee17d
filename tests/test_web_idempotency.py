"""A request that comes again: the first answer, across restarts, for a day, and for nobody else."""

from gateway.store.idempotency import KEPT_MS
from tests.running import BOOKING, running

ORDER = BOOKING | {"to": "ana@example.org"}
ONCE = {"Idempotency-Key": "booking-4711"}


async def test_the_first_answer_survives_a_restart(tmp_path, clock):
    """The same bytes, said to be a repetition; another body is still refused, and there is one message."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        first, key = await run.send(ORDER, headers=ONCE), run.key
    clock.forward(3600)
    async with running(tmp_path, clock=clock, deliver=False) as run:
        run.key = key
        again = await run.send(ORDER, headers=ONCE)
        assert (again.status, again.raw) == (202, first.raw)
        assert (again.headers["Idempotent-Replayed"], "Idempotent-Replayed" in first.headers) == ("true", False)
        assert (await run.send(ORDER | {"text": "Other."}, headers=ONCE)).json["type"].endswith("key-reused")
        assert len((await run.call("GET", "/communications/messages")).json["items"]) == 1


async def test_a_key_is_its_callers_own(tmp_path, clock):
    """Another API key with the same Idempotency-Key sends a message of its own."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        first = await run.send(ORDER, headers=ONCE)
        run.key = await run.draw("send")
        other = await run.send(ORDER, headers=ONCE)
        assert (other.status, other.json["id"] != first.json["id"]) == (202, True)


async def test_the_order_and_spacing_of_members_do_not_matter(tmp_path, clock):
    """What is compared is what the body says, not how it is written."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        first = await run.send(ORDER, headers=ONCE)
        turned = dict(reversed(ORDER.items()))
        assert (await run.send(turned, headers=ONCE)).raw == first.raw


async def test_after_a_day_a_key_is_free_again(tmp_path, clock):
    """Just before it is not; then the same request is a new one, before and after the old answers are cleared away."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        first = await run.send(ORDER, headers=ONCE)
        clock.forward(KEPT_MS / 1000 - 1)
        await run.gateway.repeats.forget_old()
        assert (await run.send(ORDER, headers=ONCE)).json["id"] == first.json["id"]
        clock.forward(2)
        second = await run.send(ORDER, headers=ONCE)
        assert second.json["id"] != first.json["id"]
        await run.gateway.repeats.forget_old()
        assert (await run.send(ORDER, headers=ONCE)).json["id"] == second.json["id"]


async def test_what_is_kept_names_nobody(tmp_path, clock):
    """Neither the key nor anything of the body is in the stored answer; the message's own id is."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        reply = await run.send(ORDER | {"metadata": {"note": "window seat"}}, headers=ONCE)
        (row,) = run.gateway.db.reader.execute("SELECT * FROM idempotency").fetchall()
        kept = b"|".join(str(value).encode() if not isinstance(value, bytes) else value for value in row)
        assert not [word for word in (b"booking-4711", b"ana@", b"window", b"Friday") if word in kept]
        assert reply.json["id"].encode() in kept
