"""A guest who is erased is nobody any more: not in the store nor in an older copy, and nothing leaves for him."""

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import ids
from gateway.errors import Failure, GuestOnHold, NotFound, StorageFull
from gateway.ledger import verify
from gateway.vault import KeyDestroyed, Vault
from tests.faults.loop import PROGRAM
from tests.running import BOOKING, CONFIG, NEWS, YES, running

ROOT = Path(__file__).parent.parent
ANA = {"email": "ana@example.org", "phone": "+351912345678", "name": "Ana Pereira", "country": "PT"}
BEN = {"email": "ben@example.org", "name": "Ben Sousa", "country": "PT"}
LATER = {"deliver_at": "2099-01-01T00:00:00Z"}
LIST = {"Content-Type": "text/csv"}
STAFF = "usr_privacy"


@pytest.fixture
async def run(tmp_path):
    """An open gateway that does not deliver, with Ana and Ben in it, each with a message that waits."""
    async with running(tmp_path, deliver=False) as run:
        run.ana, run.ben = [await waiting(run, who) for who in (ANA, BEN)]
        yield run


async def waiting(run, who, **more):
    """A message that waits for somebody; the public id of the guest."""
    sent = await run.send(BOOKING | LATER | {"to": who, "reference": "booking-4711"} | more)
    return (await run.message(sent.json["id"]))["guest_id"]


def uuid(public):
    return ids.parse("gst", public)


async def erase(run, public, **more):
    await run.gateway.erasure.erase(uuid(public), STAFF, **more)


