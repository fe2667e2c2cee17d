"""What a guest's answer means (CORE-OPT-1 to 6, CORE-SUP-8, US-TCPA-7)."""

import pytest

from gateway.errors import NotUsable
from gateway.rules import Heard, Inbound, Pack, Rulebook, Stop
from gateway.rules.policy import PolicyTable
from tests.rules_cases import NOW, at, book, packs

BY_CONSENT = ("marketing", "informational", "transactional")


def hear(text: str, channel: str = "sms", country: str | None = "US", now: int = NOW, **more) -> Heard:
    """What this answer means."""
    return book().hear(Inbound(channel=channel, text=text, country=country, now=now, **more))


KEYWORDS = [
    "stop", "stopall", "quit", "end", "revoke", "optout", "opt out", "cancel", "unsubscribe", "remove", "alto", "parar",
    "baja", "basta", "cancelar", "arret", "arrêt", "désabonner", "desabonner", "stopp", "abmelden", "abbestellen",
    "ferma", "annulla", "disiscrivimi", "pare", "sair", "descadastrar", "afmelden", "停止", "配信停止", "退订", "توقف",
]  # fmt: skip


@pytest.mark.parametrize("word", KEYWORDS)
def test_a_keyword_of_any_language_stops(word: str):
    """CORE-OPT-1: whatever the guest's language is, in capitals too; the number gets nothing that rests on consent."""
    for text in (word, word.upper(), f"  {word}.\n"):
        heard = hear(text, country="PT")
        assert (heard.action, heard.reasons) == ("opt_out", ("CORE-OPT-1",))
        assert heard.suppression == Stop("channel", ("sms",), BY_CONSENT, "inbound_keyword")
        assert heard.confirmation_until == NOW + 300_000


@pytest.mark.parametrize(
    "text",
    ["STOP", "“Stop!”", "\uff33\uff34\uff2f\uff30", "🛑 stop 🛑️", "*STOP*", "'stop'", "s-t-o-p", "¡Alto!", "Opt-Out",
     "opt_out", "opt   out", "ARRÊT", "arre\u0302t", "STOP\u200b", "stop\ufe0f", "Un\u2013subscribe", "...stop..."],
)  # fmt: skip
def test_dress_makes_no_difference(text: str):
    """Case, width, accents, quotes, punctuation, emoji, gaps and what cannot be seen are evened out."""
    assert hear(text).reasons == ("CORE-OPT-1",)


@pytest.mark.parametrize(
    "text",
    ["Stop texting me", "please remove me", "No more messages!!", "take me off your list", "Leave me alone.", "no mas",
     "¡No más!", "Please stop", "STOP STOP STOP", "stop, thank you", "Hi, please opt out", "don't text me again",
     "I said: STOP TEXTING ME", "Bitte abmelden", "Arrêtez de m\u2019écrire", "メールを配信停止してください", "请退订",
     "stop it", "I am not a guest. Stop texting me", "Would you please stop", "Please stop these texts",
     "Quit texting me", "I want to opt out", "No quiero más mensajes", "Arrêtez ces messages",
     "No more text messages please", "Take my number off your list", "I don't want to receive these",
     "Désabonnez-moi", "Bitte melden Sie mich ab"],
)  # fmt: skip
def test_what_a_reasonable_person_reads_as_stop_stops(text: str):
    """CORE-OPT-2: in the guest's own words."""
    heard = hear(text)
    assert (heard.action, heard.reasons) == ("opt_out", ("CORE-OPT-2",))


@pytest.mark.parametrize(
    "text",
    ["can't stop smiling", "cancel my table for 6", "bus stop", "Is there a bus-stop nearby?",
     "We arrive at the end of June", "please don't stop texting me", "did you stop texting me?",
     "エレベーターが停止しています", "how do I opt out?", "Reply STOP to end",
     "Could the bus please stop at our hotel?", "I do not want to opt out"],
)  # fmt: skip
def test_what_may_mean_something_else_is_read_by_a_person(text: str):
    """CORE-OPT-3: a keyword in it, and another meaning too."""
    assert hear(text) == Heard("hold_review", ("CORE-OPT-3",))


