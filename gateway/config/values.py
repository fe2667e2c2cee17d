"""Values that are written as text and mean more: durations, sizes, zones, countries, addresses.

Each is an ordinary type with a `Kind` beside it: `timeout: Seconds = 30.0` is a float that config.toml gives as "30s".
A plugin's `Settings` may use them like any other type.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from msgspec import Meta

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
BYTES = {"GiB": 1 << 30, "GB": 10**9, "MiB": 1 << 20, "MB": 10**6, "KiB": 1 << 10, "kB": 10**3, "B": 1}
UNIT = re.compile(r"([0-9]+)([A-Za-z]+)")


class Hint(ValueError):
    """A value is wrong, and this may be what was meant."""


@dataclass(frozen=True, eq=False, slots=True)  # equal ones would be taken for each other by typing's cache
class Kind:
    """How a value is written: in words behind "must be", as a pattern, and read from and back into text.

    `reads` raises ValueError for what the pattern lets through and is wrong all the same: a Hint where there is one.
    """

    words: str
    pattern: str
    reads: Callable[[str], Any] = str
    writes: Callable[[Any], str] = str

    def read(self, text: str) -> Any:
        """The value of a text. Raises ValueError."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError()
        return self.reads(text)


def written(kind: Kind) -> Meta:
    """What an editor is told of a kind."""
    return Meta(extra_json_schema={"pattern": f"^({kind.pattern})$"})


# -- amounts ----------------------------------------------------------------------------------------------------------


def _amount(units: dict[str, int], text: str) -> int:
    found = UNIT.fullmatch(text)
    return int(found[1]) * units[found[2]] if found else 0


def _in_units(units: dict[str, int], amount: float) -> str:
    """The amount in the largest unit that leaves no rest."""
    largest = sorted(units.items(), key=lambda unit: -unit[1])
    unit, size = next((one for one in largest if amount and amount % one[1] == 0), largest[-1])
    return f"{int(amount // size)}{unit}"


DURATION = Kind(
    'a duration such as "30s", "5m", "48h" or "7d"',
    r"0*[1-9][0-9]{0,5}[smhd]",
    lambda text: float(_amount(SECONDS, text)),
    lambda seconds: _in_units(SECONDS, seconds),
)
Seconds = Annotated[float, DURATION, written(DURATION)]
"""A duration of at least a second, in seconds."""


def _period(text: str) -> str:
    """The period with as many letters as its number asks for."""
    if text == "never":
        return text
    number, unit = text.split(" ")
    return f"{int(number)} {unit.rstrip('s')}{'' if int(number) == 1 else 's'}"


PERIOD = Kind(
    'a stretch of the calendar such as "90 days", "12 months" or "6 years", or "never"',
    r"0*[1-9][0-9]{0,3} (day|month|year)s?|never",
    _period,
)
Period = Annotated[str, PERIOD, written(PERIOD)]
"""A whole number of days, months or years, in words; `never` ends."""

SIZE = Kind(
    'a size such as "64MB" or "1GiB"',
    r"[0-9]{1,6}(B|kB|KiB|MB|MiB|GB|GiB)",
    lambda text: _amount(BYTES, text),
    lambda size: _in_units(BYTES, size),
)
Bytes = Annotated[int, SIZE, written(SIZE)]
"""A size in bytes; MB is a million of them, MiB 2 to the 20th."""

DAILY = Kind('a number a day such as "50/day"', r"[1-9][0-9]{0,6}/day", lambda text: int(text[:-4]), "{}/day".format)
Daily = Annotated[int, DAILY, written(DAILY)]

MILLIONTHS = 1_000_000


