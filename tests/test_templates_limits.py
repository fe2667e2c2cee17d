"""The limits of templates at their edges: one within is taken, one beyond is refused, and no bomb goes off."""

import sys
import time

import pytest

from gateway.errors import BadTemplate, Invalid
from gateway.templates import Variable, Words
from gateway.templates.press import Press, make
from tests.running import running

LIST = Variable(type="list", items=Variable(type="integer"))


def printed(text, **values):
    """A text printed with values nobody declared."""
    return Press(make(Words(text=text), "en"), "en").print(values).text


def code(act, *arguments, **more):
    """The code of the only fault, None when there is none."""
    try:
        act(*arguments, **more)
    except BadTemplate as error:
        (fault,) = error.faults
        return fault.code
    return None


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        (("{{ a }}" * 20, {"a": "x" * 9_999}), ("{{ a }}" * 21, {"a": "x" * 9_999}), "too-large"),
        (("{{ a }}" * 20, {"a": "é" * 4_999}), ("{{ a }}" * 21, {"a": "é" * 4_999}), "too-large"),
        (("{% for i in (1..2000) %}x{% endfor %}", {}),
         ("{% for i in (1..2001) %}x{% endfor %}", {}), "too-many-steps"),
        (("{% for i in (1..40) %}{% for j in (1..50) %}x{% endfor %}{% endfor %}", {}),
         ("{% for i in (1..40) %}{% for j in (1..51) %}x{% endfor %}{% endfor %}", {}), "too-many-steps"),
        (("{% for i in (1..1000) %}" + "x" * 200 + "{% endfor %}", {}),
         ("{% for i in (1..1001) %}" + "x" * 200 + "{% endfor %}", {}), "too-large"),
        (("{{ a | replace: 'x', b }}", {"a": "x" * 20, "b": "y" * 9_999}),
         ("{{ a | replace: 'x', b }}", {"a": "x" * 21, "b": "y" * 9_999}), "too-much"),
        (("{{ a | join: b }}", {"a": ["x"] * 20, "b": "y" * 9_999}),
         ("{{ a | join: b }}", {"a": ["x"] * 21, "b": "y" * 9_999}), "too-much"),
        (("{% assign b = a | append: a %}x", {"a": "x" * 24_900}),
         ("{% assign b = a | append: a %}x", {"a": "x" * 25_000}), "too-much"),
        (("{{ a }}", {"a": "x" * 49_991}), ("{{ a }}", {"a": "x" * 49_993}), "too-large"),
        (("x{{ a }}", {"a": ""}), (" {{ a }}", {"a": " "}), "empty"),
    ],
)  # fmt: skip
def test_what_may_be_printed_has_an_end(good, bad, fault):
    """Output, loops, filters, assigned texts, and the values themselves."""
    assert printed(good[0], **good[1])
    assert code(printed, bad[0], **bad[1]) == fault


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in (1..999999999) %}{% for b in (1..999999999) %}x{% endfor %}{% endfor %}",
        "{% assign a = 'xxxxxxxxxx' %}{% for i in (1..60) %}{% assign a = a | append: a %}{% endfor %}{{ a }}",
        "{% assign a = 9999999 %}{% for i in (1..60) %}{% assign a = a | times: a %}{% endfor %}{{ a }}",
        "{% for i in (1..2000) %}{{ a | replace: 'x', a | size }}{% endfor %}",
        "{{ a | split: '' | join: a }}",
    ],
)
def test_a_bomb_is_over_before_anybody_notices(text):
    """Endless loops, doubled texts and numbers, quadratic filters: refused within the second."""
    began = time.monotonic()
    assert code(printed, text, a="x" * 40_000) is not None
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("{{ a }}" * 2000, "{{ a }}" * 2001, "too-much"),
        ("{% if a %}" * 11 + "x" + "{% endif %}" * 11, "{% if a %}" * 13 + "x" + "{% endif %}" * 13, "too-much"),
        ("{{ a" + " " * 1993 + "}}", "{{ a" + " " * 1998 + "}}", "syntax"),
        ("{% for i in (1..3) %}x{% endfor %}", "{{ (1..3) | join }}", "range-place"),
        ("{{ a | date }}", "{{ a | date: 'x' | nope }}", "unknown-filter"),
        ("{% comment %}{{ {% endcomment %}x", "{% comment %}x", "syntax"),
        ("{%- if a -%} x {%- endif -%}", "{%- if a -%} x {%- endunless -%}", "unclosed"),
    ],
)
def test_what_may_be_written_has_an_end(good, bad, fault):
    """So many tags, so deep, so long; loops are the only place for a range."""
    make(Words(text=good), "en")
    assert code(make, Words(text=bad), "en") == fault


