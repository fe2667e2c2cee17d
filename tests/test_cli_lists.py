"""`gateway guests` and `gateway suppressions`: whole lists in and out, with or without a gateway that runs."""

import os
import pty
import stat
import subprocess

import pytest

from tests.test_cli import PROGRAM, run, served

__all__ = ["run", "served"]
TWO = "name,email,country\nAna,ana@example.org,PT\nBen,ben@example.org,\n"
BAD = TWO + "Cat,nobody,PT\n"


@pytest.fixture
def folder(run, tmp_path):
    """A data folder, and a good and a bad list beside it."""
    run("init")
    (tmp_path / "two.csv").write_text(TWO)
    (tmp_path / "bad.csv").write_text(BAD)
    return tmp_path


def test_guests_are_taken_in_and_given_out(run, folder):
    """What went in comes out, into a file that only its owner reads, and nothing of it is left half done."""
    assert (
        "2 created, 0 filled, 0 unchanged, 0 duplicates; stored; 0 cannot be used"
        in run("guests", "import", "two.csv").out
    )
    assert run("guests", "import", "two.csv", "--json").json["unchanged"] == 2
    told = run("guests", "export", "out.csv", "--json").json
    raw = (folder / "out.csv").read_bytes()
    assert told == {"file": "out.csv", "bytes": len(raw)}
    assert stat.S_IMODE((folder / "out.csv").stat().st_mode) == 0o600
    assert b"Ana,ana@example.org" in raw
    assert not list(folder.glob("*.part"))
    assert "bytes in out.csv" in run("guests", "export", "out.csv", "--tag", "none").out
    assert (run("guests", "export", "--json").code, run("guests", "export", "/nowhere/x.csv").code) == (2, 74)


def test_a_list_with_faults_says_so_in_its_exit_code(run, folder):
    """64 and nothing stored; 1 where it was only tried; 0 where the good lines were asked for."""
    refused = run("guests", "import", "bad.csv")
    assert (refused.code, "nothing was stored" in refused.out, "line 4: bad-email in email" in refused.out) == (
        64,
        True,
        True,
    )
    assert "error[invalid]" in refused.err
    assert run("guests", "import", "bad.csv", "--json").json["faulty"] == 1
    tried = run("guests", "import", "bad.csv", "--dry-run")
    assert (tried.code, "nothing was stored" in tried.out) == (1, True)
    partial = run("guests", "import", "bad.csv", "--partial", "--json")
    assert (partial.code, partial.json["created"]) == (0, 2)


def test_columns_and_charset_may_be_said(run, folder):
    """Where ours have other names, and where the guess would be wrong."""
    (folder / "list.csv").write_bytes("Gast;Kontakt\nJosé;jose@example.org\n".encode("cp1252"))
    assert run("guests", "import", "list.csv").code == 64
    named = ("--column", "email=Kontakt", "--column", "name=Gast", "--charset", "latin1")
    report = run("guests", "import", "list.csv", *named, "--json").json
    assert (report["encoding"], report["guessed"], report["created"]) == ("windows-1252", False, 1)


def test_more_faults_than_are_named_are_counted(run, folder):
    """The report ends with how many it left out."""
    (folder / "list.csv").write_text("email\n" + "nobody\n" * 1200)
    assert "and 200 more" in run("guests", "import", "list.csv").out


def test_stops_are_taken_in_and_given_out(run, folder):
    """Every line that can be read counts, and the exit code says that others could not."""
    run("guests", "import", "two.csv")
    ran = run("suppressions", "import", "bad.csv")
    assert (ran.code, "2 stopped; 1 cannot be used" in ran.out) == (64, True)
    assert run("suppressions", "import", "two.csv", "--json").json["stopped"] == 2
    run("suppressions", "export", "stops.csv")
    assert (folder / "stops.csv").read_text().count("ana@example.org") == 2
    refused = run("send", "--to", "ana@example.org", "--subject", "News", "two.csv", "--json")
    assert refused.code == 1


def test_a_running_gateway_is_asked_over_its_socket(served, tmp_path):
    """The list is piped in, and given out to stdout; a file that is too large is refused by name."""
    arguments = ["--data", str(tmp_path / "data")]

    def command(*words, given=b""):
        return subprocess.run([*PROGRAM, *words, *arguments], input=given, capture_output=True)

    assert b"2 created" in command("guests", "import", "-", given=TWO.encode()).stdout
    assert b"ben@example.org" in command("guests", "export").stdout
    large = command("guests", "import", "-", given=b"x" * ((32 << 20) + 1))
    assert (large.returncode, b"error[too-large]" in large.stderr) == (64, True)


def test_a_terminal_shows_how_far_it_is(folder):
    """A bar while a list is sent, a count while one is written; nothing of it where stderr is no terminal."""
    for words, seen in (("import", "Sending"), ("export", "bytes")):
        arguments = [*PROGRAM, "guests", words, "two.csv", "--data", str(folder / "data")]
        ours, theirs = pty.openpty()
        subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=theirs, check=True)
        os.close(theirs)
        assert seen in os.read(ours, 65536).decode()
        os.close(ours)
        silent = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
        assert silent.stderr == b""
