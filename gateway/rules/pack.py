"""A rule pack: one TOML file, read strictly. A law is data; what data cannot say, a pack may say in code."""

import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, field

from gateway.errors import NotUsable
from gateway.model import ChannelName
from gateway.rules.entries import (
    Asking,
    Ban,
    Cap,
    Condition,
    Deadline,
    Element,
    Kind,
    Permission,
    RevokeAll,
    RuleId,
    Strict,
    What,
)
from gateway.rules.policy import Policy
from gateway.rules.windows import Window, zone_of

Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Name = Annotated[str, Meta(pattern="^[A-Z]{2}(-[A-Z0-9]+)?$")]
AreaCode = Annotated[str, Meta(pattern="^[2-9][0-9]{2}$")]
Calendar = Annotated[str, Meta(pattern="^(none|country|[A-Z]{2}(-[A-Z0-9]+)?)$")]
Version = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Age = Annotated[int, Meta(ge=0, le=21)]
Words = tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...]
WordsByLanguage = dict[Annotated[str, Meta(pattern="^[a-z]{2}$")], Words]


class Rule(Strict, frozen=True, kw_only=True):
    """A rule in words: those of a refusal, and `allowed`, of a rule by which a message may also go, those of that.
    `checked` is the day somebody held it against its source; without it nobody has yet."""

    text: Annotated[str, Meta(min_length=1, max_length=300)]
    allowed: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    citation: Annotated[str, Meta(min_length=1, max_length=300)]
    checked: date | None = None


class Jurisdiction(Strict, frozen=True, kw_only=True):
    """What one law says. `inherit` copies another pack's keys, those given here replace them one by one.

    `country_timezones` and `consent_ages` are for countries that differ from the rest. `mixed`: what a booking message
    with promotion in it counts as, per channel; `asking`: what one that asks for a consent does. `origin_channels`:
    where the law also follows a venue from here abroad.
    """

    inherit: Name | None = None
    countries: tuple[Country, ...] = ()
    timezones: tuple[str, ...] = ()
    country_timezones: dict[Country, tuple[str, ...]] = field(default_factory=dict)
    calendar: Calendar = "none"
    consent_age: Age = 18
    consent_ages: dict[Country, Age] = field(default_factory=dict)
    mixed: dict[ChannelName | Literal["default"], Literal["any_promo", "primary_purpose"]] = field(default_factory=dict)
    origin_channels: tuple[ChannelName, ...] = ()
    consent: tuple[Permission, ...] = ()
    elements: tuple[Element, ...] = ()
    forbid: tuple[Ban, ...] = ()
    window: tuple[Window, ...] = ()
    cap: tuple[Cap, ...] = ()
    kinds: dict[Kind, Condition] = field(default_factory=dict)
    asking: Asking | None = None
    deadline: dict[What, Deadline] = field(default_factory=dict)
    revoke_all_from: RevokeAll | None = None

    def __post_init__(self):
        zones_exist(self.timezones, *self.country_timezones.values())


class Overlay(Strict, frozen=True, kw_only=True):
    """What a part of a jurisdiction adds. There is no key that could take anything away."""

    base: Name
    regions: tuple[Annotated[str, Meta(pattern="^[A-Z0-9]{1,3}$")], ...] = ()
    countries: tuple[Country, ...] = ()
    area_codes: tuple[AreaCode, ...] = ()
    timezones: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()
    window: tuple[Window, ...] = ()
    cap: tuple[Cap, ...] = ()
    kinds: dict[Kind, Condition] = field(default_factory=dict)
    asking: Asking | None = None
    deadline: dict[What, Deadline] = field(default_factory=dict)

    def __post_init__(self):
        zones_exist(self.timezones)
        if not (self.regions or self.countries or self.area_codes):
            raise ValueError("an overlay matches by `regions`, `countries` or `area_codes`")


class Answers(Strict, frozen=True, kw_only=True):
    """What a guest may answer other than stop, and the words that such an answer may come with."""

    help: Words
    start: Words
    yes: Words
    booking: Words
    courtesy: Words
    denial: Words


class Core(Strict, frozen=True, kw_only=True):
    """What holds everywhere: house policy, the pack for the unknown, and what the endings of addresses tell."""

    policy: Policy
    unknown: Name
    cctld: dict[Annotated[str, Meta(pattern="^[a-z]{2}$")], Country]
    elements: tuple[Element, ...] = ()
    answers: Answers


