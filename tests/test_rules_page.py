"""docs/rules.md is what the packs say, and every rule in it can be looked up."""

import re
import subprocess
import sys
from pathlib import Path

from gateway.rules import Pack, Rulebook
from gateway.rules.page import page

ROOT = Path(__file__).parent.parent
PACKS = ROOT / "plugins/compliance/packs"


def rulebook() -> Rulebook:
    return Rulebook([Pack.from_file(file) for file in sorted(PACKS.glob("*.toml"))])


def test_the_stored_page_is_the_one_the_packs_make():
    """Nobody reads of a rule that is not in force, or misses one that is."""
    assert (ROOT / "docs/rules.md").read_text() == page(rulebook())


def test_the_page_can_be_made_by_hand():
    """The command that the page names writes the page."""
    command = [sys.executable, "-m", "gateway.rules.page", PACKS]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == page(rulebook())


def test_every_rule_has_a_heading_and_words_about_the_guest():
    """A coordinator reads what a rule means for a person, and a lawyer where it comes from."""
    book = rulebook()
    assert re.findall(r"^### `([^`]+)`$", page(book), re.MULTILINE) == book.rules
    for name in book.rules:
        rule = book.rule(name)
        assert rule["text"].startswith("The guest") and rule["text"].endswith(".") and rule["citation"]
    assert book.rule("NO-SUCH-1") is None
