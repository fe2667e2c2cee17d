"""`gateway complaints`: a complaint from its first word to its end, on a folder in which no gateway runs."""

import re

from tests.test_cli import run

__all__ = ["run"]


def test_a_complaint_is_taken_down_confirmed_and_answered(run, tmp_path):
    """By the law that is named, with its clock; its words only where they are asked for; confirmed once."""
    run("init")
    (tmp_path / "words.txt").write_text("You wrote to my mother.\n")
    (tmp_path / "answer.txt").write_text("We are sorry.\n")
    british = ("--jurisdiction", "UK", "--received-at", "2026-01-05T09:00:00Z", "--via", "letter")
    added = run("complaints", "add", "words.txt", *british)
    one = added.out.split()[0]
    assert re.match(r"cmp_\w+ open, OVERDUE, due 2026-02-04; received 2026-01-05T09:00:00Z by letter", added.out)
    other = run("complaints", "add", "words.txt", "--json").json
    assert (other["due_date"], other["received_via"]) == (None, "phone")
    assert "no deadline" in run("complaints", "show", other["id"]).out
    due = run("complaints", "list", "--due-before", "2026-03-01T00:00:00Z", "--json").json["items"]
    assert [found["id"] for found in due] == [one]
    assert "mother" not in run("complaints", "show", one).out
    assert "words: “You wrote to my mother.”" in run("complaints", "show", one, "--text").out
    done = run("complaints", "acknowledge", one, "--at", "2026-01-20T09:00:00Z")
    assert "acknowledged, confirmed 2026-01-20T09:00:00Z;" in done.out
    again = run("complaints", "acknowledge", one)
    assert (again.code, "error[conflict]" in again.err) == (64, True)
    assert " closed, confirmed " in run("complaints", "close", one, "answer.txt").out
    assert "answer: “We are sorry.”" in run("complaints", "show", one, "--text").out
    listed = run("complaints", "list", "--status", "open").out
    assert other["id"] in listed and one not in listed


def test_a_complaint_of_somebody_nobody_knows_names_what_is_wrong(run, tmp_path):
    """An address nobody has is a complaint all the same; what is no address is refused, with its place."""
    run("init")
    (tmp_path / "words.txt").write_text("You wrote to my mother.\n")
    assert run("complaints", "add", "words.txt", "--guest", "ana@example.org", "--json").json["guest_id"] is None
    refused = run("complaints", "add", "words.txt", "--guest", "ana")
    assert (refused.code, "/guest" in refused.err) == (64, True)