@pytest.mark.parametrize(
    "page", ["{{" + " " * 199_000 + "}}", "<" * 200_000, "<a " * 60_000, '<a x="' * 30_000, "{{" * 100_000]
)
def test_a_source_made_to_be_slow_is_read_at_once(page):
    """Nothing that is read takes the square of its length."""
    began = time.monotonic()
    with pytest.raises(BadTemplate) as refused:
        make(Words(html=page), "en")
    assert time.monotonic() - began < 1.5
    assert len(refused.value.faults) <= 100


@pytest.mark.parametrize("attempt", [
    "{{ a.__class__ }}", "{{ a['__class__'] }}", "{{ ''.__class__.__mro__ }}", "{{ forloop }}", "{{ now }}",
    "{{ self }}", "{{ 7*7 }}", "${7*7}{{ b }}", "<%= 7*7 %>{{ b }}", "#{7*7}{{ b }}", "{% render 'x' %}",
    "{% include 'x' %}", "{% layout 'x' %}", "{{ 'now' | date: '%Y' }}",
])  # fmt: skip
def test_nothing_behind_the_values_is_reached(attempt):
    """Other template languages' injections, Python's attributes, files, the clock: refused when it is saved."""
    schema = {"a": Variable(sample="x")}
    with pytest.raises(BadTemplate):
        make(Words(text=attempt, schema=schema), "en")
    assert make(Words(text="{{ a }}", schema=schema), "en")


def test_an_object_is_not_printed():
    """Whoever forgets the member is told, and no guest reads a program's way of writing it."""
    assert code(printed, "{{ a }}", a={"b": "c"}) == "unsafe-value"
    assert printed("{{ a.b }}", a={"b": "c"}) == "c"
    assert code(printed, "{{ a.d }}", a={"b": "c"}) == "undefined"


def test_without_the_extra_mjml_is_refused_with_what_to_do(monkeypatch):
    """A gateway installed without it says so, and takes HTML."""
    monkeypatch.setitem(sys.modules, "mrml", None)
    with pytest.raises(Invalid) as refused:
        make(Words(mjml="<mjml><mj-body><mj-raw>x</mj-raw></mj-body></mjml>"), "en")
    assert refused.value.faults[0][:2] == ("/mjml", "not-installed")
    assert make(Words(html="x"), "en").html == "x"


def test_a_subject_is_one_line_of_998_characters():
    """Line breaks become blanks; one character more than a header line may have is refused."""
    press = Press(make(Words(subject="{{ a }}", text="x"), "en"), "en")
    assert press.print({"a": "one\r\nBcc: two\u2028three"}).subject == "one Bcc: two three"
    assert len(press.print({"a": "x" * 998}).subject) == 998
    assert code(press.print, {"a": "x" * 999}) == "too-long"


@pytest.mark.parametrize(("length", "status"), [(200_000, 201), (200_001, 422)])
@pytest.mark.parametrize("member", ["text", "html", "mjml"])
async def test_a_source_has_at_most_200_000_characters(tmp_path, member, length, status):
    """The last character that is taken, and the first that is not."""
    async with running(tmp_path, deliver=False) as run:
        frame = ("<mjml><mj-body><mj-raw>", "</mj-raw></mj-body></mjml>") if member == "mjml" else ("", "")
        text = frame[0] + "x" * (length - len("".join(frame))) + frame[1]
        body = {"name": "a", "channel": "email", "language": "en", "subject": "s", member: text}
        assert (await run.call("POST", "/communications/templates", body)).status == status


