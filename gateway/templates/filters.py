"""The filters of templates: those of Liquid that cannot be made to eat the machine, and those that know the language.

What is left out: filters that escape (the gateway escapes by itself, by context), that read the clock, that decode.
"""

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

import liquid.builtin as theirs
from babel import Locale, UnknownLocaleError, dates, numbers
from liquid.builtin.filters import string
from liquid.exceptions import FilterArgumentError, LiquidError

from gateway.templates.escapes import plain
from gateway.templates.variables import moment

LONGEST = 200_000
"""Characters a filter may make."""
PLAIN = (
    "abs", "append", "at_least", "at_most", "capitalize", "ceil", "compact", "default", "divided_by", "downcase",
    "first", "floor", "last", "lstrip", "map", "minus", "modulo", "plus", "prepend", "remove", "reverse", "round",
    "rstrip", "size", "slice", "sort", "split", "squish", "strip", "strip_newlines", "sum", "times", "truncate",
    "truncatewords", "uniq", "upcase", "where",
)  # fmt: skip
"""Filters of Liquid taken as they are: none gives more than a few times what it was given."""
RENAMED = {"abs": "abs_", "map": "map_", "round": "round_", "slice": "slice_", "sum": "sum_"}
LONGEST_PATTERN = 40


class TooMuch(LiquidError):
    """A filter was asked for more than a message can hold."""


def every(language: str) -> dict[str, Callable[..., Any]]:
    """The filters of a template in this language, by name."""
    plain = {name: getattr(theirs, RENAMED.get(name, name)) for name in PLAIN}
    return plain | {"join": join, "replace": replace} | local(language)


def replace(value: Any, old: Any, new: Any = "") -> str:
    """Every `old` in the value as `new`."""
    text, old, new = map(str, (value, old, new))
    if text.count(old) * len(new) + len(text) > LONGEST:
        raise TooMuch("too much", token=None)
    return string.replace(text, old, new)


def join(value: Any, between: Any = " ") -> str:
    """The items of a list, with something between them."""
    items, between = value if isinstance(value, list) else [value], str(between)
    if len(items) * len(between) > LONGEST:
        raise TooMuch("too much", token=None)
    return between.join(map(plain, items))


def local(language: str) -> dict[str, Callable[..., Any]]:
    """Dates, numbers and money as they are written in a language (CLDR)."""
    locale = locale_of(language)

    def date(value: Any, style: str = "long") -> str:
        return dates.format_date(_moment(value), _style(style), locale)

    def time_(value: Any, style: str = "short") -> str:
        return dates.format_time(_time(_moment(value)), _style(style), locale=locale)

    def number(value: Any) -> str:
        return numbers.format_decimal(_number(value), locale=locale)

    def money(value: Any, currency: str) -> str:
        if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
            raise FilterArgumentError("a currency is three capital letters", token=None)
        return numbers.format_currency(_number(value), currency, locale=locale)

    return {"date": date, "time": time_, "number": number, "money": money}


def locale_of(language: str) -> Locale:
    """The conventions of a language, of a wider one where nobody knows them, of English in the end."""
    parts = language.split("-")
    while parts:
        try:
            return Locale.parse("-".join(parts), sep="-")
        except (UnknownLocaleError, ValueError):
            parts.pop()
    return Locale("en")


def _moment(value: Any) -> Any:
    try:
        return moment(str(value))
    except ValueError:
        raise FilterArgumentError("not a date", token=None) from None


def _time(value: Any) -> Any:
    return value.timetz() if isinstance(value, datetime) else time()


def _style(style: Any) -> str:
    if not isinstance(style, str) or len(style) > LONGEST_PATTERN:
        raise FilterArgumentError("a style is short, medium, long, full or a pattern", token=None)
    return style


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FilterArgumentError("not a number", token=None)
    return value
