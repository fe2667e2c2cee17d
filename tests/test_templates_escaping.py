"""A value stays a value wherever a template puts it, and no page that is taken can act. Held against a browser's own
way of reading HTML (html5ever, inside nh3)."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, unquote, urlsplit

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import html
from gateway.errors import BadTemplate
from gateway.templates import Variable, Words
from gateway.templates.press import Press, make

NASTY = st.lists(
    st.sampled_from([
        "<", ">", '"', "'", "&", "-->", "<script>", "</p>", "javascript:", "java", "script:", "JaVa\tScript:", "\n",
        "%22", "{{ x }}", "&quot;", "&#58;", ":", "//", "/", "?", "#", "\\", " onerror=x ", "</style>", "é",
        "data:text/html,", "<!--", "]]>", "\u2028", "=",
    ]),
    max_size=6,
).map("".join) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)  # fmt: skip
PAGE = (
    '<p title="{{ x }}" style="color: red">{{ x }}</p><!--[if mso]><td bgcolor="{{ x }}">{{ x }}</td><![endif]-->'
    "<a href=\"https://q.example/{{ x }}?a={{ x }}#{{ x }}\">{% if x %}<b class='{{ x }}'>{{ x }}</b>{% endif %}</a>"
)


class Outline(HTMLParser):
    """The tags of a page with the names of their attributes, and the values of those."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.values, self.words = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))
        self.values += attrs

    def handle_endtag(self, tag):
        self.tags.append(("/", tag))

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, _):
        self.tags.append(("comment", []))


def press(page, **schema):
    return Press(make(Words(subject="{{ x }}", html=page, schema=schema or {"x": Variable()}), "en"), "en")


PRESS = press(PAGE)
PLAIN = Outline(PRESS.print({"x": "x"}).html)


@settings(deadline=None, max_examples=300)
@given(NASTY.filter(str.strip))
def test_no_value_changes_the_shape_of_a_page(value):
    """Tags and attributes are the same for any value, and a reader sees the value as it was."""
    outline = Outline(PRESS.print({"x": value}).html)
    assert outline.tags == PLAIN.tags
    attributes = dict(outline.values)
    assert attributes["title"] == attributes["class"] == value
    link = urlsplit(attributes["href"])
    assert (link.scheme, link.netloc, unquote(link.path), unquote(link.fragment)) == (
        "https",
        "q.example",
        f"/{value}",
        value,
    )
    assert parse_qs(link.query, keep_blank_values=True)["a"] == [value]
    assert "".join(outline.words).startswith(value)


@settings(deadline=None, max_examples=300)
@given(NASTY, NASTY)
def test_no_value_makes_a_link_act(one, two):
    """A link that is a variable, or two in a row, leads to the web, a mail or a call, or nowhere: never to a script."""
    for page in (
        '<a href="{{ x }}">y</a>',
        '<a href="{{ x }}{{ y }}">y</a>',
        "<img src='a{{ x }}{% if x %}{{ y }}{% endif %}'>",
    ):
        printer = press(page, x=Variable(), y=Variable()) if "{{ y }}" in page else press(page)
        try:
            printed = printer.print({"x": one, "y": two} if "{{ y }}" in page else {"x": one}).html
        except BadTemplate:
            continue
        assert acting(printed) == []


@settings(deadline=None, max_examples=200)
@given(NASTY)
def test_a_value_in_a_style_is_a_name_or_a_number_or_refused(value):
    """What could open, close or load something in a style is refused; a colour is not."""
    printer = press('<p style="color: {{ x }}">y</p>')
    assert 'style="color: #fff"' in printer.print({"x": "#fff"}).html
    try:
        page = printer.print({"x": value}).html
    except BadTemplate:
        assert set(value) - set("abcdefghijklmnopqrstuvwxyz0123456789 #.,%+-_")
    else:
        assert not set(dict(Outline(page).values)["style"].removeprefix("color: ")) & set(";:()\\\"'/{}<>&")


PIECES = st.lists(
    st.sampled_from([
        "<p", "<a", "<script", "<svg", "<style", "<title", "</style", "</title", ">", "/>", " ", "\n", "=", '"', "'",
        "onclick", "onerror=x", "href", "src", "title", "javascript:x", "java", "script:x", "https://x", "<!--", "-->",
        "--!>", "<!-->", "<!--[if mso]>", "<![endif]-->", "<!", "<?", "<![CDATA[", "]]>", "&#106;", "&#58;", "{{ x }}",
        "{% if x %}", "{% else %}", "{% endif %}", "{% for y in x %}", "{% endfor %}", "</p>", "</a", "x",
        "<img src=x ", "<iframe src=x>", "<table>", "<br/",
    ]),
    min_size=1, max_size=14,
).map("".join)  # fmt: skip


