"""The record and the register of breaches from a program: read, proven, noted, told."""

from datetime import UTC, datetime

import msgspec
import pytest

from gateway.ledger import verify_proof
from guest_gateway import Conflict
from tests.programs import program
from tests.running import BOOKING, running

NOTICED = datetime(2026, 11, 24, 8, tzinfo=UTC)
WORDS = dict.fromkeys(("what_happened", "what_it_means", "what_we_do", "what_you_can_do"), "…")


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver, with one guest."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        await run.send(BOOKING | {"to": "ana@example.org"})
        yield run


async def test_a_program_reads_the_record_and_has_it_proven(run):
    """What came back, written down, is what `gateway audit verify --proof` takes."""
    async with program("waits", run.key, run.base) as ours:
        entries = await ours.all(lambda gateway: gateway.audit.list(action="message", limit=1))
        assert [entry.action for entry in entries] == ["message.accepted"]
        kept = await ours.ask(lambda gateway: gateway.audit.checkpoint())
        for given in ({"seq": entries[0].seq}, {"from_": kept.checkpoint}):
            proof = await ours.ask(lambda gateway, given=given: gateway.audit.prove(**given))
            assert verify_proof(msgspec.json.encode(proof), run.gateway.record.key).ok
        assert isinstance(kept.time, datetime)


async def test_a_program_keeps_the_register(run):
    """Noted, changed in the version it has read, rehearsed, told once, and not closed too early."""
    key = await run.draw("privacy", "read.content", "send.legal")
    async with program("awaits", key, run.base) as ours:
        made = await ours.ask(lambda gateway: gateway.breaches.add(NOTICED, "A list went astray.", filter={}))
        assert (made.guests, made.authorities[0].due_at) == (1, datetime(2026, 11, 27, 8, tzinfo=UTC))
        changed = await ours.ask(
            lambda gateway: gateway.breaches.change(made.id, version=made.version, risk="high", remedy="Deleted.")
        )
        assert (changed.version, changed.risk) == (2, "high")
        rehearsed = await ours.ask(lambda gateway: gateway.breaches.rehearse(made.id, WORDS))
        told = await ours.ask(lambda gateway: gateway.breaches.tell(made.id, WORDS))
        assert (rehearsed.accepted, told.accepted) == (1, 1)
        shown = await ours.ask(lambda gateway: gateway.breaches.get(made.id, content=True))
        assert ([one.batch for one in shown.notices], shown.content.remedy) == ([told.id], "Deleted.")
        with pytest.raises(Conflict):
            await ours.ask(lambda gateway: gateway.breaches.change(made.id, closed=True))
        assert len(await ours.all(lambda gateway: gateway.breaches.list(state="open"))) == 1
        record = await ours.ask(lambda gateway: gateway.compliance.processing())
        assert record.controller["name"] == "Quinta das Flores"
