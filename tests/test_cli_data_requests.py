"""`gateway data-request`: a request from its first word to its end, on a folder in which no gateway runs."""

import re
import stat
import zipfile

import pytest

from tests.test_cli import run

__all__ = ["run"]


@pytest.fixture
def folder(run, tmp_path):
    """A data folder with two guests, who share an address with nobody."""
    run("init")
    (tmp_path / "two.csv").write_text("name,email,country\nAna,ana@example.org,PT\nBen,ben@example.org,DE\n")
    run("guests", "import", "two.csv")
    return tmp_path


def test_a_copy_is_asked_for_and_written(run, folder):
    """Opened, vouched for, exported into a file that only its owner reads, done; and its story told."""
    opened = run("data-request", "open", "access", "ana@example.org", "--note", "by phone")
    request = opened.out.split()[0]
    assert re.match(r"req_\w+ R-1 verifying, paused since ", opened.out)
    assert run("data-request", "verify", request).code == 2
    assert run("data-request", "verify", request, "--code", "12345678").code == 64
    assert "R-1 open, due " in run("data-request", "verify", request, "--note", "known voice").out
    told = run("data-request", "export", request, "ana.zip", "--json").json
    file = folder / "ana.zip"
    assert (told["bytes"], stat.S_IMODE(file.stat().st_mode)) == (file.stat().st_size, 0o600)
    assert b"ana@example.org" in zipfile.ZipFile(file).read("data.json")
    assert "R-1 done, ended " in run("data-request", "complete", request).out
    story = run("data-request", "show", request, "--notes").out
    assert "opened by local:" in story and "known voice" in story and "exported" in story
    assert run("data-request", "list", "--status", "open", "--json").json == {"items": []}
    assert request in run("data-request", "list", "--kind", "access").out


def test_requests_are_refused_extended_and_taken_back(run, folder):
    """What the gateway says no to is said with its reason and 64."""
    requests = [run("data-request", "open", "portability", "ben@example.org", "--json").json["id"] for _ in range(3)]
    assert run("data-request", "extend", requests[0], "--reason", "complex").code == 0
    assert "refused, ended" in run("data-request", "refuse", requests[1], "excessive").out
    assert "cancelled, ended" in run("data-request", "cancel", requests[2]).out
    again = run("data-request", "cancel", requests[2])
    assert (again.code, "error[conflict]" in again.err) == (64, True)


def test_guests_are_erased(run, folder):
    """With days of grace or now, by address or by request; where nobody or several have it, nobody is."""
    waits = run("data-request", "erase", "ana@example.org")
    assert " grace, erased " in waits.out
    assert " done, ended " in run("data-request", "erase", waits.out.split()[0], "--now").out
    nobody = run("data-request", "erase", "ana@example.org", "--now")
    assert (nobody.code, "0 guests have this address" in nobody.err) == (64, True)
    assert " done, ended " in run("data-request", "erase", "ben@example.org", "--now").out
    assert "example.org" not in run("guests", "export").out
