"""The audit log: every change to it shows, and names the first entry that is wrong."""

import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from gateway.ledger import GENESIS, Entry, Frontier, encode, public_text, sign, verify
from gateway.ledger.checkpoint import parse
from gateway.ledger.entry import digest
from gateway.ledger.tree import EMPTY, leaf, node
from gateway.store import schema

SIZE = 40
SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC = public_text(SIGNER)


@pytest.fixture
def log(tmp_path):
    """A store with forty entries and checkpoints at 15 and 40; the path of its file."""
    path = tmp_path / "gateway.db"
    schema.create_or_migrate(path)
    db, prev, tree = sqlite3.connect(path), GENESIS, Frontier()
    for seq in range(1, SIZE + 1):
        entry = encode(
            Entry("key:a", "message.accepted", f"msg_{seq}", sha256(b"%d" % seq).digest(), seq * 1000), seq, prev
        )
        prev = digest(entry)
        tree.append(entry)
        db.execute("INSERT INTO audit VALUES (?, ?)", (seq, entry))
        if seq in (15, SIZE):
            note = sign(SIGNER, "test", seq, tree.root(), "2026-11-24T10:00:00Z").note
            db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (seq, note, tree.to_bytes()))
    db.commit()
    db.close()
    return path


def change(path, sql, *parameters):
    db = sqlite3.connect(path)
    db.execute(sql, parameters)
    db.commit()
    db.close()


def entry_at(path, seq):
    return value(path, "SELECT entry FROM audit WHERE seq = ?", seq)


def value(path, sql, *parameters):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql, parameters).fetchone()[0]


def rechain(path, members, seq):
    """Write an altered entry and everything after it anew, so that the chain fits again."""
    db = sqlite3.connect(path)
    rows = db.execute("SELECT seq, entry FROM audit WHERE seq >= ? ORDER BY seq", (seq,)).fetchall()
    prev = None
    for number, entry in rows:
        new = members if number == seq else json.decode(entry) | {"prev": prev}
        encoded = json.encode(new, order="sorted")
        prev = digest(encoded)
        db.execute("UPDATE audit SET entry = ? WHERE seq = ?", (encoded, number))
    db.commit()
    db.close()


def test_an_untouched_log_verifies(log):
    """The positive control of every test below, with and without the key pinned."""
    report = verify(log, key=PUBLIC)
    assert (report.ok, report.size, report.unpinned) == (True, SIZE, False)
    assert verify(log).unpinned


@pytest.mark.parametrize("member", ["action", "actor", "data_hash", "object", "prev", "seq", "ts"])
@pytest.mark.parametrize("seq", [1, 20, SIZE])
def test_an_edited_entry_is_named(log, member, seq):
    """Whatever is changed in an entry, the check stops at it or right behind it."""
    members = json.decode(entry_at(log, seq))
    members[member] = 99 if member == "seq" else "x" + members[member][1:]
    change(log, "UPDATE audit SET entry = ? WHERE seq = ?", json.encode(members, order="sorted"), seq)
    report = verify(log, key=PUBLIC)
    assert not report.ok
    assert report.seq in (seq, seq + 1)


def test_an_edit_with_the_chain_mended_disagrees_with_the_checkpoint(log):
    """Whoever also recomputes the chain is found by the signed root."""
    members = json.decode(entry_at(log, 20)) | {"actor": "key:b"}
    rechain(log, members, 20)
    report = verify(log, key=PUBLIC)
    assert (report.ok, report.seq) == (False, SIZE)


@pytest.mark.parametrize("seq", range(1, SIZE + 1))
def test_every_deleted_entry_is_missed(log, seq):
    """No entry can be taken out, the last one included while its checkpoint is there."""
    change(log, "DELETE FROM audit WHERE seq = ?", seq)
    report = verify(log, key=PUBLIC)
    assert not report.ok
    assert report.seq == seq


def test_swapped_and_inserted_entries_are_named(log):
    """Order is part of what is proven."""
    a, b = entry_at(log, 5), entry_at(log, 6)
    change(log, "UPDATE audit SET entry = ? WHERE seq = 5", b)
    change(log, "UPDATE audit SET entry = ? WHERE seq = 6", a)
    assert verify(log, key=PUBLIC).seq == 5


def test_an_added_entry_without_a_place_in_the_chain_is_named(log):
    """Something put at the end must fit what is before it."""
    change(log, "INSERT INTO audit VALUES (?, ?)", SIZE + 1, entry_at(log, 3))
    assert verify(log, key=PUBLIC).seq == SIZE + 1