def test_a_schema_is_kept_to_however_deep():
    """Lists and objects are looked through; what may be missing is nothing, and everything at fault is named."""
    item = Variable(type="object", members={"dish": Variable(), "price": Variable(type="number", required=False)})
    schema = {"menu": Variable(type="list", items=item), "vip": Variable(type="boolean", required=False)}
    text = (
        "{% for one in menu %}{{ one.dish }}{% if one.price %} {{ one.price | money: 'EUR' }}{% endif %};{% endfor %}"
    )
    press = Press(make(Words(text=text, schema=schema), "de"), "de")
    assert press.print({"menu": [{"dish": "Suppe", "price": 5}, {"dish": "Brot"}]}).text == "Suppe 5,00\xa0€;Brot;"
    with pytest.raises(BadTemplate) as refused:
        press.print({"menu": [{"dish": 1}, {"price": "x"}, "y"], "vip": "no", "more": 1})
    assert {(fault.pointer, fault.code) for fault in refused.value.faults} == {
        ("/variables/menu/0/dish", "wrong-type"), ("/variables/menu/1/dish", "missing"),
        ("/variables/menu/1/price", "wrong-type"), ("/variables/menu/2", "wrong-type"),
        ("/variables/vip", "wrong-type"), ("/variables/more", "unknown-variable"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt-BR", "20 de junho de 2026 20/06/2026 18:00 1.234,5 R$\xa01.234,50"),
        ("en", "June 20, 2026 6/20/26 6:00\u202fPM 1,234.5 R$1,234.50"),
        ("de-AT", "20. Juni 2026 20.06.26 18:00 1.234,5 R$\xa01.234,50"),
        ("tlh", "June 20, 2026 6/20/26 6:00\u202fPM 1,234.5 R$1,234.50"),
    ],
)
def test_dates_and_numbers_are_written_as_the_language_does(language, text):
    """By CLDR; a language nobody has conventions for takes English ones."""
    source = "{{ d | date }} {{ d | date: 'short' }} {{ d | time }} {{ n | number }} {{ n | money: 'BRL' }}"
    press = Press(make(Words(text=source), language), language)
    assert press.print({"d": "2026-06-20T18:00:00+01:00", "n": 1234.5}).text == text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<h1>Hi</h1><p>One<br>two</p><p>three</p>", "Hi\n\nOne\ntwo\n\nthree"),
        ("<ul><li>a</li><li>b <b>c</b></li></ul>", "- a\n- b c"),
        ('<a href="https://x.example">x</a> <a href="mailto:a@example.org">a@example.org</a> <a href="#top">up</a>',
         "x (https://x.example) a@example.org up"),
        ('<img src="https://x.example/a.png" alt="The garden"><a href="https://x.example"></a>', "The gardenhttps://x.example"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>x<hr>y", "a b\n\nc\n\nx\n\n---\n\ny"),
        ("<head><title>t</title></head><style>p { }</style><!-- no --><p>a &amp; b</p>", "a & b"),
        ("<table>{% for x in (1..2) %}<tr><td>{{ x }}</td></tr>{% endfor %}</table>", "1\n2"),
    ],
)  # fmt: skip
def test_a_page_without_a_text_gets_one(page, text):
    """What a reader without HTML gets: blocks as lines, links with their addresses, pictures by their words."""
    got = Press(make(Words(html=page), "en"), "en").print({}).text
    assert [line for line in got.split("\n") if line] == [line for line in text.split("\n") if line]


def test_mjml_and_style_sheets_are_worked_in_at_save():
    """What goes out has tables and styles in its elements; Liquid comes through whole, between elements too."""
    mjml = (
        "<mjml><mj-head><mj-style>.big { color: red }</mj-style></mj-head><mj-body>{% for dish in dishes %}\n"
        '<mj-section background-color="{{ colour }}"><mj-column><mj-text css-class="big">{{ dish }}</mj-text>'
        '<mj-button href="https://q.example/{{ dish }}">Go</mj-button></mj-column></mj-section>{% endfor %}'
        "</mj-body></mjml>"
    )
    page = Press(make(Words(mjml=mjml), "en"), "en").print({"dishes": ["A & B", "C"], "colour": "#fff"}).html
    assert page.count("A &amp; B") == 1 and 'href="https://q.example/A%20%26%20B"' in page
    assert page.count("background-color: #fff") == 2 and "color: red" in page.partition("</head>")[2]
    assert "http://" not in page.replace("http://www.w3.org", "") and "lq" not in page


def test_a_sheet_is_inlined_and_a_page_without_one_is_left_alone():
    """Conditions and loops stay where they are in a table; nothing is rewritten that needs no rewriting."""
    rows = '{% for x in xs %}<tr><td title="{{ x }}">{{ x }}</td></tr>{% endfor %}'
    page = f"<style>td {{ color: red }}</style><table>{rows}</table>"
    got = Press(make(Words(html=page), "en"), "en").print({"xs": ["1", "2"]}).html
    assert got.count('style="color: red;"') == 2 and got.index("<table>") < got.index(">1<") < got.index(">2<")
    plain = page.partition("</style>")[2]
    assert make(Words(html=plain), "en").html == plain
