"""What the laws of a place ask of a kind of message: everything that depends on neither person nor time."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from gateway.rules import classify
from gateway.rules.atlas import Applied, Atlas, Signals, zones
from gateway.rules.classify import Claim
from gateway.rules.entries import Ban, Cap, Condition, Element, Permission
from gateway.rules.house import Denial, OwnRule, asked
from gateway.rules.pack import Core
from gateway.rules.windows import Opening, Window, week_of


class Kindred(NamedTuple):
    """What makes messages fall under the same plan. `category` is told apart only where a house rule does."""

    signals: Signals
    claim: Claim
    category: str | None


class Part(Struct, frozen=True):
    """One pack's share. `permissions` are alternatives, each of `demands` is asked for besides; `kinds` are those that
    could help with any of them; `asking` the rules by which asking for consent is an advertisement already."""

    pack: str
    class_: str
    permissions: tuple[Permission, ...]
    demands: tuple[Permission, ...]
    elements: tuple[Element, ...]
    bans: tuple[Ban, ...]
    kinds: frozenset[str]
    conditions: dict[str, tuple[Condition, ...]]
    asking: tuple[str, ...]
    consent_age: int


class Plan(Struct, frozen=True):
    """What all packs that apply ask, in their order. `exempt`: consent, elements, caps and windows do not apply.
    `own_openings` are the house's beside the law's, so that they replace none."""

    channel: str
    class_: str
    classes: frozenset[str]
    marketing: bool
    exempt: bool
    warnings: tuple[str, ...]
    parts: tuple[Part, ...]
    elements: tuple[Element, ...]
    caps: tuple[Cap, ...]
    openings: tuple[Opening, ...]
    own_openings: tuple[Opening, ...]
    denials: tuple[Denial, ...]
    jurisdictions: tuple[str, ...]
    zones: tuple[str, ...]


def draw(kindred: Kindred, atlas: Atlas, core: Core, own: Sequence[OwnRule]) -> Plan:
    """The plan for such messages; `own` are the house's rules."""
    signals, claim, category = kindred
    channel = signals.channel
    class_, warnings = classify.start(claim)
    applied = atlas.applied(signals)
    asking = [_asking(one) if claim.asks and class_ in classify.SOLICITABLE else () for one in applied]
    seen_as = [
        classify.within(class_, claim, one.law.mixed, channel, bool(rules))
        for one, rules in zip(applied, asking, strict=True)
    ]
    if claim.promotion and any(seen != class_ for seen in seen_as):
        warnings += ("CORE-CLS-2",)
    warnings += tuple(dict.fromkeys(rule for rules in asking for rule in rules))
    marketing = "marketing" in seen_as
    laws = list(zip(applied, seen_as, strict=True))
    jurisdictions = tuple(name for one in applied for name in (one.name, *(name for name, _ in one.overlays)))
    house = asked(rule for rule in own if rule.holds(jurisdictions, category))

    def about(entry: Any) -> bool:
        return any(entry.about(channel, seen) for seen in seen_as)

    return Plan(
        channel=channel,
        class_=class_,
        classes=frozenset(seen_as),
        marketing=marketing,
        exempt=class_ in classify.EXEMPT,
        warnings=warnings,
        parts=tuple(_part(*law, channel, rules) for law, rules in zip(laws, asking, strict=True)),
        elements=tuple(filter(about, (*core.elements, *house.elements))),
        caps=(
            *(cap for one, seen in laws for cap in _caps(one) if cap.about(channel, seen)),
            *filter(about, house.caps),
        ),
        openings=tuple(opening for one, seen in laws for opening in _openings(one, channel, seen)),
        own_openings=(
            *(opening_of(window, _of_all(applied)) for window in filter(about, house.windows)),
            *(silence.opening for silence in filter(about, house.silences)),
        ),
        denials=tuple(filter(about, house.denials)),
        jurisdictions=jurisdictions,
        zones=zones(applied, signals),
    )


def _part(one: Applied, class_: str, channel: str, asking: tuple[str, ...]) -> Part:
    said = [entry for entry in one.law.consent if entry.about(channel, class_) and _counts(entry, one)]
    elements = (*one.law.elements, *(entry for _, overlay in one.overlays for entry in overlay.elements))
    whole = not one.origin_only
    return Part(
        pack=one.name,
        class_=class_,
        permissions=tuple(entry for entry in said if entry.when is None),
        demands=tuple(entry for entry in said if entry.when is not None),
        elements=tuple(entry for entry in elements if whole and entry.about(channel, class_)),
        bans=tuple(ban for ban in one.law.forbid if whole and ban.about(channel, class_)),
        kinds=_kinds(said),
        conditions=_conditions(one),
        asking=asking,
        consent_age=max(one.law.consent_ages.get(country, one.law.consent_age) for country in one.countries),
    )


def _counts(entry: Permission, one: Applied) -> bool:
    """An entry for venues abroad counts only there, and there perhaps alone."""
    return entry.origin_only if one.origin_only else one.origin or not entry.origin_only


def _asking(one: Applied) -> tuple[str, ...]:
    """The rules by which a message that asks for consent is an advertisement here."""
    layers = () if one.origin_only else (one.law.asking, *(overlay.asking for _, overlay in one.overlays))
    return tuple(entry.rule for entry in layers if entry is not None and entry.seen_as == "marketing")


def _kinds(entries: Iterable[Permission]) -> frozenset[str]:
    kinds: set[str] = {kind for entry in entries for kind in (*entry.accept, *(entry.corporate_accept or ()))}
    return frozenset(kinds | {"express_written"} if "express" in kinds else kinds)


def _conditions(one: Applied) -> dict[str, tuple[Condition, ...]]:
    """Per kind what the pack and its overlays ask of it. A signed consent must be all that a simple one must be."""
    layers = [one.law.kinds, *(overlay.kinds for _, overlay in one.overlays)]
    by_kind: dict[str, tuple[Condition, ...]] = {}
    for kind in (kind for layer in layers for kind in layer):
        by_kind[kind] = tuple(layer[kind] for layer in layers if kind in layer)
    if "express" in by_kind:
        by_kind["express_written"] = by_kind["express"] + by_kind.get("express_written", ())
    return by_kind


def _caps(one: Applied) -> tuple[Cap, ...]:
    if one.origin_only:
        return ()
    return (*one.law.cap, *(cap for _, overlay in one.overlays for cap in overlay.cap))


def _openings(one: Applied, channel: str, class_: str) -> list[Opening]:
    if one.origin_only:
        return []
    windows = (*one.law.window, *(window for _, overlay in one.overlays for window in overlay.window))
    return [opening_of(window, _calendars(one)) for window in windows if window.about(channel, class_)]


def _calendars(one: Applied) -> tuple[str, ...]:
    if one.law.calendar == "none":
        return ()
    return one.countries if one.law.calendar == "country" else (one.law.calendar,)


def _of_all(applied: Iterable[Applied]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(calendar for one in applied if not one.origin for calendar in _calendars(one)))


def opening_of(window: Window, calendars: tuple[str, ...] = ()) -> Opening:
    """The window as it is calculated with."""
    return Opening(window.rule, week_of(window), calendars if window.holiday == "closed" else ())
