"""All packs together, and what must hold between them: no name twice, every rule in words, overlays only tighten."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from msgspec import Struct, ValidationError, convert, json

from gateway.errors import NotUsable
from gateway.rules.entries import Cap, Condition
from gateway.rules.house import FILE, OwnRule, asked, digest, own_rules
from gateway.rules.pack import Answers, Core, Jurisdiction, Overlay, Pack, Review, Rule, fault
from gateway.rules.windows import Window, week_of
from gateway.rules.words import compact

RULE_KEYS = ("rule", "corporate_rule")
EVERYWHERE = "everywhere"
"""Where the core pack holds, among the places that parameters are of."""


class Collection(Struct, frozen=True):
    """Packs that fit together, in force as one."""

    core: Core
    jurisdictions: dict[str, Jurisdiction]
    overlays: dict[str, Overlay]
    rules: dict[str, Rule]
    packs: dict[str, str]
    """Rule id to the name of the pack that has its words."""
    parameters: dict[str, list[dict[str, Any]]]
    """Rule id to the entries that carry it, as written, with their place and key in it."""
    keywords: tuple[str, ...]
    phrases: tuple[str, ...]
    """What guests write when they mean stop, in all languages."""
    reviews: tuple[Review, ...]
    own: tuple[OwnRule, ...]
    """The house's rules."""
    version: str

    @property
    def caps(self) -> Iterator[Cap]:
        """Every cap there is."""
        for law in self.jurisdictions.values():
            yield from law.cap
        for overlay in self.overlays.values():
            yield from overlay.cap
        yield from asked(self.own).caps


def collect(packs: Sequence[Pack], cited: Iterable[str], own: Sequence[Mapping[str, Any]] = ()) -> Collection:
    """Fit packs together, and the house's own rules to them. `cited` are the rules the engine itself may cite. Raises
    NotUsable naming file and key."""
    jurisdictions = {name: _whole(pack, name, packs) for pack, name in _once(packs, "jurisdictions")}
    overlays = {name: pack.overlays[name] for pack, name in _once(packs, "overlays")}
    rules = {name: pack.rules[name] for pack, name in _once(packs, "rules")}
    core = _core(packs)
    _countries_once(packs, jurisdictions)
    for pack in packs:
        _all_in_words(pack, rules)
        for name, overlay in pack.overlays.items():
            _tightens(pack, name, overlay, jurisdictions)
    for rule in cited:
        if rule not in rules:
            raise NotUsable(f"no pack has words for the rule {rule}", "add [rules.<id>] to the core pack")
    if core.unknown not in jurisdictions:
        raise NotUsable("the pack for unknown countries is missing", f"add [jurisdiction.{core.unknown}]")
    house = own_rules(own, (*jurisdictions, *overlays))
    return Collection(
        core, jurisdictions, overlays,
        rules | {rule.id: Rule(text=rule.text, citation=f"House rule: {rule.reason}") for rule in house},
        {name: pack.name for pack in packs for name in pack.rules} | {rule.id: FILE for rule in house},
        _parameters(packs, rules) | {rule.id: [_asks(rule)] for rule in house},
        _words(packs, "keywords", core.answers), _words(packs, "phrases", core.answers),
        tuple(pack.review for pack in packs if pack.review is not None),
        house, _version(packs, house),
    )  # fmt: skip


def _version(packs: Sequence[Pack], house: Sequence[OwnRule]) -> str:
    """The newest pack's date, and a digest over all of them, whatever their order, and the house's rules."""
    digests = b"".join(sorted(pack.digest for pack in packs)) + digest(house)
    return f"{max(pack.version for pack in packs)}+{sha256(digests).hexdigest()[:12]}"


def _asks(rule: OwnRule) -> dict[str, Any]:
    """A house rule's parameters, as written."""
    said = json.decode(json.encode(rule), type=dict[str, Any])
    return {name: value for name, value in said.items() if value is not None and name not in ("id", "text", "reason")}


def _core(packs: Sequence[Pack]) -> Core:
    cores = [pack for pack in packs if pack.core is not None]
    if len(cores) != 1:
        names = ", ".join(pack.name for pack in cores) or "none"
        raise NotUsable(f"one pack must have [core], here it is: {names}", "keep the core pack that is shipped")
    return cores[0].core  # type: ignore[return-value]


def _words(packs: Sequence[Pack], family: str, taken: Answers) -> tuple[str, ...]:
    """What means stop, from all packs. `taken`: words that are another answer already."""
    others = {compact(word) for words in (taken.help, taken.start, taken.yes) for word in words}
    found = []
    for pack in packs:
        for language, words in getattr(pack, family).items():
            for word in words:
                if not compact(word) or compact(word) in others:
                    raise fault(pack.name, f"{family}.{language}", f"not a word that can mean stop: {word}")
            found += words
    return tuple(found)


