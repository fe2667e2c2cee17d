"""The page of all roles: what `docs/roles.md` says, made from the roles and the doors.

`python -m gateway.web.roles > docs/roles.md` writes it anew.
"""

import sys
from collections.abc import Iterable

from gateway.model import SCOPES
from gateway.roles import ROLES
from gateway.web.routes import Door

HEAD = """# Roles

A person has a role, a program has a key with scopes; a role is a named set of scopes. Scopes do not imply each other.
What a role means is settled in one place. This page is made from it, by `python -m gateway.web.roles`, and a test walks
through every door below as every role.

Nobody gives away, changes or ends a key or a user that goes beyond his own scopes, networks and expiry, and the last
owner cannot be removed.
"""


def page(doors: Iterable[Door]) -> str:
    """The page: scopes by role, then doors by role."""
    scopes = [(f"`{scope}`", *_marks({scope})) for scope in SCOPES]
    rows = [(f"`{door.name}`", _needs(door), *_marks(_scopes(door))) for door in doors]
    return "\n".join(
        [HEAD, "## Scopes\n", *_table(("scope", *ROLES), scopes), "", "## Doors\n",
         *_table(("door", "scope", *ROLES), rows), ""]
    )  # fmt: skip


def _scopes(door: Door) -> set[str] | None:
    """The scopes of which one is needed; None where there is no need for any."""
    if not door.scope:
        return None
    return {door.scope} if isinstance(door.scope, str) else set(door.scope)


def _needs(door: Door) -> str:
    if door.scope is None:
        return "nobody is asked"
    return ", ".join(f"`{scope}`" for scope in sorted(_scopes(door) or ())) or "whoever has signed in"


def _marks(scopes: set[str] | None) -> list[str]:
    """For every role, whether it has one of these scopes."""
    return ["✓" if scopes is None or have & scopes else "" for have in ROLES.values()]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows]]


if __name__ == "__main__":
    from gateway.web.app import MAIN, doors  # the page knows the doors only when it is written

    sys.stdout.write(page(doors(MAIN)))
