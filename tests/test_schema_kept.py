"""A store that an earlier version wrote is opened by today's program, and everything in it still holds."""

import json
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ledger import verify
from gateway.store import schema
from tests.fixtures.make import ANA, BELA, CHECK, SETTINGS
from tests.running import running

KEPT = sorted((Path(__file__).parent / "fixtures").glob("store-*"))
BECOMES = {"queued": "sent", "deferred": "sent", "sending": "sent", "uncertain": "sent"}
"""What an hour does to a state; the others stay."""


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def kept(request, tmp_path):
    """A copy of one of the stores, with its story."""
    shutil.copytree(request.param / "data", tmp_path / "data")
    (tmp_path / "data/keys/master.key").chmod(stat.S_IRUSR | stat.S_IWUSR)
    return tmp_path, json.loads((request.param / "story.json").read_text())


def shape(path):
    """Every table and index as SQLite has it, but for how the text is broken into lines."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {(type_, name): " ".join((sql or "").split()) for type_, name, sql in rows}


def test_there_is_a_store_to_open():
    """The first release's, at least; the later ones are made by `tests/fixtures/make.py`."""
    assert [path.name for path in KEPT][:1] == ["store-1"]


async def test_its_messages_can_be_read_and_its_queue_goes_out(kept, clock):
    """An hour later: each message has its words, what waited has left, once; what was over or held is as it was."""
    folder, story = kept
    clock.set(story["now"] + 3_600_000)
    async with running(folder, SETTINGS, clock) as run:
        run.key = story["key"]
        for state, public in story["messages"].items():
            message = await run.until(public, BECOMES.get(state, state))
            if state in BECOMES:
                assert message["events"][-1]["type"] == "sent"
            read = await run.message(public, "?include=content")
            text = story["order"]["text"] if state == "sent" else f"This one is {state}."
            assert state == "blocked" or read["content"]["text"] == text
        names = [path.stem for path in (folder / "data/channels/mail").iterdir()]
    went = [public for state, public in story["messages"].items() if state in BECOMES]
    assert sorted(names) == sorted(went)


async def test_its_promises_are_kept(kept, clock):
    """The keys that were drawn and revoked, the repeated request, yes, no, and the limit that was used up."""
    folder, story = kept
    clock.set(story["now"] + 3_600_000)
    async with running(folder, SETTINGS, clock, deliver=False) as run:
        lists, new = "/communications/messages", run.key
        for key, status in (("key", 200), ("revoked", 401)):
            assert (await run.call("GET", lists, headers=bearer(story[key]))).status == status
        run.key = story["key"]
        again = await run.send(story["order"], headers=story["repeat"])
        assert (again.status, again.json, again.headers["Idempotent-Replayed"]) == (202, story["answer"], "true")
        other = await run.send(story["order"] | {"text": "Other."}, headers=story["repeat"])
        assert other.json["type"].endswith("idempotency-key-reused")
        assert (await run.send(story["offer"] | {"to": ANA["email"]})).status == 202
        refused = await run.send(story["offer"] | {"to": BELA["email"]})
        assert (refused.status, refused.json["compliance"]["reasons"]) == (422, ["CORE-SUP-2"])
        order = {"message": story["order"]}
        assert story["checks"] == [200, 200, 429]
        assert (await run.call("POST", CHECK, order)).status == 429
        assert (await run.call("POST", CHECK, order, headers=bearer(new))).status == 200


async def test_its_record_verifies_before_and_after(kept, clock):
    """Under the key that was printed then, up to its checkpoint, and on through what today's program adds."""
    folder, story = kept
    database = folder / "data/gateway.db"
    before = verify(database, key=story["public"])
    assert (before.ok, before.unpinned, before.signed) == (True, False, before.size)
    clock.set(story["now"] + 3_600_000)
    async with running(folder, SETTINGS, clock):
        pass
    after = verify(database, key=story["public"])
    assert (after.ok, after.unpinned) == (True, False)
    assert after.signed > before.signed


async def test_its_schema_becomes_that_of_a_new_store(kept, tmp_path_factory, clock):
    """Not one table, column or index differs from a store that today's program makes; every page is whole."""
    folder, story = kept
    clock.set(story["now"])
    async with running(folder, SETTINGS, clock, deliver=False) as run:
        database = run.gateway.data.database
    fresh = tmp_path_factory.mktemp("fresh") / "gateway.db"
    schema.create_or_migrate(fresh)
    assert shape(database) == shape(fresh)
    schema.check_tables(database, ())


def bearer(key):
    """The header that presents a key."""
    return {"Authorization": f"Bearer {key}"}
