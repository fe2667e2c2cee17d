"""What guests choose by: the venue's categories, under names that a guest understands."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from gateway.catalogue import Catalogue
from gateway.config import Config
from gateway.model import MessageClass
from gateway.rules import BY_CONSENT
from gateway.store import series
from gateway.store.db import Database

About = Literal["offers", "event", "booking"]
MOST = 30
"""How many a page shows where config.toml names none."""
CLASSES: dict[About, MessageClass] = {"offers": "marketing", "event": "informational", "booking": "transactional"}
"""The class that messages of a kind have."""


class Topic(Struct, frozen=True):
    """A category as guests know it. `alone`: there is no other of its kind. `home`: the venue's language."""

    category: str
    about: About
    alone: bool
    home: str
    names: Mapping[str, str] = {}
    hints: Mapping[str, str] = {}

    @property
    def class_(self) -> MessageClass:
        """The class that messages about it have."""
        return CLASSES[self.about]

    @property
    def stops(self) -> tuple[str, ...]:
        """The classes that a stop of it is about: offers and nothing else, or all that can be said no to."""
        return ("marketing",) if self.about == "offers" else BY_CONSENT

    def name(self, words: Catalogue) -> str:
        """What it is called in a language; the category itself where nobody gave it a name."""
        said = self._said(self.names, words)
        return said or (words.say(f"topics.{self.about}") if self.alone else _plain(self.category))

    def hint(self, words: Catalogue) -> str:
        """What is in it."""
        known = "" if self.about == "offers" else words.say(f"topics.{self.about}_hint")
        return self._said(self.hints, words) or known

    def _said(self, texts: Mapping[str, str], words: Catalogue) -> str:
        by_language = {tag.partition("-")[0].lower(): text for tag, text in texts.items()}
        return by_language.get(words.language) or by_language.get(self.home) or next(iter(texts.values()), "")


class Topics:
    """The venue's topics: those of config.toml, or where it has none, what messages have been about so far."""

    def __init__(self, db: Database, config: Config):
        self._db, self._config = db, config

    def all(self) -> list[Topic]:
        """Every topic, in the order it is shown in."""
        kinds: dict[str, About] = {category: table.about for category, table in self._config.topics.items()}
        kinds = kinds or {category: _about(classes) for category, classes in self._seen()}
        return sorted((self._topic(category, kinds) for category in kinds), key=_place)

    def of(self, category: str | None) -> Topic | None:
        """The topic of a category."""
        return next((topic for topic in self.all() if topic.category == category), None)

    def _seen(self) -> list[tuple[str, str]]:
        return series.categories(self._db.reader, MOST)

    def _topic(self, category: str, kinds: Mapping[str, About]) -> Topic:
        about, table = kinds[category], self._config.topics.get(category)
        alone = list(kinds.values()).count(about) == 1
        home = self._config.venue.language.partition("-")[0].lower()
        return Topic(category, about, alone, home, *((table.name, table.hint) if table else ()))


def _about(classes: str) -> About:
    """The kind of a category by the classes its messages had: one offer in it makes it offers."""
    has = set(classes.split(","))
    return next((about for about, class_ in CLASSES.items() if class_ in has), "booking")


def _place(topic: Topic) -> int:
    """Offers are last: what a guest needs goes before what the venue would like."""
    return ("event", "booking", "offers").index(topic.about)


def _plain(category: str) -> str:
    return category.replace("-", " ").replace("_", " ").replace(".", " ").capitalize()
