"""A venue's own rules, as they stand in config.toml beside the law. They add to it: no key takes anything away."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, field, json, structs

from gateway.errors import NotUsable
from gateway.model import CHANNELS, ChannelName
from gateway.rules.entries import Cap, Element, Entry, Part, Positive, Strict
from gateway.rules.findings import Findings
from gateway.rules.windows import DAY, Hours, Opening, Span, Window, spans_of

FILE = "config.toml"
Words = Annotated[str, Meta(min_length=1, max_length=300)]
OwnClass = Literal["marketing", "transactional", "informational"]
Category = Annotated[str, Meta(min_length=1, max_length=64)]
MONTH_IN_DAYS = 30
"""How far back what was sent is looked at."""
LONGEST_QUIET = timedelta(days=366)
EPOCH = date(1970, 1, 1)


class OwnCap(Strict, frozen=True, kw_only=True):
    """At most `max` messages in any `hours`, or in so many `days` of the guest's calendar; `same`: counted per
    category."""

    max: Positive
    hours: Annotated[int, Meta(gt=0, le=MONTH_IN_DAYS * 24)] | None = None
    days: Annotated[int, Meta(gt=0, le=MONTH_IN_DAYS)] | None = None
    same: Literal["category"] | None = None

    def __post_init__(self):
        if (self.hours is None) == (self.days is None):
            raise ValueError("one of `hours`, `days`")


class Quiet(Strict, frozen=True, kw_only=True):
    """When nothing arrives: from one day to another, both included, whole days or these `hours` of them; without days,
    these hours of every day. `zone`: whose days and hours they are."""

    from_: date | None = field(name="from", default=None)
    to: date | None = None
    hours: tuple[Span, ...] = ()
    zone: Literal["guest", "venue"] = "guest"

    def __post_init__(self):
        if self.from_ is None and (self.to is not None or not self.hours):
            raise ValueError("`from`, or `hours` of every day")
        if not timedelta() <= self.last - self.first <= LONGEST_QUIET:
            raise ValueError("`to` must be `from` or a later day, within a year")
        if self.from_ is None and not self.open_hours:
            raise ValueError("a quiet time that never ends")

    @property
    def first(self) -> date:
        """The first day of those it has."""
        return self.from_ or EPOCH

    @property
    def last(self) -> date:
        """The last one."""
        return self.to or self.first

    @property
    def open_hours(self) -> tuple[tuple[int, int], ...]:
        """What its hours leave of a day, in milliseconds; nothing, where it is the whole day."""
        edges = [0, *(edge for span in spans_of(self.hours) for edge in span), DAY] if self.hours else []
        return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end)


class OwnRule(Strict, frozen=True, kw_only=True):
    """One rule: whom it is about, why it is there, and one of five things it asks. Left out, it is about every channel
    and category, about marketing, and holds everywhere. `deny`: categories that are not written about at all, "*" for
    any."""

    id: Annotated[str, Meta(pattern=r"^HOUSE(-[A-Z0-9]+)+$", max_length=40)]
    text: Words
    reason: Words
    channels: tuple[ChannelName, ...] = CHANNELS
    classes: tuple[OwnClass, ...] = ("marketing",)
    categories: tuple[Category, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    window: Hours | None = None
    quiet: Quiet | None = None
    cap: OwnCap | None = None
    require: tuple[Part, ...] | None = None
    deny: tuple[str, ...] | None = None

    def __post_init__(self):
        if sum(one is not None for one in (self.window, self.quiet, self.cap, self.require, self.deny)) != 1:
            raise ValueError("one of `window`, `quiet`, `cap`, `require`, `deny`")
        if self.deny is not None and self.categories:
            raise ValueError("`deny` has the categories already")

    def holds(self, jurisdictions: Iterable[str], category: str | None) -> bool:
        """Whether it holds for a message under these laws, in this category. What is not known may be one of its."""
        here = not self.jurisdictions or not set(self.jurisdictions).isdisjoint(jurisdictions)
        return here and (not self.categories or category is None or category in self.categories)


class Denial(Entry, frozen=True, kw_only=True):
    """Categories about which nobody is written to."""

    categories: tuple[str, ...]

    def about_category(self, category: str | None) -> bool:
        """Whether it is one of them. What is not known may be."""
        return category is None or category in self.categories or "*" in self.categories


class Silence(Entry, frozen=True, kw_only=True):
    """When the guest is left alone."""

    quiet: Quiet

    @property
    def opening(self) -> Opening:
        """The hours that it leaves."""
        its = self.quiet
        days = None if its.from_ is None else ((its.first - EPOCH).days, (its.last - EPOCH).days)
        return Opening(self.rule, (its.open_hours,) * 7, days=days, at_home=its.zone == "venue")


class Asked(Struct, frozen=True):
    """What a venue asks of some messages, by kind of entry."""

    windows: tuple[Window, ...] = ()
    silences: tuple[Silence, ...] = ()
    caps: tuple[Cap, ...] = ()
    elements: tuple[Element, ...] = ()
    denials: tuple[Denial, ...] = ()


def asked(rules: Iterable[OwnRule]) -> Asked:
    """These rules as entries like those of a pack."""
    windows, silences, caps, elements, denials = [], [], [], [], []
    for rule in rules:
        about: dict[str, Any] = {"rule": rule.id, "channels": rule.channels, "classes": rule.classes}
        if rule.window is not None:
            windows.append(Window(**about, **structs.asdict(rule.window)))
        if rule.quiet is not None:
            silences.append(Silence(**about, quiet=rule.quiet))
        if rule.cap is not None:
            caps.append(Cap(**about, **structs.asdict(rule.cap), categories=rule.categories))
        if rule.require is not None:
            elements.append(Element(**about, require=rule.require))
        if rule.deny is not None:
            denials.append(Denial(**about, categories=rule.deny))
    return Asked(tuple(windows), tuple(silences), tuple(caps), tuple(elements), tuple(denials))


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