def key_of(database, public):
    """The number of a guest's key, and a sealed address of his with the row it belongs to."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        (key,) = db.execute("SELECT key_id FROM guests WHERE uuid = ?", (uuid(public),)).fetchone()
        sql = "SELECT c.uuid, address_sealed FROM contacts c JOIN guests g ON g.id = c.guest_id WHERE g.uuid = ?"
        return key, db.execute(sql, (uuid(public),)).fetchall()


# -- what goes, what stays -------------------------------------------------------------------------------------------


async def test_an_erased_guest_is_nobody_and_the_others_stay(run):
    """No list, search or address finds him, his message is called off and has no words; the other guest is whole."""
    await erase(run, run.ana)
    assert (await run.call("GET", f"/communications/guests/{run.ana}")).status == 404
    assert (await run.call("POST", "/communications/guests/search", {"email": ANA["email"]})).json["items"] == []
    shown = (await run.call("GET", "/communications/messages?include=content")).json["items"]
    his = {item["guest_id"]: item for item in shown}
    gone = his[run.ana]
    assert (gone["status"], gone["content"], gone["reference"]) == ("cancelled", None, None)
    assert (gone["content_gone"]["why"], gone["content_gone"]["after"]) == ("erasure", None)
    assert (his[run.ben]["status"], his[run.ben]["content_gone"]) == ("deferred", None)
    assert his[run.ben]["content"]["to"] == BEN["email"]
    story = (await run.message(gone["id"]))["events"]
    assert [(event["type"], event.get("by")) for event in story] == [("accepted", None), ("cancelled", STAFF)]
    entries = [entry for (entry,) in run.gateway.db.reader.execute("SELECT entry FROM audit")]
    (noted,) = [entry for entry in entries if b'"action":"guest.erased"' in entry]
    assert run.ana.encode() in noted and STAFF.encode() in noted


async def test_what_was_agreed_stays_without_who_it_was(run):
    """The ledger of consents still says what and when; its proof, and everything else that was sealed, is gone."""
    yes = {"guest": {"email": ANA["email"]}} | YES
    assert (await run.call("POST", "/communications/compliance/consent", yes)).status == 201
    await run.call("POST", "/communications/guests/search", {"email": ANA["email"]})
    await erase(run, run.ana)
    state = (await run.call("GET", f"/communications/compliance/consent?guest={run.ana}")).json
    assert [(one["kind"], one["wording_version"]) for one in state["consents"]] == [("express", "2026-01")]
    left = run.gateway.db.reader.execute(
        """
        SELECT status, country, profile_sealed, c.blind, c.address_sealed, n.proof_sealed
        FROM guests g JOIN contacts c ON c.guest_id = g.id JOIN consents n ON n.guest_id = g.id WHERE g.uuid = ?
        """,
        (uuid(run.ana),),
    ).fetchall()
    assert left == [("erased", None, None, b"", b"", None)] * 2


async def test_a_list_with_an_erased_guest_brings_no_offers_back(run):
    """He asked to be forgotten: the address comes back as somebody new, who may be written to about a booking and is
    sent no offer, unless he says yes himself."""
    await erase(run, run.ana)
    report = await run.call("POST", "/communications/guests/import", b"email\nana@example.org\n", headers=LIST)
    assert report.json["created"] == 1
    (again,) = (await run.call("POST", "/communications/guests/search", {"email": ANA["email"]})).json["items"]
    assert again["id"] != run.ana
    yes = {"guest": {"email": ANA["email"]}} | YES
    imported = yes | {"source": "import", "granted_at": "2026-01-01T00:00:00Z"}
    assert (await run.call("POST", "/communications/compliance/consent", imported)).status == 201
    refused = await run.send(NEWS | {"to": ANA["email"]})
    assert refused.json["compliance"]["reasons"] == ["CORE-SUP-1"]
    assert (await run.send(BOOKING | {"to": ANA["email"]})).status == 202
    assert (await run.call("POST", "/communications/compliance/consent", yes)).status == 201
    assert (await run.send(NEWS | {"to": ANA["email"]})).status == 202


async def test_an_address_that_another_has_too_stays_his(run):
    """Of a couple one is erased: the other is still reached at the address, and what staff wrote about it stays; of an
    address nobody has, neither that nor the mark on a refusal."""
    contacts = [{"kind": "phone", "address": ANA["phone"]}]
    other = (await run.call("POST", "/communications/guests", {"contacts": contacts})).json["id"]
    for who in ({"email": ANA["email"]}, {"phone": ANA["phone"]}):
        stop = await run.call("POST", "/communications/suppressions", {"guest": who})
        reason = {"reason": "typed in for another Ana"}
        lifted = await run.call("POST", f"/communications/suppressions/{stop.json['id']}/lift", reason)
        assert lifted.status == 200
    assert (await run.send(NEWS | {"to": "nobody@example.org"})).status == 422
    stray = {"contacts": [{"kind": "email", "address": "nobody@example.org"}]}
    assert (await run.call("POST", "/communications/guests", stray)).status == 201
    (late,) = (await run.call("POST", "/communications/guests/search", {"email": "nobody@example.org"})).json["items"]

    def marks():
        reader = run.gateway.db.reader
        (reasons,) = reader.execute("SELECT count(lift_reasons_sealed) FROM suppressions").fetchone()
        return reasons, reader.execute("SELECT count(blind) FROM messages").fetchone()[0]

    assert marks() == (2, 1)
    await erase(run, run.ana)
    await erase(run, late["id"])
    await asyncio.sleep(0)
    assert marks() == (1, 0)
    found = (await run.call("POST", "/communications/guests/search", {"phone": ANA["phone"]})).json["items"]
    assert [guest["id"] for guest in found] == [other]


async def test_an_older_copy_of_the_store_stays_sealed(run, tmp_path):
    """Opened with today's keys a backup from before shows nothing of the one who was erased, and all of the other."""
    database = run.gateway.data.database
    backup = tmp_path / "backup.db"
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("VACUUM INTO ?", (str(backup),))
    await erase(run, run.ana)
    vault = run.gateway.vault
    key, addresses = key_of(backup, run.ana)
    assert len(addresses) == 2
    for row, sealed in addresses:
        with pytest.raises(KeyDestroyed):
            vault.unseal(key, "contacts", "address", row, sealed)
    key, ((row, sealed),) = key_of(backup, run.ben)
    assert vault.unseal(key, "contacts", "address", row, sealed).decode() == BEN["email"]