def _money(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * MILLIONTHS + int(part.ljust(6, "0"))


def in_money(amount: int) -> str:
    """Millionths as an amount, with two digits behind the point or as many as it needs."""
    whole, part = divmod(amount, MILLIONTHS)
    return f"{whole}.{f'{part:06}'.rstrip('0'):0<2}"


MONEY = Kind('an amount of money such as "0.07" or "50"', r"[0-9]{1,9}(\.[0-9]{1,6})?", _money, in_money)
Money = Annotated[int, MONEY, written(MONEY)]
"""An amount in millionths, of whatever currency; exact."""

BRIEF = {"ms": 1, "s": 1_000}
MOMENT = Kind(
    'a short time such as "250ms" or "2s"',
    r"0*[1-9][0-9]{0,5}m?s",
    lambda text: _amount(BRIEF, text) / 1000,
    lambda seconds: _in_units(BRIEF, round(seconds * 1000)),
)
Moment = Annotated[float, MOMENT, written(MOMENT)]
"""A duration of at least a millisecond, in seconds."""

RATES = {"s": 1, "m": 60, "h": 3_600}


def _rate(text: str) -> float:
    count, unit = text.split("/")
    return int(count) / RATES[unit]


def _in_time(rate: float) -> str:
    """The rate in the smallest unit of time in which it is a whole number."""
    unit = next((unit for unit, size in RATES.items() if (rate * size).is_integer()), "h")
    return f"{round(rate * RATES[unit])}/{unit}"


RATE = Kind('a rate such as "10/s", "90/m" or "500/h"', r"[1-9][0-9]{0,5}/[smh]", _rate, _in_time)
Rate = Annotated[float, RATE, written(RATE)]
"""So many a second."""

# -- words ------------------------------------------------------------------------------------------------------------

LINE = Kind(
    "text of one line, at most 500 characters", r"[^\x00-\x1f\x7f\x85\u2028\u2029]{0,500}", lambda text: text.strip()
)
Line = Annotated[str, LINE, written(LINE)]
"""Text such as a name, in which nothing can end a header."""

SLUG = Kind("a name of 1 to 40 of a-z, 0-9, _ and -, not beginning with a sign", r"[a-z0-9][a-z0-9_-]{0,39}")
Slug = Annotated[str, SLUG, written(SLUG)]
"""A name that fits into file names, metrics and variables."""

CATEGORY = Kind("a category: 1 to 64 of a-z, 0-9, _ . and -, not beginning with a sign", r"[a-z0-9][a-z0-9_.-]{0,63}")
Category = Annotated[str, CATEGORY, written(CATEGORY)]
"""What messages are about, as whoever sends them calls it."""

FOLDER = Kind("the path of a folder", r"[^\x00]+", Path)
Folder = Annotated[Path, FOLDER, written(FOLDER)]

FILE = Kind("the path of a file", r"[^\x00]+", Path)
File = Annotated[Path, FILE, written(FILE)]

COLOUR = Kind('a colour such as "#0b6e4f"', r"(#[0-9A-Fa-f]{6})?", str.lower)
Colour = Annotated[str, COLOUR, written(COLOUR)]
"""Red, green and blue as hexadecimal numbers, in lower case; empty for none."""

# -- places and languages ---------------------------------------------------------------------------------------------


def _zone(text: str) -> str:
    known = sorted(available_timezones())
    if text in known:
        return text
    wanted = text.casefold().replace(" ", "_")
    same = [zone for zone in known if wanted in (zone.casefold(), zone.casefold().rpartition("/")[2])]
    near = same or difflib.get_close_matches(text, known, 1)
    raise Hint(f'did you mean "{near[0]}"?') if near else ValueError()


ZONE = Kind('a time zone such as "Europe/Lisbon"', r".+", _zone)
Zone = Annotated[str, ZONE, written(ZONE)]


def _country(text: str) -> str:
    codes = countries()
    if text in codes.values():
        return text
    wanted = text.casefold()
    near = next((code for name, code in codes.items() if wanted in (name.casefold(), code.casefold())), None)
    raise Hint(f'did you mean "{near}"?') if near else ValueError()


@cache
def countries() -> dict[str, str]:
    """Every country's ISO 3166 code by its English name, from the table that comes with the time zones."""
    table = resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    return {name: code for code, name in rows} | {"UK": "GB", "United Kingdom": "GB", "USA": "US"}


COUNTRY = Kind('a country\'s two letters, such as "PT"', r".+", _country)
Country = Annotated[str, COUNTRY, written(COUNTRY)]

REGION = Kind('a state or province of one to three capitals or digits, such as "FL"', r"[A-Z0-9]{1,3}")
Region = Annotated[str, REGION, written(REGION)]


def _language(text: str) -> str:
    """The tag in its usual spelling."""
    first, *rest = text.split("-")
    return "-".join([first.lower(), *(part.title() if len(part) == 4 else part.upper() for part in rest)])


LANGUAGE = Kind(
    'a language such as "pt", "pt-BR" or "zh-Hant"',
    r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?",
    _language,
)
Language = Annotated[str, LANGUAGE, written(LANGUAGE)]

# -- addresses --------------------------------------------------------------------------------------------------------

LABEL = r"[^\W_]([\w-]{0,61}[^\W_])?"
EMAIL = Kind(
    'an e-mail address such as "hello@quinta.example"',
    rf"([^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{{1,64}}@({LABEL}\.)+{LABEL})?",
)
Email = Annotated[str, EMAIL, written(EMAIL)]
"""An address without a name or brackets; empty for none."""

DOMAIN = Kind(
    'the domain of an address such as "gmail.com"',
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}",
    str.lower,
)
Domain = Annotated[str, DOMAIN, written(DOMAIN)]
"""What stands behind the at sign, as mail servers write it (`xn--…`), in lower case."""

