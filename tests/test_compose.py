"""What a law asks for is put in, and found again in the finished bytes or reported missing."""

import pytest

from gateway.catalogue import LANGUAGES
from gateway.channel import Sender
from gateway.compose import Declared, Letter, Means, Ways, finish, missing, possible

LINK = "https://stay.example/u/abc"
WAYS = Ways(LINK)
SENDER = Sender("Quinta das Flores", "hello@quinta.example", "", "Rua das Flores 1, 2710 Sintra", "+351 219 000 000")
MAIL = Means(SENDER, "https://stay.example", headers=True, email=True)
TEXT = Means(SENDER, "https://stay.example", headers=False, email=False)
ALL = frozenset({"sender_identity", "postal_address", "contact_point", "unsubscribe", "ad_label"})
LETTER = Letter("Spring", "The garden opens.", "<html><body><p>The garden opens.</p></body></html>")


@pytest.mark.parametrize("language", [*LANGUAGES, "pt-BR", "ja"])
@pytest.mark.parametrize("means", [MAIL, TEXT], ids=["mail", "text"])
def test_everything_required_is_in_it(means, language):
    """In every language we have words for, and in English where we have none; the bare letter lacks all of it."""
    letter = finish(LETTER, ALL, means, WAYS, language)
    assert missing(letter.text.encode(), ALL, means, LINK, language) == []
    assert missing(LETTER.text.encode(), ALL, means, LINK, language) == sorted(ALL)


def test_nothing_required_changes_nothing():
    """A booking stays as the venue wrote it."""
    assert finish(LETTER, frozenset(), MAIL, Ways(), "en") == LETTER


def test_one_click_headers_go_where_headers_go():
    """A mail gets both of RFC 8058; a text message, which has none, gets none."""
    headers = dict(finish(LETTER, ALL, MAIL, WAYS, "en").headers)
    assert headers == {"List-Unsubscribe": f"<{LINK}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    assert finish(LETTER, ALL, TEXT, WAYS, "en").headers == ()


def test_a_mail_names_every_way_out():
    """The mailbox stands behind the one-click link in the header; the page to choose on is in the foot of text and
    HTML, and of neither where there is no such page."""
    ways = Ways(LINK, "https://stay.example/p/def", "mailto:stop@quinta.example?subject=unsubscribe%20abc")
    letter = finish(LETTER, ALL, MAIL, ways, "de")
    header = dict(letter.headers)["List-Unsubscribe"]
    assert header == f"<{LINK}>, <mailto:stop@quinta.example?subject=unsubscribe%20abc>"
    assert "Nach Thema wählen: https://stay.example/p/def\n" in letter.text
    assert '<a href="https://stay.example/p/def">Nach Thema wählen</a></p></body>' in letter.html
    assert "Thema" not in finish(LETTER, ALL, MAIL, WAYS, "de").text


def test_the_foot_of_html_is_inside_its_body_and_escaped():
    """A name with markup in it stays a name."""
    means = Means(Sender("Flores & <Filhos>", "hello@quinta.example"), "https://stay.example", True, True)
    html = finish(LETTER, frozenset({"sender_identity"}), means, WAYS, "en").html
    assert html.index("Flores &amp; &lt;Filhos&gt;") < html.index("</body>")
    assert "<Filhos>" not in html


@pytest.mark.parametrize("element", sorted(ALL))
def test_each_element_is_missed_by_its_own_name(element):
    """Take one out and that one is named, no other."""
    text = finish(LETTER, ALL - {element}, TEXT, WAYS, "en").text
    assert missing(text.encode(), ALL, TEXT, LINK, "en") == [element]


def test_an_element_nobody_knows_is_never_found():
    """A rule pack asks for something we cannot put in: that denies."""
    required = frozenset({"sender_identity", "seal_of_the_king"})
    text = finish(LETTER, required, TEXT, WAYS, "en").text
    assert missing(text.encode(), required, TEXT, LINK, "en") == ["seal_of_the_king"]


def test_only_what_is_configured_is_possible():
    """Without an address or a place for links neither is promised; with them both are."""
    bare = possible(Means(Sender("Quinta"), "", headers=True, email=True), Declared())
    assert (bare.postal_address, bare.unsubscribe, bare.list_unsubscribe_post) == (False, False, False)
    full = possible(MAIL, Declared())
    assert (full.postal_address, full.unsubscribe, full.list_unsubscribe_post) == (True, True, True)