async def test_the_log_is_emptied_at_once(run):
    """What the rows were before does not lie in the write-ahead log when the erasure is done."""
    _, ((_, sealed), _) = key_of(run.gateway.data.database, run.ana)

    def holding():
        return [path.name for path in run.folder.rglob("*") if path.is_file() and sealed in path.read_bytes()]

    assert holding() == ["gateway.db-wal"]
    await erase(run, run.ana)
    assert holding() == []


# -- who may not be erased -------------------------------------------------------------------------------------------


async def test_a_legal_hold_stands_in_the_way(run):
    """While it is on, nothing of the guest changes; once it has ended, he can be erased. Others are not concerned."""
    hold = f"/communications/guests/{run.ana}/hold"
    assert (await run.call("POST", hold, {"reason": "claim 17/26"})).status == 201
    done = []
    with pytest.raises(GuestOnHold):
        await erase(run, run.ana, closing=lambda tx: done.append("ana"))
    assert (done, (await run.call("GET", f"/communications/guests/{run.ana}")).status) == ([], 200)
    await erase(run, run.ben, closing=lambda tx: done.append("ben"))
    assert (await run.call("DELETE", hold)).status == 204
    await erase(run, run.ana)
    assert (await run.call("GET", f"/communications/guests/{run.ana}")).status == 404
    assert done == ["ben"]


async def test_a_hold_is_told_with_its_reason_only_to_who_may_read_it(run):
    """One at a time on a guest; the reason is content: asked for, and noted in the record. Ended, it is gone."""
    hold, heard = f"/communications/guests/{run.ana}/hold", []
    run.gateway.holds.ended = heard.append
    assert (await run.call("GET", hold)).status == 404
    placed = await run.call("POST", hold, {"reason": "claim 17/26"})
    assert (placed.json["guest_id"], placed.json["ended_at"], placed.json["content"]) == (run.ana, None, None)
    again = await run.call("POST", hold, {"reason": "another"})
    assert (again.status, again.json["type"].rpartition(":")[2]) == (409, "conflict")
    assert (await run.call("GET", hold)).json == placed.json
    assert (await run.call("GET", f"{hold}?include=content")).json["content"] == {"reason": "claim 17/26"}
    run.key = await run.draw("privacy")
    assert (await run.call("GET", f"{hold}?include=content")).status == 403
    assert (await run.call("DELETE", hold)).status == 204
    assert (await run.call("DELETE", hold)).status == 404
    assert heard == [uuid(run.ana)]


async def test_nobody_is_erased_twice_or_by_mistake(run):
    """An unknown guest is not found. To erase again whoever is erased does no harm, and tells the record once."""
    with pytest.raises(NotFound):
        await erase(run, ids.public("gst", run.gateway.ids.new()))
    for _ in range(2):
        await erase(run, run.ana)
    entries = run.gateway.db.reader.execute("SELECT entry FROM audit").fetchall()
    assert sum(b'"guest.erased"' in entry for (entry,) in entries) == 1


# -- what is on its way ----------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def at_the_door(tmp_path, outcome=None):
    """A gateway with a message of Ana's in the provider's hands; it goes on when `go` is set."""
    async with running(tmp_path, CONFIG.replace('channel = "email"\n', 'channel = "email"\nconnections = 1\n')) as run:
        plugin = run.gateway.parts.routes.providers["mail"].plugin
        send, here, run.go = plugin.send, asyncio.Event(), asyncio.Event()

        async def slow(message):
            if message.to == ANA["email"]:
                if outcome is not None:
                    message.handing_over()
                here.set()
                await run.go.wait()
                if outcome is not None:
                    raise outcome
            return await send(message)

        plugin.send = slow
        run.sent = (await run.send(BOOKING | {"to": ANA})).json["id"]
        await asyncio.wait_for(here.wait(), 10)
        run.ana = (await run.message(run.sent))["guest_id"]
        await erase(run, run.ana)
        run.go.set()
        yield run


async def test_a_message_at_the_door_stays_in_the_house(tmp_path):
    """Erased a moment before the hand-over: it is judged once more, and may not go. The next guest gets his."""
    async with at_the_door(tmp_path) as run:
        message = await run.until(run.sent, "blocked")
        assert message["compliance"]["reasons"] == ["CORE-SUP-9"]
        next_ = (await run.send(BOOKING | {"to": BEN})).json["id"]
        await run.until(next_, "sent")
        assert len(run.mails()) == 1


