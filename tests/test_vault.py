"""Keys, seals, indexes and tokens: what opens, and what must never open."""

import hmac
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid, KeyUnusable, NoWritableDisk
from gateway.vault import CannotOpen, Vault, init, master
from gateway.vault.apikeys import ApiKeys
from gateway.vault.index import PLAIN_PHONE, _unusual_phone, email, phone
from gateway.vault.keystore import SPARE, PurposeKey
from gateway.vault.links import Links
from gateway.vault.mac import Mac

ROW, OTHER = b"r" * 16, b"o" * 16
PURPOSES = ("unsubscribe", "preferences", "confirm", "receipt", "mydata")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def vault(folder):
    """A fresh vault."""
    made = init(folder, folder / "master.key", database_exists=False)
    yield made
    made.close()


def reopened(folder):
    return Vault.open(folder, folder / "master.key")


def test_what_is_sealed_opens_in_its_place_only(vault):
    """The same key, table, column and row open it; any other of the four does not."""
    key, other = vault.keys.next_key(), vault.keys.next_key()
    sealed = vault.seal(key, "guests", "name", ROW, b"Ana")
    assert b"Ana" not in sealed
    assert vault.unseal(key, "guests", "name", ROW, sealed) == b"Ana"
    for place in ((other, "guests", "name", ROW), (key, "messages", "name", ROW), (key, "guests", "note", ROW),
                  (key, "guests", "name", OTHER)):  # fmt: skip
        with pytest.raises(CannotOpen):
            vault.unseal(*place, sealed)


def test_a_changed_or_cut_seal_does_not_open(vault):
    """No byte of it can be altered."""
    key = vault.keys.next_key()
    sealed = vault.seal(key, "a", "b", ROW, b"secret")
    assert vault.unseal(key, "a", "b", ROW, sealed) == b"secret"
    for at in range(len(sealed)):
        with pytest.raises(CannotOpen):
            vault.unseal(key, "a", "b", ROW, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(CannotOpen):
            vault.unseal(key, "a", "b", ROW, sealed[:at])


def test_what_belongs_to_no_guest_has_the_venues_key(vault):
    """A venue's seal opens in its place, and not as a guest's."""
    sealed = vault.seal_venue("templates", "text", ROW, b"Welcome")
    assert vault.open_venue("templates", "text", ROW, sealed) == b"Welcome"
    with pytest.raises(CannotOpen):
        vault.open_venue("templates", "text", OTHER, sealed)
    with pytest.raises(CannotOpen):
        vault.unseal(vault.keys.next_key(), "templates", "text", ROW, sealed)


def test_seals_survive_a_restart(folder, vault):
    """Another process with the same files opens what this one sealed, and keeps every derived value."""
    key = vault.keys.next_key()
    sealed, blind = vault.seal(key, "a", "b", ROW, b"x"), vault.index.blind("email", "a@b.example")
    token = vault.links.make("unsubscribe", blind, "email", ROW, 20_000)
    again = reopened(folder)
    again.keys.begin(key)
    assert again.unseal(key, "a", "b", ROW, sealed) == b"x"
    assert again.index.blind("email", "a@b.example") == blind
    assert again.links.read("unsubscribe", token).blind == blind
    assert again.keys.next_key() > key
    again.close()


def test_no_key_number_is_given_twice(folder, vault):
    """Not within a run, not when the spare ones run out, not after a restart whose store knows of none."""
    numbers = [vault.keys.next_key() for _ in range(SPARE + 10)]
    assert len(set(numbers)) == len(numbers)
    again = reopened(folder)
    again.keys.begin(numbers[-1])
    assert again.keys.next_key() == numbers[-1] + 1
    again.close()


def test_a_destroyed_key_is_gone_for_good(folder, vault):
    """What it sealed opens no more, here or after a restart; its neighbour's still does, and the check allows it."""
    lost, kept = vault.keys.next_key(), vault.keys.next_key()
    sealed, fine = vault.seal(lost, "a", "b", ROW, b"x"), vault.seal(kept, "a", "b", ROW, b"y")
    vault.keys.destroy(lost)
    with closing(reopened(folder)) as later:
        for one in (vault, later):
            with pytest.raises(CannotOpen):
                one.unseal(lost, "a", "b", ROW, sealed)
            assert one.unseal(kept, "a", "b", ROW, fine) == b"y"
            one.keys.check([lost, kept])


def test_missing_keys_are_counted(vault):
    """A key neither there nor destroyed stops the start with a number; keys that are there do not."""
    key = vault.keys.next_key()
    vault.keys.check([key])
    with pytest.raises(KeyUnusable, match="keys of 2 guests"):
        vault.keys.check([key, 10**9, 10**9 + 1])


def test_a_wrong_master_key_is_refused_before_anything_is_written(folder, vault):
    """Another key of the same form does not open the store of keys; the right one put back does."""
    right = (folder / "master.key").read_text()
    before = (folder / "keys.db").read_bytes()
    name = right.split(":")[1]
    for wrong in (master.line(master.new()), master.line(master.new()._replace(id=name))):
        (folder / "master.key").write_text(wrong)
        with pytest.raises(KeyUnusable, match="not the one"):
            reopened(folder)
    assert (folder / "keys.db").read_bytes() == before
    (folder / "master.key").write_text(right)
    reopened(folder).close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("hunter2", "line 1"),
        ("gmk1:a:AAAA", "line 1"),
        ("gmk1::" + "A" * 43, "line 1"),
        ("gmk2:a:" + "A" * 43, "line 1"),
        ("gmk1:a:" + "A" * 43 + "\ngmk1:b:!!", "line 2"),
        ("gmk1:a:" + "A" * 20 + "!" + "A" * 23, "line 1"),
        ("gmk1:a:" + "A" * 42 + "B", "line 1"),
        ("gmk1:a:" + "A" * 43 + "=", "line 1"),
        ("gmk1:a:" + "A" * 43 + "\ngmk1:a:" + "E" * 43, "same name"),
        ("gmk1:ä:" + "A" * 43, "cannot be read"),
    ],
)
def test_a_bad_key_file_is_named_without_quoting_it(tmp_path, text, says):
    """Every way to spoil the file has its sentence; a good file with blank lines and a second key is read."""
    path = tmp_path / "master.key"
    path.write_text(text)
    with pytest.raises(KeyUnusable, match=says) as caught:
        master.read(path)
    assert "hunter2" not in str(caught.value)
    path.write_text("\n" + master.line(master.new()) + "\n" + master.line(master.new()))
    assert len(master.read(path)) == 2