@settings(deadline=None, max_examples=1500)
@given(PIECES)
def test_what_is_taken_cannot_act(page):
    """Whatever an author writes: it is refused with its place, or a browser finds nothing in it that acts, for any way
    through its branches."""
    try:
        ready = make(Words(html=page, text="t"), "en")
    except BadTemplate:
        return
    for value in ("", "java", "https://y", [], ["java", "script:x"]):
        try:
            printed = Press(ready, "en").print(dict.fromkeys(ready.schema, value)).html
        except BadTemplate:
            continue
        assert acting(printed) == [], printed


def acting(page):
    """What a browser would run or load of a page: elements, handlers, links to scripts."""
    found = []
    never = {"script", "svg", "iframe", "form", "object", "math"}

    def look(tag, name, value):
        scheme = "".join(value.split()).lower()
        if name.startswith("on") or (
            name in ("href", "src") and scheme.startswith(("javascript:", "data:", "vbscript:"))
        ):
            found.append((tag, name))
        return value

    cleaned = nh3.clean(
        page, tags=html.TAGS | never, clean_content_tags=set(), attribute_filter=look, link_rel=None,
        attributes={"*": {"href", "src", "onclick", "onerror", "title", "class"}},
        url_schemes=html.SCHEMES | {"javascript", "data", "vbscript"},
    )  # fmt: skip
    return found + [tag for tag in never if f"<{tag}" in cleaned]


@pytest.mark.parametrize(
    "page", ["<p onclick=x>", "<script>x</script>", '<a href="javascript:x">', "<iframe src=x>", "<svg/onerror=x>"]
)
def test_the_judge_of_these_tests_sees_what_acts(page):
    """The control: each of these is seen by the judge, and refused by the gateway."""
    assert acting(page)
    with pytest.raises(BadTemplate):
        make(Words(html=page), "en")


@pytest.mark.parametrize(
    "page",
    [
        "<style>p { color: {{ x }} }</style>", "<!-- {{ x }} -->", "<p {{ x }}>", "<p {{ x }}='y'>",
        "<p title={{ x }}>", "<{{ x }}>", '<img srcset="{{ x }} 1x">', '<a href="{{ x }}:y">z</a>',
        '<meta content="{{ x }}">', "&#{{ x }};",
        '<meta http-equiv="refresh" content="0">', '<a hr{% if x %}ef="{{ x }}"{% endif %}>y</a>',
        '{% if x %}<p title="{% endif %}">', '<p {% if x %}title="y"{% endif %}>', '<a href="java&#115;cript:y">z</a>',
        '<a href="{% if x %}java{% endif %}script:y">z</a>', '<a title="-->">y</a>', "<!--><script>--></script>",
        "<style></style x><script>", "a < b", "{% case x %}{% when 1 %}<p title='{% endcase %}'>",
    ],
)  # fmt: skip
def test_a_place_nobody_can_make_safe_is_refused(page):
    """Not escaped by guess: the author is told to write it differently."""
    with pytest.raises(BadTemplate):
        make(Words(html=page), "en")


@pytest.mark.parametrize(
    ("page", "value", "printed"),
    [
        ('<a href="{{ x }}">y</a>', "https://q.example/a b?c=d&e", "https://q.example/a%20b?c=d&amp;e"),
        ('<a href="{{ x }}">y</a>', "/menu", "/menu"),
        ('<a href="{{ x }}">y</a>', "mailto:a@example.org", "mailto:a@example.org"),
        ('<a href="{{ x }}?a=1">y</a>', "TEL:+351912345678", "TEL:+351912345678?a=1"),
        ('<a href="https://q.example/{{ x }}">y</a>', "a/b c:d?", "https://q.example/a/b%20c%3Ad%3F"),
        ('<a href="https://q.example/?{{ x }}">y</a>', "a/b=c&d", "https://q.example/?a%2Fb%3Dc%26d"),
        ('<a href="{% if x %}https{% else %}http{% endif %}://q.example/{{ x }}">y</a>', "a", None),
        ('<a href="{% for y in x %}{{ y }}{% endfor %}">y</a>', "", ""),
        ("<title>{{ x }}</title>", "</title><b>", "<title>&lt;/title&gt;&lt;b&gt;</title>"),
    ],
)
def test_each_place_has_its_escaping(page, value, printed):
    """A link stays a link, a part of it a part; None: refused, for the scheme must be written out."""
    words = Words(html=page, text="t")
    if printed is None:
        with pytest.raises(BadTemplate):
            make(words, "en")
    else:
        assert printed in Press(make(words, "en"), "en").print({"x": value}).html
