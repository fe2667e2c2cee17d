"""The gateway's own words to guests: the same phrases in every language, and none that a guest would stumble over."""

import re
import string

import pytest

from gateway.catalogue import LANGUAGES, catalogue, preferred, spoken

FORBIDDEN = {
    "en": "dispatch queue suppress purge validate error invalid oops please successfully",
    "de": "bitte erfolgreich ungültig fehler hoppla validieren warteschlange",
    "es": "favor error éxito inválido inválida ups validar",
    "fr": "veuillez plaît erreur invalide succès oups valider",
    "pt": "favor erro sucesso inválido inválida ups validar",
}
"""What is not said, in each language: the machine's verbs, false regret, begging."""
ALLOWED = {("fr", "unsubscribe.undo")}
FAMILIAR = {
    "de": "du dich dir dein deine deinen", "es": "tú tu tus te contigo", "fr": "tu te toi ton tes",
    "pt": "tu te ti teu tua você", "en": "",
}  # fmt: skip
"""How strangers are not spoken to."""


def phrases(language):
    """Every phrase of a language by its key; of one about a number, each form."""
    found = {}
    for table, keys in catalogue(language).phrases.items():
        for key, phrase in keys.items():
            forms = {f"{table}.{key}": phrase} if isinstance(phrase, str) else phrase
            found |= {name if name.startswith(table) else f"{table}.{key}.{name}": text for name, text in forms.items()}
    return found


def keys(language):
    return {(table, key) for table, named in catalogue(language).phrases.items() for key in named}


def names(text):
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_the_same_phrases(language):
    """A key that one lacks would break that page for whoever reads this language; and each is filled alike."""
    assert keys(language) == keys("en")
    for table, key in keys("en"):
        ours, theirs = (catalogue(one).phrases[table][key] for one in (language, "en"))
        assert isinstance(ours, str) == isinstance(theirs, str), key
        if isinstance(ours, str):
            assert names(ours) == names(theirs), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_is_in_the_machines_words_or_too_familiar(language):
    """No word of the list, no exclamation mark, nothing that is HTML; strangers are spoken to as such."""
    forbidden = set(f"{FORBIDDEN[language]} {FAMILIAR[language]}".split())
    for key, text in phrases(language).items():
        words = set(re.findall(r"\w+", text.lower()))
        assert (language, key) in ALLOWED or not words & forbidden, (key, words & forbidden)
        assert not set(text) & set('!<>&"'), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_is_much_longer_than_the_english_one(language):
    """Pages have room for 40 % more, and 20 letters: what takes more is said shorter."""
    english = phrases("en")
    long = {key: text for key, text in phrases(language).items() if len(text) > len(english.get(key, text)) * 1.4 + 20}
    assert long == {}


def test_a_browsers_language_is_the_best_liked_that_is_spoken():
    """By weight, then by place; what is refused or not spoken is passed over, and nonsense is none."""
    for header, language in {
        "de-CH, de;q=0.9, en;q=0.8": "de", "nl, fr;q=0.4, pt-BR;q=0.6": "pt", "es;q=0, en;q=0.1": "en", "ja": None,
        "": None, "*": None, "de;q=x, fr;q=0.2": "fr", ",;=,,": None,
    }.items():  # fmt: skip
        assert preferred(header) == language, header
    assert (spoken("pt-BR"), spoken("nl"), spoken(None)) == ("pt", None, None)


def test_numbers_and_days_are_said_as_people_say_them():
    """Plural forms by the rules of each language; a day in the zone it is asked for."""
    forms = {"one": "{n} day", "other": "{n} days"}
    english = catalogue("en")
    counted = type(english)("en", {"x": {"days": forms}})
    assert [counted.say("x.days", number) for number in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
    french = type(english)("fr", {"x": {"days": forms}})
    assert [french.say("x.days", number) for number in (0, 1, 2)] == ["0 day", "1 day", "2 days"]
    at = 1_812_668_460_000  # 2027-06-10T23:01:00Z
    assert english.minute(at, "Europe/Lisbon") == "11 June 2027, 00:01"
    assert catalogue("pt").day(at, "UTC") == "10 de junho de 2027"
    assert catalogue("de").day(at, "Europe/Lisbon") == "11. Juni 2027"
