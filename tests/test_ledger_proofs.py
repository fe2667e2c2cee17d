"""Proofs: whoever holds the public key alone can check that an entry is in the record, and that it only ever grew."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, structs
from sqlite_utils import Database

from gateway.ledger import GENESIS, TILE, AuditProof, Entry, Frontier, encode, proven, public_text, sign, verify_proof
from gateway.ledger.entry import digest
from gateway.ledger.paths import Tree, continues, includes
from gateway.ledger.tree import leaf, node
from gateway.store.steps import record

SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC = public_text(SIGNER)
SIZE = 5
SIZES = st.integers(1, 3 * TILE)


def tree_of(entries):
    """A tree as the store keeps it: full tiles as hashes, the rest as entries."""
    frontier = Frontier()
    tiles = [tile for tile in map(frontier.append, entries) if tile]
    return Tree(len(entries), tiles, lambda first, last: entries[first:last])


def entries_of(size):
    return [b"%d" % number for number in range(size)]


def root_of(entries):
    """MTH of RFC 6962 §2.1, word for word."""
    if len(entries) == 1:
        return leaf(entries[0])
    split = 1 << (len(entries) - 1).bit_length() - 1
    return node(root_of(entries[:split]), root_of(entries[split:]))


@given(SIZES)
def test_the_root_out_of_tiles_is_the_one_of_the_rfc(size):
    """However many tiles are full, the tree over them is the tree over the entries."""
    entries = entries_of(size)
    assert tree_of(entries).root() == root_of(entries)


@given(SIZES, st.data())
def test_an_entry_is_proven_in_its_place_and_in_no_other(size, data):
    """The path holds for this entry, index, size and root; with any of them changed it does not."""
    entries = entries_of(size)
    index = data.draw(st.integers(0, size - 1))
    tree = tree_of(entries)
    path, root = tree.inclusion(index), tree.root()
    assert includes(index, size, entries[index], path, root)
    assert not includes(index, size, b"another", path, root)
    assert not includes(index, size, entries[index], path, leaf(b"another root"))
    assert not includes(index, size, entries[index], [*path, root], root)
    assert not includes(size + index, size, entries[index], path, root)
    if path:
        assert not includes(index, size, entries[index], path[1:], root)
        assert not includes(index ^ 1, size, entries[index], path, root)


@given(SIZES, st.data())
def test_growth_is_proven_and_a_change_of_the_past_is_not(size, data):
    """The path holds for the tree that the old one grew into; for any other old or new root it does not."""
    entries = entries_of(size)
    old = data.draw(st.integers(1, size))
    path, root, old_root = tree_of(entries).consistency(old), root_of(entries), root_of(entries[:old])
    assert continues(old, size, path, old_root, root)
    forged = root_of([b"another", *entries[1:]])
    assert not continues(old, size, path, old_root, forged)
    assert not continues(old, size, path, root_of([b"another", *entries[1:old]]), root)
    assert not continues(old, size, [*path, root], old_root, root)
    if path:
        assert not continues(old, size, path[1:], old_root, root)


def test_growth_from_nothing_or_backwards_is_no_growth():
    """An old size must be at least one and no larger than the new one; the same size needs no path."""
    root = root_of(entries_of(3))
    assert continues(3, 3, [], root, root)
    assert not continues(0, 3, [], root, root)
    assert not continues(4, 3, [], root, root)


def test_a_store_without_tiles_gets_them_with_its_next_schema():
    """Whoever upgrades has the hashes of all full tiles at once, and what was kept for salts is gone."""
    db = Database(memory=True)
    db.conn.execute("CREATE TABLE audit (seq INTEGER PRIMARY KEY, entry BLOB)")
    db.conn.execute("CREATE TABLE audit_salts (seq INTEGER PRIMARY KEY)")
    entries = entries_of(2 * TILE + 3)
    db.conn.executemany("INSERT INTO audit (entry) VALUES (?)", [(entry,) for entry in entries])
    record.take(db)
    kept = db.conn.execute("SELECT number, hash FROM audit_tiles ORDER BY number").fetchall()
    assert kept == [(0, root_of(entries[:TILE])), (1, root_of(entries[TILE : 2 * TILE]))]
    assert "audit_salts" not in db.table_names()


# -- on paper ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper():
    """A proof of entry 3, a proof of growth from two entries to five, and the entries."""
    entries, prev = [], GENESIS
    for seq in range(1, SIZE + 1):
        entries.append(encode(Entry("key:a", "message.accepted", f"msg_{seq}", b"\1" * 32, seq), seq, prev))
        prev = digest(entries[-1])
    tree = tree_of(entries)
    new, old = (
        sign(SIGNER, "test", size, root_of(entries[:size]), "2026-11-24T10:00:00Z").note.decode() for size in (SIZE, 2)
    )
    growth = AuditProof(new, from_=old, path=[hash_.hex() for hash_ in tree.consistency(2)])
    return AuditProof(new, [proven(tree, 3, entries[2])]), growth, entries


def test_a_proof_needs_nothing_but_the_public_key(paper):
    """The positive control of what follows; without the key it says so."""
    for proof in paper[:2]:
        report = verify_proof(json.encode(proof), PUBLIC)
        assert (report.ok, report.size, report.signed, report.unpinned) == (True, SIZE, SIZE, False)
        assert verify_proof(json.encode(proof)).unpinned


def test_what_a_proof_has_besides_is_no_matter(paper):
    """A report is a proof with more in it."""
    assert verify_proof(json.encode(json.decode(json.encode(paper[0])) | {"period": "2026"}), PUBLIC).ok


def forged_proofs(paper):
    """Every member of both proofs, changed."""
    one, growth, entries = paper
    forger = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    (line,) = one.entries
    foreign = sign(forger, "test", SIZE, root_of(entries), "2026-11-24T10:00:00Z").note.decode()
    for proof in (one, growth):
        yield structs.replace(proof, checkpoint=foreign)
        yield structs.replace(proof, checkpoint=proof.checkpoint.replace("10:00", "11:00"))
        yield structs.replace(proof, checkpoint="guest-gateway")
    yield structs.replace(one, entries=[])
    for change in (
        {"seq": 4}, {"seq": 0}, {"entry": entries[3].decode()}, {"entry": line.entry.replace("key:a", "key:b")},
        {"entry": line.entry.replace('","', '", "')}, {"entry": "{}"}, {"path": line.path[::-1]},
        {"path": line.path[1:]}, {"path": [*line.path, line.path[0]]}, {"path": ["zz", *line.path[1:]]},
    ):  # fmt: skip
        yield structs.replace(one, entries=[structs.replace(line, **change)])
    for change in (
        {"from_": growth.checkpoint}, {"path": growth.path[::-1]}, {"path": growth.path[1:]}, {"path": []},
        {"from_": foreign},
    ):  # fmt: skip
        yield structs.replace(growth, **change)


def test_a_proof_with_anything_changed_in_it_is_none(paper):
    """Whatever is forged, a reason is given."""
    forged = list(forged_proofs(paper))
    assert len(forged) == 22
    for proof in forged:
        report = verify_proof(json.encode(proof), PUBLIC)
        assert not report.ok, proof
        assert report.reason


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"\xff", b'{"checkpoint":1}'])
def test_what_is_no_proof_is_said_to_be_none(raw):
    """A file of anything else ends in an answer, not in a traceback."""
    assert not verify_proof(raw, PUBLIC).ok
