"""The store of keys: what is destroyed stays destroyed, a number is given once, and a failure loses nothing."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from gateway.errors import KeyUnusable, NotUsable, StorageFailed, StorageFull, Unavailable
from gateway.vault import CannotOpen, Vault, init, master
from gateway.vault.keystore import SPARE, KeyStore

ROW = b"r" * 16


@pytest.fixture
def folder(tmp_path):
    """A keys folder that was begun once and is closed."""
    folder = tmp_path / "keys"
    init(folder, folder / "master.key", database_exists=False).close()
    return folder


@pytest.fixture
def opened(folder):
    """Opens the vault of the folder, as often as asked, and closes them all."""
    vaults = []

    def open_(used_up_to=0):
        vaults.append(Vault.open(folder, folder / "master.key"))
        vaults[-1].keys.begin(used_up_to)
        return vaults[-1]

    yield open_
    for vault in vaults:
        vault.close()


def opens(vault, key, sealed):
    """Whether a seal still opens."""
    try:
        return vault.unseal(key, "a", "b", ROW, sealed) == b"x"
    except CannotOpen:
        return False


def spoil(path, statement):
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(statement)


# -- destroying ------------------------------------------------------------------------------------------------------


def test_an_older_copy_brings_no_destroyed_key_back(folder, opened, tmp_path):
    """The tombstone destroys it again; a key nobody destroyed comes back with the copy."""
    vault = opened()
    lost, kept = vault.keys.next_key(), vault.keys.next_key()
    seals = {key: vault.seal(key, "a", "b", ROW, b"x") for key in (lost, kept)}
    shutil.copy(folder / "keys.db", tmp_path / "older")
    vault.keys.destroy(lost)
    vault.close()
    shutil.copy(tmp_path / "older", folder / "keys.db")
    again = opened(kept)
    assert not opens(again, lost, seals[lost])
    assert opens(again, kept, seals[kept])


def test_a_destruction_cut_short_is_finished_at_the_next_start(opened):
    """Killed between the tombstone and the key, the key goes when the store is begun again."""
    vault = opened()
    lost = vault.keys.next_key()
    sealed = vault.seal(lost, "a", "b", ROW, b"x")
    vault.keys._bury(lost)
    assert opens(vault, lost, sealed)
    assert not opens(opened(lost), lost, sealed)


def test_a_torn_tombstone_is_none_and_spoils_no_other(folder, opened):
    """Digits a power cut left behind destroy nobody, and the next tombstone is still read."""
    vault = opened()
    kept, lost = vault.keys.next_key(), vault.keys.next_key()
    sealed = vault.seal(kept, "a", "b", ROW, b"x")
    (folder / "tombstones").write_text(f"\n{kept}")
    vault.keys.destroy(lost)
    again = opened(lost)
    assert opens(again, kept, sealed)
    assert again.keys.buried() == {lost}


def test_a_destroyed_number_is_not_given_again(opened):
    """Not even when the store no longer knows that it was used."""
    keys = opened().keys
    kept, lost = keys.next_key(), keys.next_key()
    keys.destroy(lost)
    again = opened(kept).keys
    assert again.next_key() == lost + 1
    assert again.cipher(lost + 1) is not None


def test_nothing_of_a_destroyed_key_stays_in_the_folder(folder, opened):
    """Its wrapped bytes are overwritten by the time `destroy` returns, also for who holds the master key."""
    keys = opened().keys
    lost = keys.next_key()
    (wrapped,) = keys._db.execute("SELECT wrapped FROM guest_keys WHERE id = ?", (lost,)).fetchone()

    def found():
        return [path.name for path in folder.iterdir() if wrapped in path.read_bytes()]

    assert found() == ["keys.db"]
    keys.destroy(lost)
    assert found() == []


# -- handing out -----------------------------------------------------------------------------------------------------


def test_threads_never_get_the_same_number(opened):
    """Eight at once, past the spare ones, with refills in between: every key is another and opens what it sealed."""
    vault = opened()

    def work(_):
        keys = [vault.keys.next_key() for _ in range(SPARE // 4)]
        vault.keys.refill()
        return [(key, vault.seal(key, "a", "b", ROW, b"x")) for key in keys]

    with ThreadPoolExecutor(8) as pool:
        made = [pair for pairs in pool.map(work, range(8)) for pair in pairs]
    assert len({key for key, _ in made}) == len(made) == 2 * SPARE
    again = opened(max(key for key, _ in made))
    assert all(opens(again, *pair) for pair in made)


def test_only_the_ciphers_used_last_stay_at_hand(folder):
    """As many as asked for; one put away is opened anew."""
    keys = KeyStore(folder, master.read(folder / "master.key"), opened=2)
    keys.begin(0)
    first, second, third = (keys.next_key() for _ in range(3))
    for number in (first, second, first, third):
        assert keys.cipher(number) is not None
    assert list(keys._opened) == [first, third]
    assert keys.cipher(second) is not None
    keys.close()


def test_missing_keys_are_told_in_any_order(opened):
    """Gaps at the front, in the middle and past the end are all counted, and only they."""
    keys = opened().keys
    numbers = [keys.next_key() for _ in range(10)]
    keys.check(reversed(numbers))
    with keys._transaction():
        keys._db.execute("DELETE FROM guest_keys WHERE id IN (?, ?)", (numbers[0], numbers[5]))
    with pytest.raises(KeyUnusable, match="keys of 4 guests"):
        keys.check([10**9, 10**9 + 1, *reversed(numbers)])


# -- what cannot be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_a_spoilt_key_store_is_named_and_left_as_it_is(folder, opened, content):
    """Nothing is written into a file that is not understood."""
    opened().close()
    (folder / "keys.db").write_bytes(content)
    with pytest.raises(KeyUnusable, match="cannot be read"):
        opened()
    assert (folder / "keys.db").read_bytes() == content


def test_a_newer_key_store_is_refused(folder, opened):
    """An older gateway does not touch what a newer one wrote."""
    opened().close()
    spoil(folder / "keys.db", "PRAGMA user_version = 99")
    with pytest.raises(NotUsable, match="newer"):
        opened()


def test_a_new_master_key_is_known_from_its_first_use_on(folder, opened):
    """A line on top becomes the current key; another secret under its name is then refused, with the old line there."""
    old, new = (folder / "master.key").read_text(), master.new()
    (folder / "master.key").write_text(master.line(new) + old)
    opened(SPARE).close()
    opened(SPARE).close()
    (folder / "master.key").write_text(master.line(new._replace(secret=b"z" * 32)) + old)
    with pytest.raises(KeyUnusable, match="not the one"):
        opened(SPARE)


# -- when it cannot be written ---------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_got_over(opened):
    """Keys that are there go on being handed out; new ones come when there is room again."""
    keys = opened().keys
    (pages,) = keys._db.execute("PRAGMA page_count").fetchone()
    keys._db.execute(f"PRAGMA max_page_count = {pages}")
    handed = [keys.next_key() for _ in range(SPARE)]
    with pytest.raises(StorageFull):
        keys.next_key()
    keys._db.execute("PRAGMA max_page_count = 100000")
    assert keys.next_key() == handed[-1] + 1


def test_a_key_store_held_from_outside_is_unavailable(folder, opened):
    """Until it is let go."""
    keys = opened().keys
    keys._db.execute("PRAGMA busy_timeout = 0")
    handed = [keys.next_key() for _ in range(SPARE)]
    outside = sqlite3.connect(folder / "keys.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        keys.next_key()
    outside.close()
    assert keys.next_key() == handed[-1] + 1


def test_after_the_disk_failed_nothing_is_written(opened):
    """A sync that failed once may claim success the second time: this store of keys does not try."""
    keys = opened().keys
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    lost = keys.next_key()
    assert isinstance(keys._judge(error), StorageFailed)
    with pytest.raises(StorageFailed):
        keys.destroy(lost)
    assert keys.cipher(lost) is not None