def test_a_missing_key_file_and_store_are_named(folder, vault):
    """What is not there is said to be not there."""
    (folder / "master.key").rename(folder / "elsewhere")
    with pytest.raises(KeyUnusable, match="master key file is not there"):
        reopened(folder)
    (folder / "elsewhere").rename(folder / "master.key")
    (folder / "keys.db").rename(folder / "elsewhere")
    with pytest.raises(KeyUnusable, match="key store is not there"):
        reopened(folder)


def test_no_new_key_beside_old_data(tmp_path):
    """Where there is a database, init makes nothing."""
    with pytest.raises(KeyUnusable):
        init(tmp_path / "keys", tmp_path / "keys" / "master.key", database_exists=True)
    assert not (tmp_path / "keys").exists()
    init(tmp_path / "keys", tmp_path / "keys" / "master.key", database_exists=False).close()
    with pytest.raises(KeyUnusable):
        init(tmp_path / "keys", tmp_path / "keys" / "master.key", database_exists=False)


def test_an_init_that_was_cut_short_is_repeated(folder):
    """Whatever half-made files a power cut left, the next init makes the keys; a finished master key is kept."""
    folder.mkdir()
    kept = master.line(master.new())
    (folder / "master.key").write_text(kept)
    for half in ("master.key.new", "keys.db.new", "audit.pub.new"):
        (folder / half).write_bytes(b"half")
    init(folder, folder / "master.key", database_exists=False).close()
    assert (folder / "master.key").read_text() == kept
    reopened(folder).close()


def test_keys_that_cannot_be_written_are_named(tmp_path):
    """A place where no file can be is the disk's fault; a place beside it is fine."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NoWritableDisk):
        init(tmp_path / "keys", tmp_path / "file" / "master.key", database_exists=False)
    init(tmp_path / "keys", tmp_path / "beside" / "master.key", database_exists=False).close()


def test_only_the_owner_may_read_the_keys(folder, vault):
    """Files 0600, the folder 0700; a looser one is noticed."""
    assert (folder / "master.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "keys.db").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not master.too_open(folder / "master.key")
    (folder / "master.key").chmod(0o644)
    assert master.too_open(folder / "master.key")


def test_no_key_is_stored_unwrapped(folder, vault):
    """Neither the index key nor a guest's is found in the bytes of the key store."""
    secrets = [vault.keys.purpose(name)[0].secret for name in ("index", "links", "audit")]
    raw = b"".join(path.read_bytes() for path in folder.glob("keys.db*"))
    assert len({*secrets}) == 3
    assert all(secret not in raw for secret in secrets)
    with closing(sqlite3.connect(folder / "keys.db")) as store:
        assert store.execute("PRAGMA quick_check").fetchone() == ("ok",)


