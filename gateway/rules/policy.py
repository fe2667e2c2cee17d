"""What a venue's lawyer may set: house policy, never the law. Bounds that come from a law can only be tightened."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, structs

from gateway.errors import NotUsable
from gateway.rules.windows import Window

Minors = Literal["deny", "consent_age"]
MostComplaints = Annotated[float, Meta(gt=0, le=0.003)]
ManyComplaints = Annotated[float, Meta(gt=0, le=0.001)]
Seconds = Annotated[int, Meta(ge=1, le=300)]
Days = Annotated[int, Meta(ge=0)]


class PolicyChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[compliance.policy]` table; what is left out stays as it is."""

    minors_marketing: Minors | None = None
    one_click: bool | None = None
    max_complaint_rate: MostComplaints | None = None
    warn_complaint_rate: ManyComplaints | None = None
    confirmation_seconds: Seconds | None = None
    erasure_grace_days: Days | None = None
    revoke_all_early: bool | None = None
    default_window: Window | None = None


class PolicyTable(PolicyChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[policy]` table of a rulebook, as a case may bring it along, whole. The two that say whose law it is may
    stand in it and change nothing: that is no house policy."""

    unknown: str | None = None
    cctld: Mapping[str, str] | None = None


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """House policy in force, as the core pack begins it."""

    minors_marketing: Minors
    one_click: bool
    max_complaint_rate: MostComplaints
    warn_complaint_rate: ManyComplaints
    confirmation_seconds: Seconds
    erasure_grace_days: Days
    revoke_all_early: bool
    default_window: Window

    def but(self, change: PolicyChange) -> "Policy":
        """This policy with everything that `change` sets."""
        said = {name: value for name in self.__struct_fields__ if (value := getattr(change, name)) is not None}
        return structs.replace(self, **said)


def configured(table: Mapping[str, Any]) -> PolicyChange:
    """The table of config.toml as a change of policy. Raises NotUsable naming the key."""
    try:
        return convert(dict(table), PolicyChange)
    except ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        known = ", ".join(PolicyChange.__struct_fields__)
        raise NotUsable(f"compliance.policy{where.rstrip('`')}: {what}", f"may be set: {known}") from None
