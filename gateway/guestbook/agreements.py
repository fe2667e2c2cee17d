"""What a line of a list says its guest agreed to, elsewhere and before. It is recorded as what it is, an import: it
counts if it says when it was given, to which words and where the proof lies, and it never undoes an opt-out."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, structs

from gateway.clock import parse_rfc3339
from gateway.model import ChannelName
from gateway.orders import Category
from gateway.privacy.forms import Kind, Proof, Version
from gateway.rules import ConsentEvent, missing_proof
from gateway.sheet import Line

PREFIX = "consent_"
MOMENTS = ("granted_at", "confirmed_at", "event_at", "ends_at", "expires_at")
LISTS = ("channels", "categories", "flags")
COLUMN_OF = {"wording_version": "wording", "proof_ref": "proof"}
"""Members of a consent whose columns are called otherwise."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Flag = Literal["similar_products", "optout_offered", "ongoing_relationship", "relevant_to_role"]


class Agreed(Struct, frozen=True, omit_defaults=True):
    """A consent as a line tells it; moments in milliseconds."""

    kind: Kind = "express"
    channels: Annotated[tuple[ChannelName, ...], Meta(min_length=1, max_length=4)] = ("email",)
    categories: Annotated[tuple[Category, ...], Meta(min_length=1, max_length=50)] = ("*",)
    source: Annotated[str, Meta(max_length=200)] | None = None
    wording: Version | None = None
    proof: Proof | None = None
    granted_at: int | None = None
    confirmed_at: int | None = None
    event_at: int | None = None
    ends_at: int | None = None
    expires_at: int | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def sealed(self) -> str | None:
        """What is kept of its proof: where it was given, and where the proof lies."""
        return ": ".join(filter(None, (self.source, self.proof))) or None

    def event(self, at: int) -> ConsentEvent:
        """The entry of the ledger, recorded at this time."""
        facts: dict[str, Any] = {name: getattr(self, name) for name in MOMENTS} | dict.fromkeys(self.flags, True)
        return ConsentEvent(
            action="grant", at=at, kind=self.kind, channels=list(self.channels), categories=list(self.categories),
            source="import", wording_version=self.wording, proof_ref="sealed" if self.proof else None, **facts,
        )  # fmt: skip

    @property
    def missing(self) -> list[str]:
        """The columns it lacks to count."""
        return [PREFIX + COLUMN_OF.get(name, name) for name in missing_proof(self.event(0))]


COLUMNS = tuple(PREFIX + name for name in Agreed.__struct_fields__)


def read(line: int, cells: Mapping[str, str], faults: list[Line]) -> tuple[Agreed, ...]:
    """The consent in these cells, by their columns; none where they are all empty. Adds what is wrong to the faults."""
    if not cells:
        return ()
    said = {name.removeprefix(PREFIX): _written(name.removeprefix(PREFIX), cell) for name, cell in cells.items()}
    try:
        return (convert(said, Agreed),)
    except ValidationError:
        for name, value in said.items():
            try:
                convert({name: value}, Agreed)
            except ValidationError:
                faults.append(Line(line, f"bad-{PREFIX}{name}", PREFIX + name))
    return ()


def _written(name: str, cell: str) -> object:
    """A cell as it is to be taken: lists by their marks, a day as its first moment in UTC."""
    if name in LISTS:
        return [part for part in re.split(r"[;,\s]+", cell.lower()) if part]
    if name in MOMENTS:
        return parse_rfc3339(f"{cell}T00:00:00Z" if _DAY.fullmatch(cell) else cell) or cell
    return cell.lower() if name == "kind" else cell


def unknown(agreed: Sequence[Agreed], ledger: Sequence[ConsentEvent]) -> tuple[Agreed, ...]:
    """Those of these consents that a ledger does not have."""
    there = [structs.replace(event, at=0) for event in ledger]
    return tuple(one for one in agreed if one.event(0) not in there)
