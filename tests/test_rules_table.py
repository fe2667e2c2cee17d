"""The table of cases that a lawyer can add to: every case comes out as it says, and every rule has some."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import json

from gateway.cli.main import cli
from gateway.errors import BadInput
from gateway.rules import Rulebook
from gateway.rules.cases import Outcome, outcomes
from tests.rules_cases import PACKS, book, case, judge, packs

FILES = sorted((PACKS.parent / "cases").glob("*.toml"))
TABLE = list(outcomes(FILES, book()))
ONLY_BY_WHEN = {"US-CANSPAM-4", "US-TCPA-4", "US-FL-3", "EU-GDPR-3", "CA-CASL-8", "AU-SPAM-4", "BR-1", "SG-1"}
"""Rules that say by when, and nothing of a single message."""


@pytest.mark.parametrize("outcome", TABLE, ids=lambda one: f"{one.case.rules[0]} {one.case.says}")
def test_a_case_comes_out_as_it_says(outcome: Outcome):
    """Decision, reasons in their order, and the minute of a delay."""
    assert (outcome.fault, outcome.got) == (None, outcome.case.expect)


def decisions(rule: str) -> set[str]:
    """How the cases of a rule come out."""
    return {one.case.expect["decision"] for one in TABLE if rule in one.case.rules and "decision" in one.case.expect}


def deciding() -> list[str]:
    """Rules with entries in a pack that a message is held against."""
    keys = {"channels", "forbid", "require", "from"}
    entries = {rule: book().rule(rule)["parameters"] for rule in book().rules}
    return [rule for rule in entries if any(keys & set(one) and "also" not in one for one in entries[rule])]


@pytest.mark.parametrize("rule", deciding())
def test_a_rule_has_a_case_it_lets_go_and_one_it_stops(rule: str):
    """A new rule comes with its cases."""
    assert "allow" in decisions(rule) and decisions(rule) & {"deny", "defer"}


def test_a_rule_about_time_has_a_case_of_its_own():
    """Every deadline of a pack is tried."""
    tried = {rule for one in TABLE if one.case.ask == "deadline" for rule in one.case.rules}
    assert tried >= ONLY_BY_WHEN


def test_the_house_may_do_without_one_click():
    """One-click unsubscribe is what mailbox providers ask for and no law: the house may leave it out."""
    lacking = {"features": {"list_unsubscribe_post": False}}
    assert judge(**lacking).reasons == ("DLV-2",)
    assert Rulebook(packs(), {"one_click": False}).judge(case(**lacking)).decision == "allow"


OWN = """
[[case]]
rules = ["US-TCPA-3"]
says = "Late in New York"
of = "us_text"
given = { now = "2026-11-25T03:00:00Z" }
expect = { decision = "defer", reasons = ["US-TCPA-3"] }
"""


def run(*args: object) -> tuple[int, str]:
    """Exit code and output of `gateway rules …`."""
    answer = CliRunner().invoke(cli, ["rules", *map(str, args)])
    return getattr(answer.exception, "exit_code", answer.exit_code), answer.output


def test_a_lawyer_tries_cases_of_his_own(tmp_path: Path):
    """A file may use what the shipped cases share; one that comes out otherwise says which, what was expected and what
    came."""
    file = tmp_path / "mine.toml"
    file.write_text(OWN)
    assert run("test", file) == (0, "1 cases, 0 otherwise\n")
    file.write_text(OWN.replace('"defer"', '"allow"'))
    code, said = run("test", file)
    assert code == 1
    assert said.splitlines()[:2] == ["mine.toml: US-TCPA-3: Late in New York", "  decision: expected allow, got defer"]
    document = json.decode(run("test", file, "--json")[1])
    assert (document["cases"], document["others"][0]["got"]["decision"]) == (1, "defer")


def test_cases_are_tried_on_the_rules_of_this_house(tmp_path: Path):
    """A rule of config.toml has its cases too; those that are shipped are tried on the law alone."""
    config = tmp_path / "config.toml"
    config.write_text('[[compliance.rules]]\nid = "HOUSE-1"\ntext = "No."\nreason = "No."\ndeny = ["offers"]\n')
    file = tmp_path / "mine.toml"
    file.write_text(
        '[[case]]\nrules = ["HOUSE-1"]\nsays = "Silence"\nof = "us_mail"\n'
        'expect = { decision = "deny", reasons = ["HOUSE-1"] }\n'
    )
    assert run("test", file, "--config", config)[0] == 0
    assert run("test", file)[0] == 1  # there is no such rule without it
    code, said = run("test", "--config", config)
    assert (code, said) == (0, f"{len(TABLE)} cases, 0 otherwise\n")


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ('of = "us_text"', 'of = "us_sms"', "there is no us_sms"),
        ('["US-TCPA-3"]\nsays', '["US-TCPA-99"]\nsays', "there is no rule US-TCPA-99"),
        ("now =", "nwo =", "nwo"),
    ],
)  # fmt: skip
def test_a_case_that_cannot_be_asked_says_why(tmp_path: Path, right: str, wrong: str, why: str):
    """A name nobody has, a rule there is not, a fact that is misspelt."""
    file = tmp_path / "mine.toml"
    file.write_text(OWN.replace(right, wrong))
    code, said = run("test", file)
    assert (code, why in said) == (1, True)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path):
    """By its name, and with the line where there is one."""
    file = tmp_path / "mine.toml"
    file.write_text("[[case]]\nrules = \n")
    with pytest.raises(BadInput, match=r"mine\.toml.*line 2"):
        list(outcomes([file], book()))
    file.write_text(OWN + "exepct = 1\n")
    with pytest.raises(BadInput, match=r"mine\.toml.*exepct"):
        list(outcomes([file], book()))


def test_rules_are_listed_and_shown(tmp_path: Path):
    """All of them, one of them, and none of a strange name."""
    code, said = run("list", "--json")
    assert (code, [one["rule"] for one in json.decode(said)["items"]]) == (0, book().rules)
    code, said = run("show", "EU-DE-1")
    assert code == 0 and "UWG s. 7(2) no. 2" in said and "confirmed_at" in said
    assert run("show", "EU-DE-99")[0] == 64
