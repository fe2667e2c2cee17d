"""The gateway's own words to guests, in every language it speaks: a catalogue per language, one file each.

A phrase is named by its table and its key, `unsubscribe.heading`. `{name}` in it is filled by whoever says it; a phrase
about a number is a table of forms, `one` and `other` and whatever else CLDR knows of that language.
"""

import tomllib
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

FOLDER = Path(__file__).parent
LANGUAGES = {"de": "Deutsch", "en": "English", "es": "Español", "fr": "Français", "pt": "Português"}
"""What the gateway speaks, each by its own name for itself."""
SPOKEN_IN = {"pt": "pt_PT", "en": "en_GB"}
"""Whose rules and dates are meant where a language alone does not say: Portuguese is Portugal's."""


class Catalogue(Struct, frozen=True):
    """All phrases of one language."""

    language: str
    phrases: dict[str, Any]

    def phrase(self, key: str, n: int | None = None, /) -> str:
        """A phrase as it is written, its `{names}` still to be filled; of one about a number, the form for it. Raises
        KeyError for a key that no catalogue has."""
        table, _, name = key.partition(".")
        found = self.phrases[table][name]
        if isinstance(found, str):
            return found
        form = self._locale().plural_form(n)
        return found[form] if form in found else found["other"]

    def say(self, key: str, n: int | None = None, /, **values: Any) -> str:
        """A phrase with everything filled in, as plain text."""
        return self.phrase(key, n).format(n=n, **values)

    def day(self, moment: int, zone: str) -> str:
        """The day of a moment (ms) in a time zone: 11 June 2027, 11. Juni 2027."""
        from babel.dates import format_date  # noqa: PLC0415 100 ms that only a page with a date has to pay

        return format_date(_at(moment, zone).date(), "long", locale=self._locale())

    def minute(self, moment: int, zone: str) -> str:
        """A moment (ms) in a time zone, to the minute: 11 June 2027, 13:41."""
        return f"{self.day(moment, zone)}, {_at(moment, zone):%H:%M}"

    def _locale(self) -> Any:
        from babel import Locale  # noqa: PLC0415 the same, for a number

        return Locale.parse(SPOKEN_IN.get(self.language, self.language))


def _at(moment: int, zone: str) -> datetime:
    return datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))


@lru_cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of one of LANGUAGES."""
    return Catalogue(language, tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8")))


def words_of(tag: str | None) -> Catalogue:
    """The catalogue for a tag such as `pt-BR`; the English one for a language that is not spoken here."""
    return catalogue(spoken(tag) or "en")


def spoken(tag: str | None) -> str | None:
    """The language of a tag such as `pt-BR`, if it is one of LANGUAGES."""
    first = (tag or "").partition("-")[0].lower()
    return first if first in LANGUAGES else None


def preferred(header: str) -> str | None:
    """The language of an Accept-Language header (RFC 9110 §12.5.4) that is liked best of those we speak."""
    wanted = []
    for place, part in enumerate(header[:1000].split(",")):
        tag, _, weight = part.partition(";")
        language = spoken(tag.strip())
        if language is not None and (liking := _weight(weight)) > 0:
            wanted.append((-liking, place, language))
    return min(wanted)[2] if wanted else None


def _weight(text: str) -> float:
    """The number in `q=0.8`; 1 where there is none, 0 for what is no weight."""
    name, _, number = text.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(number) if name == "q" else 0.0
    except ValueError:
        return 0.0
