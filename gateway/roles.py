"""Who does what in a house: a role is a named set of scopes. Keys carry scopes, people carry a role.

This is the one table. What it means at every door is printed in `docs/roles.md`.
"""

from gateway.model import ALL_SCOPES, SCOPES

ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset(SCOPES),
    "admin": ALL_SCOPES,
    "coordinator": frozenset(
        {"send", "send.bulk", "read", "read.content", "consent", "check", "guests", "templates", "suppressions",
         "tasks"}
    ),
    "reception": frozenset({"send", "read", "consent", "check", "guests", "tasks"}),
    "privacy": frozenset(
        {"read", "read.content", "consent", "privacy", "check", "audit", "guests", "suppressions",
         "suppressions.lift", "tasks"}
    ),
    "reader": frozenset({"read"}),
}  # fmt: skip
"""From everything to looking on. The owner alone may send what `all` leaves out, and decide who may."""
