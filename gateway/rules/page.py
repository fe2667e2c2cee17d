"""The page of all rules: what `docs/rules.md` says, made from the packs.

`python -m gateway.rules.page plugins/compliance/packs > docs/rules.md` writes it anew.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.rules.pack import Pack
from gateway.rules.rulebook import Rulebook

HEAD = """# Rules

Every rule that the installed packs can cite, in words, with its source. Under it stand today's parameters, as they are
in the pack. A rule without a day in "checked" has not been held against its source yet. This page is made from the
packs, by `python -m gateway.rules.page plugins/compliance/packs`. It is no legal advice.
"""


def page(rulebook: Rulebook) -> str:
    """The page, pack by pack, the rules of each in the order they are written in."""
    parts, pack = [HEAD], None
    for name in rulebook.rules:
        rule = rulebook.rule(name) or {}
        if rule["pack"] != pack:
            pack = rule["pack"]
            parts.append(f"## Pack {pack.removesuffix('.toml')}\n")
        parts.append(_entry(rule))
    return "\n".join(parts)


def _entry(rule: Mapping[str, Any]) -> str:
    lines = [f"### `{rule['rule']}`", "", rule["text"], "", f"Source: {rule['citation']}  "]
    lines.append(f"Checked: {rule['checked'] or 'not yet'}")
    parameters = [f"- {', '.join(_said(entry))}" for entry in rule["parameters"] if entry]
    return "\n".join([*lines, *(["", *parameters] if parameters else []), ""])


def _said(entry: Mapping[str, Any]) -> Iterator[str]:
    for key, value in entry.items():
        yield f"{key}: {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


if __name__ == "__main__":
    files = sorted(Path(sys.argv[1]).glob("*.toml"))
    sys.stdout.write(page(Rulebook([Pack.from_file(file) for file in files])))
