"""Starts right or not at all: every exit code, provoked with the real program, and the sentence that goes with it."""

import fcntl
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys

import pytest

from tests.running import CONFIG

PROGRAM = [sys.executable, "-c", "from gateway.cli import main; main()"]
SENTENCE = re.compile(r"gateway: error\[([a-z-]+)\]: [^—]*[^—. ] — [a-z/][^—]*[^—. ]")
PORTS = "[server]\nport = 0\nops_port = 0\n"


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder that `init` has made, with an API key and a configuration that takes any free ports."""
    folder = tmp_path_factory.mktemp("ready")
    ran = gateway(folder, "init")
    assert ran.returncode == 0, ran.stderr
    (folder / "data" / "config.toml").write_text(CONFIG + PORTS)
    assert gateway(folder, "apikey", "create", "--scopes", "read").returncode == 0
    return folder


@pytest.fixture
def folder(ready, tmp_path):
    """A copy of it, to be spoiled."""
    shutil.copytree(ready / "data", tmp_path / "data")
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """Every process of this file finds the modules as the first one compiled them, however Python is set up here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture(scope="module", autouse=True)
def shut_out(ready, tmp_path_factory):
    """A command on a store in which a tool has left a transaction open. While it waits, the other tests go on."""
    folder = tmp_path_factory.mktemp("held")
    shutil.copytree(ready / "data", folder / "data")
    other = sqlite3.connect(folder / "data/gateway.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    command = [*PROGRAM, "apikey", "create", "--scopes", "read"]
    waiting = subprocess.Popen(command, env=environment(folder), cwd=folder, stderr=subprocess.PIPE, text=True)
    yield waiting
    other.close()
    waiting.kill()
    waiting.communicate()


def environment(folder):
    """Ours, but for what would point to another gateway."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY")}
    return others | {"GATEWAY_DATA": str(folder / "data")}


def gateway(folder, *arguments, seconds=20):
    """Run the program on this folder; its end."""
    command = [*PROGRAM, *arguments]
    return subprocess.run(command, env=environment(folder), capture_output=True, text=True, timeout=seconds, cwd=folder)


def refused(folder, code, slug, *arguments):
    """It ends with this code, its first line is the sentence, what and what to do; no traceback, no path of ours. What
    it said."""
    ran = gateway(folder, *(arguments or ("serve",)))
    first = ran.stderr.splitlines()[0] if ran.stderr else ""
    found = SENTENCE.fullmatch(first)
    assert (ran.returncode, found and found[1]) == (code, slug), ran.stderr
    assert "Traceback" not in ran.stderr
    assert str(folder) not in ran.stderr
    return ran.stderr


def test_a_sound_folder_starts_and_ends_well(folder):
    """The positive control of everything below: ready, then TERM, then 0."""
    command = [*PROGRAM, "serve"]
    process = subprocess.Popen(command, env=environment(folder), cwd=folder, stdout=subprocess.PIPE, text=True)
    with process.stdout:
        assert '"event":"ready"' in process.stdout.readline()
        process.terminate()
        assert process.wait(8) == 0


def test_usage_is_2(folder):
    """A word the program does not know."""
    assert gateway(folder, "serve", "--nonsense").returncode == 2


def test_bad_input_is_64(folder):
    """An order that cannot be used."""
    refused(folder, 64, "invalid", "apikey", "create", "--scopes", "everything")


def test_a_finding_is_1(folder):
    """An altered record."""
    db = sqlite3.connect(folder / "data/gateway.db")
    db.execute("UPDATE audit SET seq = 7")
    db.commit()
    db.close()
    assert gateway(folder, "audit", "verify").returncode == 1


def test_a_damaged_store_is_65(folder):
    """Pages of the queue overwritten."""
    path = folder / "data/gateway.db"
    db = sqlite3.connect(path)
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'outbox'").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert "restore" in refused(folder, 65, "damaged")


def test_an_unwritable_folder_is_74(folder):
    """A file where the folder should be."""
    shutil.rmtree(folder / "data")
    (folder / "data").write_text("")
    refused(folder, 74, "disk", "init")


def test_a_read_only_disk_is_74(folder):
    """A sound folder on a disk that was made read-only: nothing is served from it."""
    data = str(folder / "data")
    bound = (
        shutil.which("mount") and not subprocess.run(["mount", "--bind", data, data], capture_output=True).returncode
    )
    if not bound:
        pytest.skip("only root can make a disk read-only")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", data], check=True)
        refused(folder, 74, "disk")
    finally:
        subprocess.run(["umount", data], check=True)


def test_a_folder_in_use_is_75(folder):
    """Somebody else has the lock."""
    with (folder / "data/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(folder, 75, "busy")
        refused(folder, 75, "busy", "migrate")


def test_a_port_in_use_is_76(folder):
    """Somebody else listens there."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = f"[server]\nport = {other.getsockname()[1]}\nops_port = 0\n"
        (folder / "data/config.toml").write_text(CONFIG + ports)
        refused(folder, 76, "port")


@pytest.mark.parametrize("spoil", ["missing", "empty", "wrong", "other"])
def test_a_bad_key_is_77_and_changes_nothing(folder, spoil):
    """Missing, empty, damaged or another's: refused before anything is written; the right one put back starts."""
    path = folder / "data/keys/master.key"
    right = path.read_text()
    before = (folder / "data/keys/keys.db").read_bytes()
    if spoil == "missing":
        path.unlink()
    else:
        other = f"gmk1:{right.split(':')[1]}:{'A' * 43}\n"
        path.write_text({"empty": "", "wrong": "hunter2", "other": other}[spoil])
    assert "hunter2" not in refused(folder, 77, "key")
    assert (folder / "data/keys/keys.db").read_bytes() == before
    path.write_text(right)
    assert gateway(folder, "key", "verify").returncode == 0


def test_guests_without_keys_are_77_with_their_number(folder):
    """The key store is older than the store."""
    (folder / "text").write_text("Hello")
    sent = gateway(folder, "send", "--to", "ana@example.org", "--subject", "x", "--class", "transactional", "text")
    assert sent.returncode == 0, sent.stderr
    db = sqlite3.connect(folder / "data/keys/keys.db")
    db.execute("DELETE FROM guest_keys WHERE id = 1")
    db.commit()
    db.close()
    assert "keys of 1 guests" in refused(folder, 77, "key")


def test_a_bad_configuration_is_78_with_every_fault(folder):
    """Both mistakes are named, each with its line."""
    (folder / "data/config.toml").write_text('[server]\nprot = 1\n[venue]\ntimezone = "Nowhere"\n')
    told = refused(folder, 78, "config")
    assert "config.toml:2: error[unknown-key]: server.prot" in told
    assert "config.toml:4: " in told


def test_a_secret_that_cannot_be_read_is_78_with_its_line(folder):
    """Missing, a folder, empty, no text: `config check` and the start name all of them and show nothing of any. With
    files that hold something the check is content."""
    smtp = (
        '[providers.{0}]\nplugin = "smtp"\nchannel = "email"\nhost = "127.0.0.1"\nuser = "u"\npassword_file = "{0}"\n'
    )
    names = ["missing", "place", "empty", "binary"]
    (folder / "data/config.toml").write_text(PORTS + "".join(smtp.format(name) for name in names))
    (folder / "data/place").mkdir()
    (folder / "data/empty").write_text("\n")
    (folder / "data/binary").write_bytes(b"hunter2\0")
    told = refused(folder, 78, "config", "config", "check")
    assert told.splitlines()[1:] == [
        f"config.toml:{line}: error[unusable-secret]: providers.{name}.password_file — the secret file {name} {what}"
        for line, name, what in (
            (9, "missing", "cannot be read (No such file or directory); check its path and owner"),
            (15, "place", "cannot be read (Is a directory); check its path and owner"),
            (21, "empty", "is empty; write the secret into it"),
            (27, "binary", "holds no secret; it must be text of at most 64 KiB"),
        )
    ]
    assert refused(folder, 78, "config") == told
    (folder / "data/place").rmdir()
    for name in names:
        (folder / "data" / name).write_text("hunter2\n")
        (folder / "data" / name).chmod(0o600)
    assert gateway(folder, "config", "check").stdout == "ok\n"


def test_a_newer_schema_is_78(folder):
    """A store that a later version has written."""
    db = sqlite3.connect(folder / "data/gateway.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    assert "newer version" in refused(folder, 78, "config")


def test_a_law_that_does_not_load_is_78(folder):
    """A rules plugin of the venue that is broken stops the start; a broken channel does not."""
    (folder / "own").mkdir()
    (folder / "own" / "broken_channel.py").write_text("import nothing_of_this_name\n")
    (folder / "data/config.toml").write_text(CONFIG + PORTS + f'[plugins]\npaths = ["{folder / "own"}"]\n')
    assert gateway(folder, "plugins", "list").returncode == 0
    law = "@hookimpl\ndef register_rules():\n    return [Pack.from_toml('law', 'x = 1')]\n"
    law = f"from gateway import Pack, hookimpl\n\n{law}"
    (folder / "own" / "law.py").write_text(law)
    refused(folder, 78, "config")


def test_a_store_that_something_outside_holds_is_69(shut_out):
    """The command has waited and says so; without the tool it made a key when the folder was made. It stands last
    because it has to wait."""
    _, said = shut_out.communicate(timeout=30)
    assert (shut_out.returncode, said) == (
        69,
        "gateway: error[overloaded]: Something outside holds the store; try again.\n",
    )
