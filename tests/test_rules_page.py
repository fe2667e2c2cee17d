"""docs/rules/ is what the packs say, and every rule in it can be looked up."""

import re
from pathlib import Path

from gateway.rules.page import FIRST, main, pages
from tests.rules_cases import book

ROOT = Path(__file__).parent.parent
LAW = ROOT / "plugins/compliance"


def test_the_stored_pages_are_those_the_packs_make():
    """Nobody reads of a rule that is not in force, or misses one that is."""
    stored = {file.name: file.read_text() for file in (ROOT / "docs/rules").iterdir()}
    assert stored == pages(LAW)


def test_the_command_writes_them_and_takes_stale_ones_away(tmp_path):
    """`make docs` leaves what the packs make, and nothing of a pack that is gone."""
    (tmp_path / "atlantis.md").write_text("# Atlantis")
    main([str(LAW), str(tmp_path)])
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == pages(LAW)


def test_every_rule_has_a_heading_and_a_line_that_leads_to_it():
    """A coordinator reads what a rule means for a person, and a lawyer where it comes from."""
    made = pages(LAW)
    headings = {
        (name, rule) for name, text in made.items() for rule in re.findall(r"^### `([^`]+)`$", text, re.MULTILINE)
    }
    links = re.findall(r"^\| \[([^\]]+)\]\(([a-z]+\.md)#([a-z0-9-]+)\) \|", made[FIRST], re.MULTILINE)
    assert [rule for rule, _, _ in links] == book().rules
    assert {(page, rule) for rule, page, _ in links} == headings
    assert all(anchor == rule.lower() for rule, _, anchor in links)


def test_every_rule_is_about_the_guest_and_has_a_source():
    """In a sentence, with a citation; a strange name has none."""
    for name in book().rules:
        rule = book().rule(name)
        assert rule["text"].startswith("The guest") and rule["text"].endswith(".") and rule["citation"]
    assert book().rule("NO-SUCH-1") is None


def test_a_page_says_of_what_a_number_is_one_and_shows_cases():
    """Ten working days are those of the United States for an opt-out; late texts wait until the morning."""
    page = pages(LAW)["us.md"]
    assert "- US, deadline.unsubscribe, business_days: 10" in page
    assert "- At 21:00 sharp it is too late: waits until 2026-11-25T13:00:00Z" in page