# -- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ana@example.org", "ana@example.org"),
        (" Ana.Lima+Spring@Example.ORG ", "ana.lima+spring@example.org"),
        ("jürgen@exämple.org", "jürgen@xn--exmple-cua.org"),
        ("a@xn--exmple-cua.org", "a@xn--exmple-cua.org"),
    ],
)
def test_an_email_has_one_normal_form(text, normal):
    """Lower case, IDNA domain, no folding of dots or plus."""
    assert email(text) == normal
    assert email(normal) == normal


@pytest.mark.parametrize("text", ["", "ana", "@example.org", "ana@", "a b@example.org", "ana@localhost", "a\n@b.org"])
def test_what_is_no_email_is_refused_unquoted(text):
    """The refusal says what is wrong and never repeats it."""
    with pytest.raises(Invalid) as caught:
        email(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+351912345678", "+351912345678"),
        ("+351 912 345 678", "+351912345678"),
        ("+1 (212) 555-0142", "+12125550142"),
        ("+447911123456", "+447911123456"),
        ("+4407911123456", "+447911123456"),
        ("+44 (0) 7911 123456", "+447911123456"),
        ("+390612345678", "+390612345678"),
    ],
)
def test_a_phone_has_one_normal_form(text, normal):
    """E.164, however it was written: the 0 that is only dialled at home goes, the one that belongs to it stays."""
    assert phone(text) == normal
    assert phone(normal) == normal


@given(st.from_regex(PLAIN_PHONE, fullmatch=True).filter(str.isascii))
def test_a_plain_phone_needs_no_second_look(text):
    """What is taken as it stands is what the library of all numbering plans would make of it."""
    assert _unusual_phone(text) == phone(text) == text


@pytest.mark.parametrize("text", ["", "912345678", "+", "+0123456789", "phone", "+351 91", "+35191", "+999123456789"])
def test_what_is_no_phone_is_refused(text):
    """Without its country a number is nobody's."""
    with pytest.raises(Invalid):
        phone(text)


def test_a_blind_index_is_the_same_for_the_same_address_only(vault):
    """Kinds and addresses never meet in one index value."""
    values = {vault.index.blind(kind, address) for kind in ("email", "phone") for address in ("a@b.org", "+351")}
    assert len(values) == 4
    assert vault.index.blind("email", "a@b.org") in values


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_a_mac_is_the_standards(key, message):
    """The quick way gives what the standard library gives."""
    assert Mac(key).digest(message) == hmac.digest(key, message, "sha256")


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_a_link_opens_for_its_purpose_only():
    """What a token says comes back; for another purpose, altered, cut or foreign it says nothing."""
    links = Links([PurposeKey(1, b"k" * 32)])
    token = links.make("unsubscribe", ROW, "email", OTHER, 20_000)
    link = links.read("unsubscribe", token)
    assert (link.blind, link.message, link.day, link.scope) == (ROW, OTHER, 20_000, "email")
    assert links.read("preferences", token) is None
    assert Links([PurposeKey(1, b"x" * 32)]).read("unsubscribe", token) is None
    assert all(links.read("unsubscribe", token[:length]) is None for length in range(len(token)))
    assert links.read("unsubscribe", token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]) is None


@pytest.mark.parametrize("made_for", PURPOSES)
def test_no_purpose_opens_anothers_link(made_for):
    """Of all purposes, only the one it was made for."""
    links = Links([PurposeKey(1, b"k" * 32)])
    token = links.make(made_for, ROW, "email", OTHER, 20_000)
    assert [purpose for purpose in PURPOSES if links.read(purpose, token)] == [made_for]


@given(st.text(max_size=60))
def test_no_text_is_a_link(text):
    """Whatever a stranger types is no token, and raises nothing."""
    assert Links([PurposeKey(1, b"k" * 32)]).read("unsubscribe", text) is None


def test_older_link_keys_still_read():
    """After a new key has come, links that were sent before go on working."""
    old, new = PurposeKey(1, b"k" * 32), PurposeKey(2, b"n" * 32)
    token = Links([old]).make("unsubscribe", ROW, "sms", OTHER, 1)
    assert Links([new, old]).read("unsubscribe", token).scope == "sms"
    assert Links([new]).read("unsubscribe", token) is None


def test_an_api_key_is_recognised_and_a_typing_mistake_seen():
    """Public part and secret come back; one changed letter is no key at all."""
    keys = ApiKeys(PurposeKey(1, b"k" * 32))
    shown, public, digest = keys.draw()
    assert keys.parse(shown)[0] == public
    assert keys.digest(keys.parse(shown)[1]) == digest
    for at in range(3, len(shown)):
        wrong = shown[:at] + ("a" if shown[at] != "a" else "b") + shown[at + 1 :]
        assert keys.parse(wrong) is None
    assert keys.parse("") is None
    assert keys.parse(shown + "x") is None