@pytest.mark.parametrize("seq", [1, 2, 16, SIZE])
def test_an_inserted_entry_is_named(log, seq):
    """Nothing can be put between two entries, not even with every later number moved up."""
    change(log, "UPDATE audit SET seq = -seq WHERE seq >= ?", seq)
    change(log, "UPDATE audit SET seq = 1 - seq WHERE seq < 0")
    change(log, "INSERT INTO audit VALUES (?, ?)", seq, entry_at(log, seq + 1))
    report = verify(log, key=PUBLIC)
    assert not report.ok
    assert report.seq == seq + 1


def test_an_entry_before_the_first_is_named(log):
    """Numbers begin at 1."""
    change(log, "INSERT INTO audit VALUES (0, ?)", entry_at(log, 1))
    assert not verify(log, key=PUBLIC).ok


def test_a_record_written_anew_is_not_vouched_for(log):
    """Who rewrites all of it cannot sign: the answer says how far signatures reach, and that no pinned key spoke."""
    assert verify(log, key=PUBLIC).signed == SIZE
    rechain(log, json.decode(entry_at(log, 20)) | {"actor": "key:b"}, 20)
    change(log, "DELETE FROM checkpoints WHERE size > 15")
    report = verify(log, key=PUBLIC)
    assert (report.ok, report.signed, report.unpinned) == (True, 15, False)
    change(log, "DELETE FROM checkpoints")
    report = verify(log, key=PUBLIC)
    assert (report.ok, report.signed, report.unpinned) == (True, 0, True)


def test_a_checkpoint_under_another_size_is_named(log):
    """The row's number is the one that was signed."""
    change(log, "UPDATE checkpoints SET size = 14 WHERE size = 15")
    report = verify(log, key=PUBLIC)
    assert (report.ok, report.seq) == (False, 14)


@pytest.mark.parametrize("name", ["a b", "a#b", "a?mode=rwc", "a%41", "é"])
def test_any_folder_name_will_do(log, name):
    """Letters that mean something in an address mean nothing in a path."""
    place = log.parent / name
    place.mkdir()
    assert verify(log.rename(place / "gateway.db"), key=PUBLIC).ok


def test_spaces_and_other_orders_are_not_canonical(log):
    """The same members in other bytes are another entry."""
    loose = entry_at(log, SIZE).replace(b'","', b'", "')
    change(log, "UPDATE audit SET entry = ? WHERE seq = ?", loose, SIZE)
    assert verify(log, key=PUBLIC).reason == "the entry is not in its canonical form"


def test_a_cut_off_end_is_seen_with_an_outside_checkpoint(log):
    """Cutting entries and their checkpoint off leaves a sound shorter log; only what was kept outside tells."""
    outside = value(log, "SELECT note FROM checkpoints WHERE size = ?", SIZE)
    assert verify(log, outside, PUBLIC).ok
    change(log, "DELETE FROM audit WHERE seq > 30")
    change(log, "DELETE FROM checkpoints WHERE size > 30")
    assert verify(log, key=PUBLIC).ok
    report = verify(log, outside, PUBLIC)
    assert (report.ok, report.seq) == (False, 31)


def test_a_checkpoint_of_another_key_is_refused(log):
    """Only the pinned key's word counts; a forger's own key does not."""
    forger = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    found = parse(value(log, "SELECT note FROM checkpoints WHERE size = 15"))
    forged = sign(forger, found.origin, found.size, found.root, found.time).note
    change(log, "UPDATE checkpoints SET note = ? WHERE size = 15", forged)
    assert verify(log, key=PUBLIC).reason == "a stored checkpoint is not signed by the audit key"
    change(log, "UPDATE checkpoints SET note = x'00' WHERE size = 15")
    assert not verify(log, key=PUBLIC).ok


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_frontier_gives_the_root_of_rfc_6962(entries):
    """The root kept incrementally is the one the RFC defines by recursion."""
    frontier = Frontier()
    for entry in entries:
        frontier.append(entry)
    assert frontier.root() == recursive_root(entries)
    assert Frontier.from_bytes(frontier.to_bytes()).root() == frontier.root()


def recursive_root(entries):
    if not entries:
        return EMPTY
    if len(entries) == 1:
        return leaf(entries[0])
    split = 1 << (len(entries) - 1).bit_length() - 1
    return node(recursive_root(entries[:split]), recursive_root(entries[split:]))


def test_an_entry_takes_no_free_text():
    """An address or a quote can never get into an entry; an id can."""
    with pytest.raises(ValueError, match="plain letters"):
        encode(Entry("ana@example.org", "a", "b", b"", 0), 1, GENESIS)
    assert b'"actor":"key:x"' in encode(Entry("key:x", "a", "b", b"", 0), 1, GENESIS)