PHONE = Kind('a phone number in its international form, such as "+351219000000"', r"(\+[1-9][0-9]{6,14})?")
Phone = Annotated[str, PHONE, written(PHONE)]
"""A number in E.164; empty for none."""


def _host(text: str) -> str:
    return str(ip_address(text)) if ":" in text else text.lower()


HOST = Kind(
    'a host name or an IP address, without a port, such as "127.0.0.1"',
    r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*",
    _host,
)
Host = Annotated[str, HOST, written(HOST)]
"""A name or an address to listen on."""


def loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(text: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text)
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if not bare or parts.port == 0 or not parts.hostname:  # a port that is no number raises
        raise ValueError()
    if parts.scheme == "http" and not loopback(HOST.read(parts.hostname)):
        raise Hint("http:// is for addresses of this machine only")
    return f"{parts.scheme}://{parts.netloc.lower()}"


ORIGIN = Kind('an address such as "https://messages.quinta.example", without a path', r"(https?://[!-~]+)?", _origin)
Origin = Annotated[str, ORIGIN, written(ORIGIN)]
"""Scheme, host and port, without a slash at the end; http is for this machine only. Empty for none."""


def _url(text: str) -> str:
    parts = urlsplit(text)
    if text and (not parts.hostname or "@" in parts.netloc or parts.port == 0):
        raise ValueError()
    if parts.scheme == "http" and not loopback(HOST.read(parts.hostname or "")):
        raise Hint("http:// is for addresses of this machine only")
    return text


URL = Kind('an address such as "https://log.quinta.example/checkpoints"', r"(https?://[!-~]+)?", _url)
Url = Annotated[str, URL, written(URL)]
"""An address to send to; http is for this machine only. Empty for none."""


def _network(text: str) -> str:
    network = ip_network(text, strict=False)
    if "/" in text and ip_address(text.partition("/")[0]) != network.network_address:
        raise Hint(f'did you mean "{network}"?')
    return str(network)


def _opening(text: str) -> str:
    address, colon, port = text.rpartition(":")
    if not colon or (":" in address and not address.endswith("]")):
        return _network(text)
    if not 1 <= int(port) <= 65_535:
        raise ValueError()
    return f"{ip_address(address)}:{port}" if "[" not in address else f"[{ip_address(address.strip('[]'))}]:{port}"


OPENING = Kind(
    'a network such as "10.0.0.0/8", or an address with a port such as "10.0.0.5:8443"',
    r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?|([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}",
    _opening,
)
Opening = Annotated[str, OPENING, written(OPENING)]
"""A network at the usual port, or one address at a port of its own."""

NETWORK = Kind('an IP address or a network such as "10.0.0.0/8"', r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?", _network)
Network = Annotated[str, NETWORK, written(NETWORK)]
"""A network as address and length; a single address has its full length."""
