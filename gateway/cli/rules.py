"""`gateway rules`: what the law says, in words, and whether it says what a lawyer expects."""

import sys
from pathlib import Path

import click
from msgspec import to_builtins

from gateway import plugins
from gateway.cli.place import configuration, data_folder, everywhere, show, table
from gateway.errors import NotFound
from gateway.rules import Rulebook
from gateway.rules.cases import Outcome, outcomes

CASES = "compliance/cases"


@click.group()
def rules() -> None:
    """The law and the house's own rules."""


@rules.command("list")
@everywhere
def list_(config_path, data_path, as_json) -> None:
    """Every rule, and where it stands."""
    book = rulebook(config_path, data_path)
    found = [rule for name in book.rules if (rule := book.rule(name))]
    rows = [(rule["rule"], rule["pack"], rule["text"]) for rule in found]
    show({"rules_version": book.version, "items": found}, as_json, lambda _: table(rows, ("RULE", "PACK", "TEXT")))


@rules.command("show")
@click.argument("rule")
@everywhere
def show_(rule, config_path, data_path, as_json) -> None:
    """One rule: what it means for a guest, its source, and its parameters as they are today."""
    found = rulebook(config_path, data_path).rule(rule)
    if found is None:
        raise NotFound("There is no rule of this id; `gateway rules list` names them all.")
    show(found, as_json, _in_words)


@rules.command("test")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@everywhere
def test(file, config_path, data_path, as_json) -> None:
    """Try cases: those that come with the gateway on the law as it is shipped, or those of FILE on this house's rules.
    Exit 1 when one comes out otherwise."""
    shipped = sorted((plugins.built_in_folder() / CASES).glob("*.toml"))
    book = rulebook(config_path, data_path) if file else Rulebook(plugins.find().packs)
    tried = [one for one in outcomes([*shipped, *([file] if file else [])], book) if not file or one.file == file.name]
    others = [one for one in tried if not one.as_expected]
    told = {"cases": len(tried), "as_expected": len(tried) - len(others), "others": [_told(one) for one in others]}
    show(told, as_json, lambda _: "\n".join([*map(_otherwise, others), f"{len(tried)} cases, {len(others)} otherwise"]))
    sys.exit(1 if others or not tried else 0)


def rulebook(config_path: Path | None, data_path: str | None) -> Rulebook:
    """The rules of this house. Raises NotUsable for what does not fit together."""
    config = configuration(config_path, data_folder(data_path))
    packs = plugins.find(config.plugins.paths).packs
    return Rulebook(packs, config.compliance.policy, config.compliance.rules)


def _in_words(rule: dict) -> str:
    lines = [rule["rule"], f"  {rule['text']}", f"  Source: {rule['citation']}"]
    lines += [f"  Checked: {rule['checked'] or 'not yet'}", f"  Pack: {rule['pack']}"]
    for entry in rule["parameters"]:
        said = ", ".join(f"{key} = {value}" for key, value in entry.items())
        lines += [f"  - {said}"] if said else []
    return "\n".join(lines)


def _told(one: Outcome) -> dict:
    return {"file": one.file, "rules": one.case.rules, "says": one.case.says, "expected": to_builtins(one.case.expect),
            "got": one.got, "fault": one.fault}  # fmt: skip


def _otherwise(one: Outcome) -> str:
    head = f"{one.file}: {', '.join(one.case.rules)}: {one.case.says}"
    if one.fault:
        return f"{head}\n  cannot be asked: {one.fault}"
    different = [name for name, wanted in one.case.expect.items() if one.got[name] != wanted]
    return "\n".join(
        [head, *(f"  {name}: expected {one.case.expect[name]}, got {one.got[name]}" for name in different)]
    )