@pytest.mark.parametrize("kind", ["transient", "rejected"])
async def test_what_the_provider_has_already_ends_without_a_trace(tmp_path, kind):
    """Erased after the hand-over: what the provider says of the guest is not kept, a second try is not made, and the
    line goes on."""
    async with at_the_door(tmp_path, Failure(kind, code="450", words="ana is out")) as run:
        await run.until(run.sent, "failed" if kind == "rejected" else "deferred")
        run.gateway.db.reader.execute("SELECT 1")
        assert run.gateway.db.reader.execute("SELECT count(words_sealed) FROM events").fetchone() == (0,)
        if kind == "transient":
            await run.gateway.db.do(lambda tx: tx.execute("UPDATE outbox SET due_at = 0"))
            run.gateway.parts.delivery.wake("email", 0)
            message = await run.until(run.sent, "blocked")
            assert message["compliance"]["reasons"] == ["CORE-SUP-9"]
        next_ = (await run.send(BOOKING | {"to": BEN})).json["id"]
        await run.until(next_, "sent")


async def test_a_batch_that_is_not_on_its_way_yet_leaves_him_out(tmp_path):
    """Of a batch whose messages were accepted and not released, the erased guest's is not sent; the others are."""
    async with running(tmp_path, deliver=False) as run:
        order = {name: BOOKING[name] for name in ("channel", "class", "category", "subject", "text")}
        people = [{"to": ANA["email"]}, {"to": BEN["email"]}]
        made = await run.call("POST", "/communications/messages/bulk", order | {"recipients": people},
                              headers={"Idempotency-Key": "one"})  # fmt: skip
        assert made.json["accepted"] == 2
        query = f"/communications/messages?batch={made.json['id']}"
        first, second = sorted((await run.call("GET", query)).json["items"], key=lambda item: item["id"])
        await erase(run, first["guest_id"])
        await run.gateway.start()
        await run.until(second["id"], "sent")
        await run.until(first["id"], "blocked")
        await run.gateway.drain()
        assert len(run.mails()) == 1


# -- ended in the middle ---------------------------------------------------------------------------------------------

