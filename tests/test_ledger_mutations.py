"""Every kind of change to every row of the audit tables: each is found, and the first wrong entry is named.

The record has two full tiles and checkpoints of 15, 512 and 540 entries; five entries more have none. One more
checkpoint, of all 545, is kept outside.
"""

import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import json

from gateway.ledger import GENESIS, TILE, Entry, Frontier, encode, public_text, sign, verify
from gateway.ledger.entry import digest
from gateway.store import schema

SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC = public_text(SIGNER)
SIZE, SIGNED = 545, (15, 2 * TILE, 540)
LAST_SIGNED = SIGNED[-1]
ROWS = (1, 15, 16, TILE, TILE + 1, 2 * TILE, 540, 541, SIZE)
"""The first and the last, and whatever stands at an edge of something."""
MEMBERS = ("action", "actor", "data_hash", "object", "prev", "seq", "ts")


class Copy:
    """A record that is changed and put back as it was."""

    def __init__(self, path, outside):
        self.path, self.outside, self._before = path, outside, path.read_bytes()

    def change(self, *statements):
        """Run statements, each an SQL text or one with its values; what the check says with the key pinned."""
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute("PRAGMA synchronous=OFF")
            for statement in statements:
                sql, *values = (statement,) if isinstance(statement, str) else statement
                db.execute(sql, values)
        return self.check()

    def check(self, with_outside=True):
        return verify(self.path, self.outside if with_outside else None, PUBLIC)

    def put_back(self):
        self.path.write_bytes(self._before)

    def entry(self, seq):
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute("SELECT entry FROM audit WHERE seq = ?", (seq,)).fetchone()[0]

    def mended(self, seq, members):
        """The statements that alter an entry and write all after it anew, so that the chain fits."""
        statements, prev = [], None
        for number in range(seq, SIZE + 1):
            new = members if number == seq else json.decode(self.entry(number)) | {"prev": prev}
            encoded = json.encode(new, order="sorted")
            prev = digest(encoded)
            statements.append(("UPDATE audit SET entry = ? WHERE seq = ?", encoded, number))
        return statements


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("record") / "gateway.db"
    schema.create_or_migrate(path)
    prev, tree = GENESIS, Frontier()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode=DELETE")
        for seq in range(1, SIZE + 1):
            hash_ = sha256(b"%d" % seq).digest()
            entry = encode(Entry("key:a", "message.accepted", f"msg_{seq}", hash_, seq * 1000), seq, prev)
            prev, tile = digest(entry), tree.append(entry)
            db.execute("INSERT INTO audit VALUES (?, ?)", (seq, entry))
            if tile:
                db.execute("INSERT INTO audit_tiles VALUES (?, ?)", (seq // TILE - 1, tile))
            if seq in SIGNED:
                note = sign(SIGNER, "test", seq, tree.root(), "2026-11-24T10:00:00Z").note
                db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (seq, note, tree.to_bytes()))
    return Copy(path, sign(SIGNER, "test", SIZE, tree.root(), "2026-11-24T10:05:00Z").note)


@pytest.fixture
def record(made):
    """The record, as it was written."""
    yield made
    made.put_back()


def found(report, *seqs):
    """Whether something wrong was found, and named as one of these."""
    assert not report.ok
    assert report.reason
    assert report.seq in seqs, report


def test_the_record_as_it_was_written_verifies(record):
    """The positive control: with the checkpoint from outside all of it is vouched for."""
    report = record.check()
    assert (report.ok, report.size, report.signed, report.unpinned) == (True, SIZE, SIZE, False)
    report = record.check(with_outside=False)
    assert (report.ok, report.size, report.signed) == (True, SIZE, LAST_SIGNED)


# -- entries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", ROWS)
def test_a_changed_member_is_found_with_or_without_the_chain_mended(record, seq):
    """Any member of any entry: at once, or, where all after it was written anew, by the next signature."""
    for member in MEMBERS:
        members = json.decode(record.entry(seq))
        members[member] = 9999 if member == "seq" else "x" + members[member][1:]
        found(record.change(("UPDATE audit SET entry = ? WHERE seq = ?", json.encode(members, order="sorted"), seq)),
              seq, seq + 1, SIZE)  # fmt: skip
        record.put_back()
    signed = next(size for size in (*SIGNED, SIZE) if size >= seq)
    mended = record.mended(seq, json.decode(record.entry(seq)) | {"actor": "key:b"})
    found(record.change(*mended), signed, -(-seq // TILE) * TILE)


def test_any_byte_of_an_entry_counts(record):
    """No part of an entry is without meaning."""
    entry = record.entry(16)
    for at in range(0, len(entry), 4):
        flipped = entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :]
        found(record.change(("UPDATE audit SET entry = ? WHERE seq = 16", flipped)), 16, 17)
        record.put_back()


@pytest.mark.parametrize("seq", ROWS)
def test_an_entry_taken_out_moved_doubled_or_swapped_is_found(record, seq):
    """Order and completeness are part of what is proven."""
    found(record.change(("DELETE FROM audit WHERE seq = ?", seq)), seq)
    record.put_back()
    found(record.change(("UPDATE audit SET seq = 9999 WHERE seq = ?", seq)), seq)
    record.put_back()
    found(record.change(("UPDATE audit SET seq = -seq WHERE seq = ?", seq)), 1)
    record.put_back()
    up = [("UPDATE audit SET seq = -seq WHERE seq >= ?", seq), "UPDATE audit SET seq = 1 - seq WHERE seq < 0"]
    found(record.change(*up, ("INSERT INTO audit VALUES (?, ?)", seq, record.entry(seq))), seq + 1)
    record.put_back()
    closed_up = ("DELETE FROM audit WHERE seq = ?", seq), ("UPDATE audit SET seq = seq - 1 WHERE seq > ?", seq)
    found(record.change(*closed_up), seq, SIZE)
    record.put_back()
    other = seq + 1 if seq < SIZE else seq - 1
    a, b = record.entry(seq), record.entry(other)
    swap = "UPDATE audit SET entry = ? WHERE seq = ?"
    found(record.change((swap, b, seq), (swap, a, other)), min(seq, other))


def test_what_is_put_at_the_end_must_fit(record):
    """A row more that is no next entry is named."""
    found(record.change(("INSERT INTO audit VALUES (?, ?)", SIZE + 1, record.entry(3))), SIZE + 1)


@pytest.mark.parametrize("size", [0, 1, 14, 15, TILE, 2 * TILE, 539, 540, 544])
def test_a_cut_off_end_is_found_with_a_checkpoint_from_outside(record, size):
    """Entries cut off with all that is kept about them: invisible from within, as the manual says; the checkpoint that
    was kept outside names the first that is missing."""
    cut = (
        ("DELETE FROM audit WHERE seq > ?", size),
        ("DELETE FROM checkpoints WHERE size > ?", size),
        ("DELETE FROM audit_tiles WHERE (number + 1) * 256 > ?", size),
    )
    found(record.change(*cut), size + 1)
    assert record.check(with_outside=False).ok
    record.put_back()
    if size < LAST_SIGNED:
        record.change(cut[0])
        found(record.check(with_outside=False), size + 1)


def test_a_record_written_anew_from_the_beginning_is_found_from_outside(record):
    """Without its checkpoints another record looks sound from within; the one outside is of this one."""
    members = json.decode(record.entry(2)) | {"actor": "key:b"}
    found(record.change(*record.mended(2, members), "DELETE FROM checkpoints", "DELETE FROM audit_tiles"), TILE)
    record.put_back()
    recent = json.decode(record.entry(541)) | {"actor": "key:b"}
    found(record.change(*record.mended(541, recent)), SIZE)
    report = record.check(with_outside=False)
    assert (report.ok, report.signed) == (True, LAST_SIGNED)


# -- checkpoints and tiles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIGNED)
def test_a_changed_checkpoint_is_found(record, size):
    """Size, note and edge: of each row each column."""
    found(record.change(("UPDATE checkpoints SET size = size + 1 WHERE size = ?", size)), size + 1)
    record.put_back()
    found(record.change(("UPDATE checkpoints SET frontier = x'00' WHERE size = ?", size)), size)
    record.put_back()
    with closing(sqlite3.connect(record.path)) as db:
        note, edge = db.execute("SELECT note, frontier FROM checkpoints WHERE size = ?", (size,)).fetchone()
    for raw, column in ((note, "note"), (edge, "frontier")):
        for at in range(0, len(raw.rstrip()), 7):
            flipped = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            report = record.change((f"UPDATE checkpoints SET {column} = ? WHERE size = ?", flipped, size))
            found(report, 0, *SIGNED, *range(size * 2 + 20))
            record.put_back()


def test_a_checkpoint_of_another_key_or_of_another_place_is_found(record):
    """One that a forger signed, one that was signed over something else, one that stands where another was."""
    forger = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    for signer, size, root in ((forger, 20, b"\1" * 32), (SIGNER, 20, b"\1" * 32), (SIGNER, SIZE + 9, b"\1" * 32)):
        note = sign(signer, "test", size, root, "2026-11-24T10:00:00Z").note
        found(record.change(("INSERT INTO checkpoints VALUES (?, ?, x'00')", size, note)), size, SIZE + 1)
        record.put_back()
    swap = "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 540) WHERE size = 15"
    found(record.change(swap), 15)


@pytest.mark.parametrize("number", [0, 1])
def test_a_changed_tile_is_found(record, number):
    """Number and hash, one taken away, one too many, two in each other's place."""
    seqs = ((number + 1) * TILE, SIZE + 1, TILE)
    for sql in (
        f"UPDATE audit_tiles SET number = 7 WHERE number = {number}",
        f"UPDATE audit_tiles SET hash = zeroblob(32) WHERE number = {number}",
        f"UPDATE audit_tiles SET hash = x'00' WHERE number = {number}",
        f"DELETE FROM audit_tiles WHERE number = {number}",
        f"INSERT INTO audit_tiles SELECT 2, hash FROM audit_tiles WHERE number = {number}",
        "UPDATE audit_tiles SET number = -1 - number",
    ):
        found(record.change(sql), *seqs)
        record.put_back()
    swap = ("UPDATE audit_tiles SET number = -1 - number", "UPDATE audit_tiles SET number = number + 2")
    found(record.change(*swap), TILE)


def test_a_store_that_kept_no_tiles_still_verifies(record):
    """A backup from before they were kept is as good as it was."""
    assert record.change("DROP TABLE audit_tiles").ok
