"""docs/config.md says of every key what the gateway does with it."""

import re
from pathlib import Path
from typing import get_args

from gateway import config
from gateway.config.faults import Code
from gateway.config.sections import LIMITS
from gateway.plugins import find
from gateway.rules.policy import PolicyChange

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/config.md").read_text()


def sections() -> dict[str, str]:
    """The text under each heading that is a key, in one line."""
    parts = re.split(r"^### `([^`]+)`$", PAGE, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def first_cells(head: str) -> list[str]:
    """The first cells of the table whose head begins so."""
    table = PAGE[PAGE.index(f"| {head} |") :].split("\n\n")[0]
    return [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]


def test_every_key_has_its_heading_in_order_and_no_heading_is_stale():
    """The page follows the file."""
    assert list(sections()) == config.keys()


def test_the_page_says_what_explain_says():
    """Description, what is taken and what holds without it are the same in both places."""
    text = sections()
    for key in config.keys():  # noqa: SIM118 it is no dict
        for line in config.explain(key).splitlines()[1:]:
            assert line.strip() in text[key], key


def test_tables_of_the_page_are_whole():
    """Built-in limits, house policies and codes of faults: each is in its table, and nothing else is."""
    assert first_cells("name") == list(LIMITS)
    assert first_cells("policy") == list(PolicyChange.__struct_fields__)
    assert {*first_cells("algorithm")} == set(find(()).limiters)
    assert {*first_cells("code"), "open-secret", "open-egress", "faint-colour"} == set(get_args(Code))


def test_the_table_of_limits_has_the_built_in_numbers():
    """What the page promises is what holds."""
    for name, limit in LIMITS.items():
        by = limit.get("by", "api_key")
        row = f"| {name} | {', '.join(limit['endpoints'])} | {limit['quota']} | {limit['window']} | {by} |"
        assert row in PAGE
