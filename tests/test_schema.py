"""The store comes to today's schema, and to no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import NotUsable
from gateway.ledger import verify
from gateway.store import schema
from gateway.store.db import connect
from tests.running import BOOKING, running

ROOT = Path(__file__).parent.parent
PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}


def version_of(path, new=None):
    """The version in the file, set to a new one first where asked."""
    connection = connect(path)
    try:
        if new is not None:
            connection.execute(f"PRAGMA user_version = {new}")
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def test_a_newer_store_is_refused_and_left_alone(tmp_path):
    """An older program does not touch what it cannot know; its own file it opens without a step."""
    path = tmp_path / "gateway.db"
    assert schema.create_or_migrate(path) == schema.VERSION
    assert schema.create_or_migrate(path) == 0
    version_of(path, schema.VERSION + 1)
    with pytest.raises(NotUsable, match="newer version"):
        schema.create_or_migrate(path)
    assert version_of(path) == schema.VERSION + 1


def test_a_kill_before_the_version_is_written_resumes(tmp_path):
    """The steps are done and the file does not say so yet: the next start takes none of them twice."""
    path = tmp_path / "gateway.db"
    schema.create_or_migrate(path)
    version_of(path, 0)
    schema.create_or_migrate(path)
    assert version_of(path) == schema.VERSION
    schema.check_tables(path, ())


@pytest.mark.parametrize("torn", [False, True])
def test_a_kill_in_the_middle_of_a_step_leaves_all_of_it_or_nothing(tmp_path, torn):
    """Killed before every statement on the way to today's schema and to a step after it: what is there is whole steps,
    and the next start goes on. With a step that is not kept together, the same look finds it."""
    command = [sys.executable, "-m", "tests.faults.steps", tmp_path, *(["torn"] if torn else [])]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["kills"] > 40
    assert bool(told["wrong"]) is torn, told["wrong"]


async def test_a_store_opened_again_keeps_its_rows_and_verifies(tmp_path):
    """What was accepted before a migration can be read after it, and the record holds."""
    async with running(tmp_path, deliver=False) as run:
        public = (await run.send(BOOKING | {"to": PT})).json["id"]
        database = run.gateway.data.database
    version_of(database, 0)
    async with running(tmp_path, deliver=False) as run:
        assert (await run.message(public, "?include=content"))["content"]["text"] == BOOKING["text"]
    assert version_of(database) == schema.VERSION
    assert verify(database).ok
