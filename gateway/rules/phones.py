"""Where a phone number belongs, from the number alone."""

from functools import lru_cache
from typing import Any

NORTH_AMERICA = "1"
REMEMBERED = 8
"""Digits that decide the country, also where several share a calling code, of a number that is long enough."""
MOST = 100_000

_known: dict[tuple[str, int], str | None] = {}


def country_of_phone(e164: str | None) -> tuple[str | None, str | None]:
    """The country of a number such as "+12065550100", and for North America its area code; (None, None) for anything
    that is not a number of a country."""
    digits = e164[1:] if e164 and e164[0] == "+" else ""
    if not (7 <= len(digits) <= 15 and digits.isascii() and digits.isdigit()):
        return None, None
    start = digits[:REMEMBERED], len(digits)
    if start not in _known:
        if len(_known) >= MOST:
            _known.clear()
        _known[start] = _country(digits)
    country = _known[start]
    return country, digits[1:4] if country and digits[0] == NORTH_AMERICA else None


def _country(digits: str) -> str | None:
    """The allocated range's country; for a range that is not allocated, the first country of its calling code."""
    phonenumbers = _phonenumbers()
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(
        number.country_code
    )
    return region if region.isalpha() and region != "ZZ" else None


@lru_cache
def _phonenumbers() -> Any:
    import phonenumbers  # noqa: PLC0415 a large package that only phone channels need

    return phonenumbers