@pytest.mark.parametrize(
    "text",
    ["", "🙂", "See you on Friday", "nonstop flight", "weekend", "We are unstoppable", "thank you",
     "You never contact me", "I want to receive your offers"],
)  # fmt: skip
def test_anything_else_is_nothing(text: str):
    """A word that only begins like one is none."""
    assert hear(text) == Heard("none")


@pytest.mark.parametrize("word", ["CANCEL", "End", "cancelar", "annulla"])
def test_a_bare_cancel_with_an_open_booking_stops_and_is_asked_about(word: str):
    """CORE-OPT-4: it counts as a stop, and somebody looks at the booking; other words and guests are not asked."""
    assert hear(word, open_booking=True).reasons == ("CORE-OPT-1", "CORE-OPT-4")
    assert hear(word).reasons == hear(word, open_booking=False).reasons == ("CORE-OPT-1",)
    assert hear("STOP", open_booking=True).reasons == ("CORE-OPT-1",)
    assert hear(f"{word} please", open_booking=True).action == "hold_review"
    assert hear(f"{word} please").action == "opt_out"


@pytest.mark.parametrize("word", ["HELP", "info", "Aide", "Hilfe!"])
def test_help_is_help(word: str):
    """CORE-OPT-6: also for who has said stop."""
    assert hear(word) == Heard("help", ("CORE-OPT-6",))


def test_a_yes_is_one_only_to_a_question():
    """CORE-OPT-6: START always opts in, YES only while somebody waits for it."""
    assert hear("START") == hear("unstop.") == Heard("opt_in", ("CORE-OPT-6",))
    for word in ("Yes!", "oui", "JA"):
        assert hear(word) == Heard("none")
        assert hear(word, pending_optin_prompt=True) == Heard("opt_in", ("CORE-OPT-6",))


def test_from_a_day_on_a_stop_in_america_is_about_calls_too():
    """US-TCPA-7: waived until 31 January 2027, unless the house begins earlier; elsewhere and on WhatsApp never."""
    before, day = at("2027-01-30T23:59:59Z"), at("2027-01-31T00:00:00Z")
    assert hear("STOP", now=before).suppression.channels == ("sms",)
    later = hear("STOP", now=day)
    assert (later.suppression.channels, later.reasons) == (("sms", "voice"), ("CORE-OPT-1", "US-TCPA-7"))
    early = PolicyTable(revoke_all_early=True)
    assert hear("STOP", now=before, policy=early).suppression.channels == ("sms", "voice")
    assert hear("STOP", now=day, country="PR").suppression.channels == ("sms", "voice")
    for other in ({"country": "CA"}, {"country": None}, {"channel": "whatsapp"}):
        assert len(hear("STOP", **({"now": day} | other)).suppression.channels) == 1


def test_a_stop_in_a_mail_is_about_advertising():
    """CORE-SUP-8 is about numbers; a mail that says unsubscribe leaves bookings alone."""
    assert hear("Unsubscribe", "email").suppression == Stop("channel", ("email",), ("marketing",), "inbound_keyword")


def test_a_house_may_confirm_in_less_time():
    """CORE-OPT-5: 300 seconds at most."""
    assert hear("STOP", policy=PolicyTable(confirmation_seconds=60)).confirmation_until == NOW + 60_000


def test_another_pack_adds_words_and_takes_none_away():
    """A plugin for a country brings its language."""
    polish = Pack.from_toml('schema = 1\nversion = "2026-11-24"\n[keywords]\npl = ["rezygnuję"]\n', "pl.toml")
    both = Rulebook([*packs(), polish])
    assert both.hear(Inbound(channel="sms", text="REZYGNUJE", now=NOW)).action == "opt_out"
    assert both.hear(Inbound(channel="sms", text="stop", now=NOW)).action == "opt_out"
    assert hear("rezygnuję").action == "none"


@pytest.mark.parametrize("words", ['pl = ["start"]', 'en = ["yes"]', 'en = ["!"]', 'english = ["halt"]'])
def test_a_word_cannot_mean_stop_and_something_else(words: str):
    """The start is refused, naming the pack, for a word that is an answer already or no word at all."""
    with pytest.raises(NotUsable, match=r"mine\.toml: keywords"):
        Rulebook([*packs(), Pack.from_toml(f'schema = 1\nversion = "2026-11-24"\n[keywords]\n{words}\n', "mine.toml")])
