"""The pages of all rules, `docs/rules/`: one of each pack, made from it and from the cases that are shipped with it.

`python -m gateway.rules.page plugins/compliance docs/rules` writes them anew.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.rules.cases import Outcome, outcomes
from gateway.rules.pack import Pack
from gateway.rules.rulebook import Rulebook

FIRST = "README.md"
HEAD = """# Rules

Every rule of the installed packs in words, with its source, the day somebody held it against that source, its
parameters as they stand in the pack, and cases of it. How they work together is told in
[compliance](../compliance/rules.md). These pages are made from the packs by `make docs`; `gateway rules show` tells
the same of your own gateway, with the rules of your house.

| rule | what it means |
|---|---|
"""
OUTCOME = {"allow": "may go", "deny": "may not go", "defer": "waits"}


def pages(folder: Path) -> dict[str, str]:
    """Every page by its name. `folder` has the `packs` and the `cases`."""
    files = sorted((folder / "packs").glob("*.toml"))
    rulebook = Rulebook([Pack.from_file(file) for file in files])
    tried = list(outcomes(sorted((folder / "cases").glob("*.toml")), rulebook))
    made = {FIRST: _index(rulebook)}
    for file in files:
        rules = [rule for name in rulebook.rules if (rule := rulebook.rule(name)) and rule["pack"] == file.name]
        if rules:
            head = f"# {file.stem}\n\n{_intro(file)}\n"
            made[f"{file.stem}.md"] = "\n".join([head, *(_entry(rule, tried) for rule in rules)])
    return made


def _index(rulebook: Rulebook) -> str:
    rows = []
    for rule in filter(None, map(rulebook.rule, rulebook.rules)):
        page = rule["pack"].removesuffix(".toml")
        rows.append(f"| [{rule['rule']}]({page}.md#{rule['rule'].lower()}) | {rule['text']} |\n")
    return HEAD + "".join(rows)


def _intro(file: Path) -> str:
    """What a pack says of itself in its first lines."""
    lines = file.read_text("utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("# ") for line in lines[:first])


def _entry(rule: Mapping[str, Any], tried: Iterable[Outcome]) -> str:
    lines = [f"### `{rule['rule']}`", "", rule["text"], ""]
    if rule["allowed"]:
        lines += [f"By it a message may go: {rule['allowed'][0].lower()}{rule['allowed'][1:]}", ""]
    lines += [f"Source: {rule['citation']}  "]
    lines.append(f"Checked: {rule['checked'] or 'not yet'}")
    parameters = [f"- {', '.join(_said(entry))}" for entry in rule["parameters"]]
    examples = [f"- {_example(one)}" for one in tried if rule["rule"] in one.case.rules]
    for block in (parameters, ["For example:", "", *examples] if examples else []):
        lines += ["", *block] if block else []
    return "\n".join([*lines, ""])


def _said(entry: Mapping[str, Any]) -> Iterator[str]:
    yield f"{entry['place']}, {entry['key']}"
    for key, value in entry.items():
        if key not in ("place", "key"):
            yield f"{key}: {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _example(outcome: Outcome) -> str:
    """A case in words, and what comes of it."""
    expected = outcome.case.expect
    decision = OUTCOME.get(expected.get("decision", ""))
    until = f" until {expected['defer_until']}" if "defer_until" in expected else ""
    others = (_plain(value) for name, value in expected.items() if name not in ("reasons", "suppression"))
    return f"{outcome.case.says}: {decision + until if decision else ', '.join(others)}"


def write(folder: Path, to: Path) -> None:
    """Write the pages into a folder of their own; a page whose pack is gone goes too."""
    made = pages(folder)
    to.mkdir(parents=True, exist_ok=True)
    for stale in to.glob("*.md"):
        if stale.name not in made:
            stale.unlink()
    for name, text in made.items():
        (to / name).write_text(text, "utf-8")


def main(arguments: Sequence[str]) -> None:
    """Write the pages of the folder that is named first into the one named second."""
    source, target = map(Path, arguments)
    write(source, target)


if __name__ == "__main__":
    main(sys.argv[1:])
