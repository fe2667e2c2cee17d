"""A venue's own rules, as they stand in config.toml beside the law. They add to it: no key takes anything away."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, json, structs

from gateway.errors import NotUsable
from gateway.model import CHANNELS, ChannelName
from gateway.rules.entries import Cap, Element, Entry, Part, Positive, Strict
from gateway.rules.findings import Findings
from gateway.rules.windows import Hours, Window

FILE = "config.toml"
Words = Annotated[str, Meta(min_length=1, max_length=300)]
OwnClass = Literal["marketing", "transactional", "informational"]
MONTH_IN_HOURS = 720
"""How far back what was sent is looked at."""


class OwnCap(Strict, frozen=True, kw_only=True):
    """At most `max` messages in any `hours`; `same`: counted per category."""

    max: Positive
    hours: Annotated[int, Meta(gt=0, le=MONTH_IN_HOURS)]
    same: Literal["category"] | None = None


class OwnRule(Strict, frozen=True, kw_only=True):
    """One rule: whom it is about, why it is there, and one of four things it asks. Left out, it is about every channel,
    about marketing, and holds everywhere. `deny`: categories that are not written about at all, "*" for any."""

    id: Annotated[str, Meta(pattern=r"^HOUSE(-[A-Z0-9]+)+$", max_length=40)]
    text: Words
    reason: Words
    channels: tuple[ChannelName, ...] = CHANNELS
    classes: tuple[OwnClass, ...] = ("marketing",)
    jurisdictions: tuple[str, ...] = ()
    window: Hours | None = None
    cap: OwnCap | None = None
    require: tuple[Part, ...] | None = None
    deny: tuple[str, ...] | None = None

    def __post_init__(self):
        if sum(one is not None for one in (self.window, self.cap, self.require, self.deny)) != 1:
            raise ValueError("one of `window`, `cap`, `require`, `deny`")

    def holds(self, jurisdictions: Iterable[str]) -> bool:
        """Whether it holds for a message under these laws."""
        return not self.jurisdictions or not set(self.jurisdictions).isdisjoint(jurisdictions)


class Denial(Entry, frozen=True, kw_only=True):
    """Categories about which nobody is written to."""

    categories: tuple[str, ...]

    def about_category(self, category: str | None) -> bool:
        """Whether it is one of them. What is not known may be."""
        return category is None or category in self.categories or "*" in self.categories


class Asked(Struct, frozen=True):
    """What a venue asks of some messages, by kind of entry."""

    windows: tuple[Window, ...] = ()
    caps: tuple[Cap, ...] = ()
    elements: tuple[Element, ...] = ()
    denials: tuple[Denial, ...] = ()


def asked(rules: Iterable[OwnRule]) -> Asked:
    """These rules as entries like those of a pack."""
    windows, caps, elements, denials = [], [], [], []
    for rule in rules:
        about: dict[str, Any] = {"rule": rule.id, "channels": rule.channels, "classes": rule.classes}
        if rule.window is not None:
            windows.append(Window(**about, **structs.asdict(rule.window)))
        if rule.cap is not None:
            caps.append(Cap(**about, **structs.asdict(rule.cap)))
        if rule.require is not None:
            elements.append(Element(**about, require=rule.require))
        if rule.deny is not None:
            denials.append(Denial(**about, categories=rule.deny))
    return Asked(tuple(windows), tuple(caps), tuple(elements), tuple(denials))


def judge_denials(denials: Iterable[Denial], category: str | None, findings: Findings) -> None:
    """Deny what the house does not write about."""
    for denial in denials:
        if denial.about_category(category):
            findings.deny(denial.rule)


def own_rules(tables: Sequence[Mapping[str, Any]], places: Iterable[str]) -> tuple[OwnRule, ...]:
    """The tables of config.toml; `places` are the jurisdictions there are. Raises NotUsable naming the rule."""
    rules: list[OwnRule] = []
    known = list(places)
    for number, table in enumerate(tables):
        where = f"compliance.rules[{number}]"
        try:
            rule = convert(dict(table), OwnRule)
        except ValidationError as error:
            what, _, inside = str(error).partition(" - at `$")
            raise NotUsable(f"{where}{inside.rstrip('`')}: {what}", "correct the rule in config.toml") from None
        if any(rule.id == other.id for other in rules):
            raise NotUsable(f"{where}.id: another rule has it", "give each rule an id of its own")
        if strangers := [place for place in rule.jurisdictions if place not in known]:
            raise NotUsable(f"{where}.jurisdictions: no pack is called {strangers[0]}", f"one of {', '.join(known)}")
        rules.append(rule)
    return tuple(rules)


def digest(rules: Sequence[OwnRule]) -> bytes:
    """What changes when a rule does; nothing where there is none."""
    return sha256(json.encode(rules)).digest() if rules else b""
