"""What the gateway itself writes when it asks a guest to confirm something; one file of `catalogue/` a language."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct, convert

from gateway.templates import chain

CATALOGUE = Path(__file__).parent / "catalogue"


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """One language. `confirm` answers a guest who asked for it, `ask` writes to one who did not; each as a mail and as
    a text message. `standard` is what is agreed to over a channel where the venue keeps no wording of its own."""

    confirm_subject: str
    confirm: str
    confirm_short: str
    ask_subject: str
    ask: str
    ask_short: str
    topics: str
    standard: dict[str, str]


@cache
def languages() -> dict[str, Words]:
    """Every language there is."""
    return {file.stem: convert(tomllib.loads(file.read_text()), Words) for file in sorted(CATALOGUE.glob("*.toml"))}


def words_for(language: str | None, venue_language: str) -> tuple[str, Words]:
    """The words a guest of this language reads, and which language they are in."""
    known = languages()
    found = next(one for one in (*chain(language, venue_language), "en") if one in known)
    return found, known[found]


def standard(words: Words, venue: str, channels: Sequence[str], categories: Sequence[str]) -> str:
    """What is agreed to, a whole sentence for each channel."""
    lines = [words.standard[channel].format(venue=venue) for channel in channels]
    if "*" not in categories:
        lines.append(words.topics.format(topics=", ".join(categories)))
    return "\n".join(lines)