SABOTAGE = """
import asyncio, os, sys
from pathlib import Path
from gateway.config import load
from gateway.data_folder import DataFolder
from gateway.life import Gateway
from gateway.vault import KeyStore

async def main(folder, guest, moment):
    gateway = await Gateway(load(None, {}), DataFolder(Path(folder))).open()
    destroy = KeyStore.destroy
    if moment == "rows":
        KeyStore.destroy = lambda self, *numbers: os._exit(9)
    elif moment == "tombstone":
        KeyStore._transaction = lambda self: os._exit(9)
    else:
        KeyStore.destroy = lambda self, *numbers: (destroy(self, *numbers), os._exit(9))
    await gateway.erasure.erase(bytes.fromhex(guest), "usr_privacy")

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("moment", ["rows", "tombstone", "key"])
async def test_a_kill_in_the_middle_is_ended_by_the_next_start(tmp_path, moment):
    """After the rows, after the tombstone, after the key: whenever it ends, the next start leaves nothing to read, the
    other guest is whole and the record verifies."""
    async with running(tmp_path, deliver=False) as run:
        ana, ben = [await waiting(run, who) for who in (ANA, BEN)]
        data = run.gateway.data
    lost, (spoils, _) = key_of(data.database, ana)
    command = [sys.executable, "-c", SABOTAGE, data.path, uuid(ana).hex(), moment]
    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, timeout=60)
    assert ended.returncode == 9, ended.stderr
    async with running(tmp_path, deliver=False) as run:
        with pytest.raises(KeyDestroyed):
            run.gateway.vault.unseal(lost, "contacts", "address", *spoils)
        assert (await run.call("GET", f"/communications/guests/{ana}")).status == 404
        shown = (await run.call("GET", f"/communications/guests/{ben}?include=content")).json
        assert shown["content"]["contacts"][0]["address"] == BEN["email"]
    assert verify(data.database).ok


def restore(backup, database):
    """Put a backup in the place of a store."""
    for path in database.parent.glob("gateway.db-*"):
        path.unlink()
    shutil.copy(backup, database)


async def test_an_older_store_that_comes_back_is_erased_again(tmp_path):
    """The keys say who is gone: a restored backup in which he is still there has him no more after the start."""
    async with running(tmp_path, deliver=False) as run:
        ana, ben = [await waiting(run, who) for who in (ANA, BEN)]
        data = run.gateway.data
    shutil.copy(data.database, tmp_path / "older.db")
    async with running(tmp_path, deliver=False) as run:
        await erase(run, ana)
    restore(tmp_path / "older.db", data.database)
    async with running(tmp_path, deliver=False) as run:
        items = (await run.call("GET", "/communications/messages?include=content")).json["items"]
        assert {item["guest_id"]: item["status"] for item in items} == {ana: "cancelled", ben: "deferred"}
        assert "erasures were brought to their end" in run.log_text.getvalue()
    async with running(tmp_path, deliver=False) as run:
        assert "erasures" not in run.log_text.getvalue()


async def test_keys_that_cannot_be_written_are_destroyed_when_it_is_asked_again(run, monkeypatch):
    """The disk is full between rows and key: the caller hears of it, and the second time nothing is left."""
    keys, full = run.gateway.vault.keys, [StorageFull()]
    destroy = keys.destroy

    def once_full(*numbers):
        if full:
            raise full.pop()
        destroy(*numbers)

    monkeypatch.setattr(keys, "destroy", once_full)
    (lost,) = run.gateway.db.reader.execute("SELECT key_id FROM guests WHERE uuid = ?", (uuid(run.ana),)).fetchone()
    with pytest.raises(StorageFull):
        await erase(run, run.ana)
    assert keys.cipher(lost) is not None
    assert (await run.call("GET", f"/communications/guests/{run.ana}")).status == 404
    await erase(run, run.ana)
    assert keys.cipher(lost) is None


async def test_many_are_erased_with_few_commits(run):
    """Keys of many guests go in one transaction of the key store; whoever is passed over keeps his."""
    people = "\n".join(f"guest{number}@example.org" for number in range(30))
    await run.call("POST", "/communications/guests/import", f"email\n{people}\n".encode(), headers=LIST)
    reader = run.gateway.db.reader
    found = reader.execute("SELECT uuid, id, key_id FROM guests WHERE import_id IS NOT NULL ORDER BY id").fetchall()
    spared = found[7]
    before = (run.gateway.data.keys / "tombstones").exists()
    gone = await run.gateway.erasure.forget(
        [row[0] for row in found], STAFF, lambda reader, guest_id: guest_id != spared[1]
    )
    keys = run.gateway.vault.keys
    assert (before, gone, keys.buried()) == (False, 29, {row[2] for row in found} - {spared[2]})
    assert keys.remaining([row[2] for row in found]) == [spared[2]]


def test_the_key_of_an_erased_guest_is_missed_by_nobody(tmp_path):
    """`gateway key verify` counts who was erased, and says when an erasure is not finished."""
    command = [*PROGRAM, "key", "verify", "--data", tmp_path / "data"]

    async def live():
        async with running(tmp_path, deliver=False) as run:
            ana = await waiting(run, ANA)
            await waiting(run, BEN)
            run.gateway.vault.keys.destroy = lambda *numbers: None
            await erase(run, ana)

    asyncio.run(live())
    begun = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (begun.returncode, begun.stdout.startswith("1 erasures are not finished")) == (1, True), begun.stderr

    async def start():
        async with running(tmp_path, deliver=False):
            pass

    asyncio.run(start())
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "ok: the keys of 1 guests are there, none of 1 who were erased\n")
    with contextlib.closing(Vault.open(tmp_path / "data/keys", tmp_path / "data/keys/master.key")) as vault:
        assert len(vault.keys.buried()) == 1