def _once(packs: Sequence[Pack], family: str) -> Iterator[tuple[Pack, str]]:
    seen: dict[str, Pack] = {}
    for pack in packs:
        for name in getattr(pack, family):
            if name in seen:
                key = f"{family.removesuffix('s') if family != 'rules' else family}.{name}"
                raise fault(pack.name, key, f"{seen[name].name} has it already")
            seen[name] = pack
            yield pack, name


def _whole(pack: Pack, name: str, packs: Sequence[Pack]) -> Jurisdiction:
    """A jurisdiction with what it inherits."""
    table = dict(pack.jurisdictions[name])
    parent = table.pop("inherit", None)
    if parent is not None:
        copied = next((other.jurisdictions[parent] for other in packs if parent in other.jurisdictions), None)
        if copied is None or "inherit" in copied:
            raise fault(pack.name, f"jurisdiction.{name}.inherit", "must name a pack that is whole by itself")
        table = {**copied, **table}
    try:
        return convert(table, Jurisdiction)
    except ValidationError as error:  # the parent's fault would have been found in its own file
        raise fault(pack.name, f"jurisdiction.{name}", str(error)) from None


def _countries_once(packs: Sequence[Pack], jurisdictions: Mapping[str, Jurisdiction]) -> None:
    seen: dict[str, str] = {}
    for pack in packs:
        for name in pack.jurisdictions:
            for country in jurisdictions[name].countries:
                if country in seen:
                    raise fault(pack.name, f"jurisdiction.{name}.countries", f"{country} is in {seen[country]} already")
                seen[country] = name


# -- every rule in words ----------------------------------------------------------------------------------------------


def entries(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every table, however deep, that carries a rule, with the keys that lead to it."""
    if isinstance(value, Mapping):
        if any(key in value for key in RULE_KEYS):
            yield path, dict(value)
        for key, inner in value.items():
            yield from entries(inner, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from entries(item, path)


def _all_in_words(pack: Pack, rules: Mapping[str, Rule]) -> None:
    for family in ("core", "jurisdiction", "overlay"):
        for name, table in pack.tables.get(family, {}).items():
            for _, entry in entries({name: table}):
                for rule in (entry[key] for key in RULE_KEYS if key in entry):
                    if rule not in rules:
                        raise fault(pack.name, f"{family}.{name}", f"no pack has [rules.{rule}] with text and citation")


def _parameters(packs: Sequence[Pack], rules: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {rule: [] for rule in rules}
    for pack in packs:
        tables = {**pack.tables.get("jurisdiction", {}), **pack.tables.get("overlay", {})}
        for (place, *keys), entry in entries(tables | {EVERYWHERE: pack.tables.get("core", {})}):
            for rule in {entry.pop(key) for key in RULE_KEYS if key in entry}:
                found[rule].append({"place": place, "key": ".".join(keys), **entry})
    return found


# -- an overlay only tightens -----------------------------------------------------------------------------------------


def _tightens(pack: Pack, name: str, overlay: Overlay, jurisdictions: Mapping[str, Jurisdiction]) -> None:
    base = jurisdictions.get(overlay.base)
    if base is None:
        raise fault(pack.name, f"overlay.{name}.base", "no such jurisdiction")
    for kind, condition in overlay.kinds.items():
        if kind in base.kinds and _wider(condition, base.kinds[kind]):
            raise fault(pack.name, f"overlay.{name}.kinds.{kind}", f"allows more than {overlay.base} does")
    for position, window in enumerate(overlay.window):
        if any(_opens_longer(window, other) for other in base.window):
            raise fault(pack.name, f"overlay.{name}.window[{position}]", f"is open longer than {overlay.base}'s")


def _wider(condition: Condition, base: Condition) -> bool:
    longer = condition.months is not None and base.months is not None and condition.months > base.months
    channels = condition.channels is not None and base.channels is not None
    return longer or (channels and not set(condition.channels) <= set(base.channels))  # type: ignore[arg-type]


def _opens_longer(window: Window, base: Window) -> bool:
    """Whether somebody who wrote this window meant to open what the base closes, for messages both speak of."""
    if not (set(window.channels) & set(base.channels) and set(window.classes) & set(base.classes)):
        return False
    return any(
        not any(start <= opens and closes <= end for start, end in allowed)
        for hours, allowed in zip(week_of(window), week_of(base), strict=True)
        for opens, closes in hours
    )