def zones_exist(*groups: tuple[str, ...]) -> None:
    """Raise ValueError for a zone that is not in the IANA database."""
    for name in (name for names in groups for name in names):
        if zone_of(name) is None:
            raise ValueError(f"no such time zone: {name}")


Review = Callable[..., Any]
"""`review(given, so_far) -> list[Deny | Defer | Warn]`: rules as code. They can only tighten."""

TABLES: dict[str, Any] = {"jurisdiction": Jurisdiction, "overlay": Overlay, "rules": Rule}


class Pack(Struct, frozen=True, kw_only=True):
    """What a plugin registers: the tables of one file, and rules as code if it has any.

    `tables` are the jurisdictions as written, for others to inherit from; they have been read without fault.
    """

    name: str
    version: str
    digest: bytes
    core: Core | None = None
    jurisdictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    overlays: dict[str, Overlay] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    keywords: WordsByLanguage = field(default_factory=dict)
    phrases: WordsByLanguage = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    review: Review | None = None

    @classmethod
    def from_file(cls, path: Path | str, review: Review | None = None) -> "Pack":
        """Read a pack. Raises NotUsable naming file and key; what packs owe each other is checked by the Rulebook."""
        path = Path(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise fault(path.name, "", f"cannot be read ({error.strerror})") from None
        return cls.from_toml(raw, path.name, review)

    @classmethod
    def from_toml(cls, raw: bytes | str, name: str, review: Review | None = None) -> "Pack":
        """Read a pack from its text; `name` is how faults speak of it."""
        raw = raw.encode() if isinstance(raw, str) else raw
        try:
            document = tomllib.loads(raw.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise fault(name, "", str(error)) from None
        return _Reader(name, document).pack(sha256(raw).digest(), review)


def fault(name: str, key: str, what: str) -> NotUsable:
    """A pack that cannot be used: which file, which key, what is wrong."""
    where = f"{name}: {key}: " if key else f"{name}: "
    return NotUsable(where + what, "correct the rule pack; a law is not left out because its file is wrong")


class _Reader:
    """Reads table by table, so that a fault can say where it is."""

    def __init__(self, name: str, document: dict[str, Any]):
        self.name, self.document = name, document

    def pack(self, digest: bytes, review: Review | None) -> Pack:
        document = self.document
        self._known_keys(document, "", ("schema", "version", "core", "keywords", "phrases", *TABLES))
        if document.get("schema") != 1:
            raise fault(self.name, "schema", "must be 1")
        return Pack(
            name=self.name,
            version=self._convert("version", document.get("version"), Version),
            digest=digest,
            core=self._convert("core", document["core"], Core) if "core" in document else None,
            jurisdictions=self._jurisdictions(),
            overlays=self._tables("overlay", Name),
            rules=self._tables("rules", RuleId),
            keywords=self._convert("keywords", document.get("keywords", {}), WordsByLanguage),
            phrases=self._convert("phrases", document.get("phrases", {}), WordsByLanguage),
            tables=document,
            review=review,
        )

    def _jurisdictions(self) -> dict[str, dict[str, Any]]:
        for name, table in self._tables("jurisdiction", Name).items():
            if not table.consent and table.inherit is None:
                raise fault(self.name, f"jurisdiction.{name}.consent", "say what needs consent and what does not")
        return self.document.get("jurisdiction", {})

    def _tables(self, family: str, naming: Any) -> dict[str, Any]:
        tables = self.document.get(family, {})
        if not isinstance(tables, Mapping):
            raise fault(self.name, family, "must be a table of tables")
        for key in tables:
            self._convert(f"{family}.{key}", key, naming)
        return {key: self._convert(f"{family}.{key}", table, TABLES[family]) for key, table in tables.items()}

    def _convert(self, key: str, value: Any, type_: Any) -> Any:
        try:
            return convert(value, type_)
        except ValidationError as error:
            what, _, inside = str(error).partition(" - at `$")
            raise fault(self.name, key + inside.rstrip("`"), what) from None

    def _known_keys(self, table: dict[str, Any], key: str, known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known:
                raise fault(self.name, f"{key}{name}", f"unknown key; one of {', '.join(known)}")
