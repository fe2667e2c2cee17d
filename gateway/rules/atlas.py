"""Which laws a message falls under, and where the guest's clock may hang (CORE-JUR, CORE-TIM-3)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from gateway.rules.collection import Collection
from gateway.rules.pack import Jurisdiction, Overlay

VENUE_ZONE = ""
"""Stands for the venue's own zone among the zones of a place."""
NO_PACK = "??"
"""Stands for a country that has no pack of its own."""


class Signals(NamedTuple):
    """What tells where somebody is: countries that are known or NO_PACK, or None where nothing was said."""

    channel: str
    country: str | None
    address_country: str | None
    region: str | None
    phone_country: str | None
    area_code: str | None
    mail_country: str | None
    venue_country: str | None

    @property
    def strong(self) -> tuple[str, ...]:
        """What the person declared."""
        return tuple(dict.fromkeys(filter(None, (self.country, self.address_country))))


class Applied(Struct, frozen=True):
    """A pack that applies, with the overlays that match and the countries it was reached by. `origin`: because of where
    the venue is, and then perhaps only with the entries that are for this case."""

    name: str
    law: Jurisdiction
    countries: tuple[str, ...]
    overlays: tuple[tuple[str, Overlay], ...] = ()
    origin: bool = False
    origin_only: bool = False


class Atlas:
    """Finds the packs for a place."""

    def __init__(self, collection: Collection):
        self._laws, self._overlays = collection.jurisdictions, collection.overlays
        self._unknown = collection.core.unknown
        self._of_country = {country: name for name, law in self._laws.items() for country in law.countries}
        self._regions = {region for overlay in self._overlays.values() for region in overlay.regions}
        self._cctld = collection.core.cctld

    # -- signals as the packs know them -------------------------------------------------------------------------------

    def country(self, code: str | None) -> str | None:
        """A country's code, or NO_PACK for one without a pack, or None where none was given."""
        if not code or code in self._of_country:
            return code or None
        return code.upper() if code.upper() in self._of_country else NO_PACK

    def region(self, code: str | None) -> str | None:
        """A region's code, where any law makes a difference by it; ISO 3166-2 may say "US-FL" for "FL"."""
        own = code.upper().rpartition("-")[2] if code else None
        return own if own in self._regions else None

    def mail_country(self, address: str | None) -> str | None:
        """The country an e-mail address ends in, if it does in one that has a pack."""
        ending = address.rpartition(".")[2].lower() if address else ""
        return self.country(self._cctld.get(ending))

    def law_of(self, country: str | None) -> str:
        """The name of the pack that a country's law is in; the one for the unknown, if none."""
        return self._of_country.get(country or "", self._unknown)

    # -- the packs ----------------------------------------------------------------------------------------------------

    def applied(self, signals: Signals) -> list[Applied]:
        """Every pack that applies, the recipient's before the venue's, in the order of their signals."""
        by_pack: dict[str, dict[str, None]] = {}
        for country in self._countries(signals):
            by_pack.setdefault(self._of_country.get(country, self._unknown), {})[country] = None
        applied = [self._recipient(name, tuple(countries), signals) for name, countries in by_pack.items()]
        return [*applied, *self._origin(by_pack, signals)]

    def _countries(self, signals: Signals) -> Iterator[str]:
        """The countries whose law protects the recipient (CORE-JUR-1 to 3)."""
        strong = signals.strong
        yield from strong
        if signals.phone_country and (signals.channel != "email" or all(country == NO_PACK for country in strong)):
            yield signals.phone_country
        elif not strong:
            if signals.mail_country:
                yield signals.mail_country
            yield NO_PACK

    def _recipient(self, name: str, countries: tuple[str, ...], signals: Signals) -> Applied:
        matched = tuple(
            (name_, overlay)
            for name_, overlay in self._overlays.items()
            if overlay.base == name and self._matches(overlay, countries, signals)
        )
        return Applied(name, self._laws[name], countries, matched)

    def _matches(self, overlay: Overlay, countries: Iterable[str], signals: Signals) -> bool:
        by_area_code = signals.channel != "email" and signals.area_code in overlay.area_codes
        return by_area_code or signals.region in overlay.regions or any(c in overlay.countries for c in countries)

    def _origin(self, reached: Iterable[str], signals: Signals) -> Iterator[Applied]:
        """The venue's own law, where it follows the venue abroad (CORE-JUR-4)."""
        name = self._of_country.get(signals.venue_country or "")
        if name is None or name in reached:
            return
        law = self._laws[name]
        whole = signals.channel in law.origin_channels
        if whole or any(entry.origin_only and signals.channel in entry.channels for entry in law.consent):
            yield Applied(name, law, (signals.venue_country or "",), (), True, not whole)


# -- zones ------------------------------------------------------------------------------------------------------------


def zones(applied: Iterable[Applied], signals: Signals) -> tuple[str, ...]:
    """Every zone the guest's clock may hang in, when he has not said."""
    found: dict[str, None] = {}
    for one in applied:
        if not one.origin:
            found |= dict.fromkeys(_zones_of(one, signals))
    return tuple(found)


def _zones_of(one: Applied, signals: Signals) -> tuple[str, ...]:
    apart = [one.law.country_timezones.get(country) for country in one.countries]
    own = tuple(zone for zones in apart if zones for zone in zones)
    added = tuple(zone for _, overlay in one.overlays for zone in overlay.timezones)
    declared = all(country in signals.strong for country in one.countries)
    if (declared and all(apart)) or any(_placed(overlay, one.countries, signals) for _, overlay in one.overlays):
        return own + added
    return own + added + (one.law.timezones or (VENUE_ZONE,))


def _placed(overlay: Overlay, countries: tuple[str, ...], signals: Signals) -> bool:
    """Whether more than a phone number says that the guest is there: people move and keep their numbers."""
    if signals.region in overlay.regions:
        return True
    said = signals.strong or countries
    return any(country in overlay.countries for country in said)
