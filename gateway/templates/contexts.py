"""Where in an HTML page each variable stands, found by reading the template as a browser would read the page.

Every place asks for its own escaping. A place where none would help (an attribute's name, a script, a style sheet) is a
fault, and so is a page that could act by itself: what a message is made of is settled when its template is saved, and
no value changes it. Branches of a condition must end in the same place, so that what follows them has one meaning
(the way Go's html/template has it).
"""

import html as entities
import re
from collections.abc import Iterable
from typing import NamedTuple

from gateway import html

NEVER = frozenset({"srcdoc", "formaction", "action", "ping", "xlink:href", "dynsrc", "lowsrc"})
"""Attributes that load or send something we do not look at."""
URLS = frozenset({"href", "src", "background", "background-url", "cite", "poster", "longdesc"})
RAW = frozenset({"style", "mj-style"})
"""Elements whose content is no HTML, and has no place for a variable."""
TITLES = frozenset({"title", "mj-title", "mj-preview"})
SHOWING = html.TAGS | {"meta", "u", "s", "big", "small", "strike", "tt", "noscript", "xml"}
OFFICE = re.compile("[ovw]:[a-z]+")
"""Elements only Outlook knows."""
MJML = frozenset({
    "mjml", "mj-all", "mj-attributes", "mj-body", "mj-breakpoint", "mj-button", "mj-class", "mj-column", "mj-divider",
    "mj-group", "mj-head", "mj-hero", "mj-image", "mj-navbar", "mj-navbar-link", "mj-preview", "mj-raw", "mj-section",
    "mj-social", "mj-social-element", "mj-spacer", "mj-style", "mj-table", "mj-text", "mj-title", "mj-wrapper",
})  # fmt: skip
"""MJML's elements, but for those that include files, load fonts or need a form."""
HTTP_EQUIV = frozenset({"content-type", "x-ua-compatible", "content-language"})

HIDING = re.compile(r"<!--\[if [^\]<>]*\]>(?:<!--+>)?|(?:<!--)?<!\[endif\]-->")
"""Conditional comments: Outlook reads what is between them as HTML, so it is looked at as HTML here too."""
OPEN = re.compile(r"<([A-Za-z][A-Za-z0-9:-]*)(?=[\s/>])")
COMMENT_END = re.compile("--!?>")
CLOSE = re.compile(r"</([A-Za-z][A-Za-z0-9:-]*)\s*>")
DOCTYPE = re.compile(r"(?i)<!doctype [^<>]*>|<\?xml [^<>]*\?>")
NAME = re.compile(r"[A-Za-z][\w:.-]*")
EQUALS = re.compile(r"\s*=\s*")
BARE = re.compile(r"""[^\s"'<>=`]+(?=[\s/>])""")
HALF_ENTITY = re.compile(r"&#?\w*$")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")

MOST_FAULTS = 100
"""After so many the rest is not looked at."""
UNKNOWN, PATH, QUERY = "?", "/", "?="
"""How far a URL has come besides the letters of its scheme so far: nobody knows, past the scheme, within the query."""


BLOCKS = frozenset({"if", "unless", "case", "for"})


class Place(NamedTuple):
    """Where the reader is: between tags, in a tag, in an attribute's value, …; of a value also whose and how far."""

    mode: str = "text"
    tag: str = ""
    attribute: str = ""
    quote: str = ""
    url: str = ""


class Wrong(NamedTuple):
    """A fault at a position of the source."""

    at: int
    code: str
    detail: str


class Block:
    """An open Liquid block: where it began, where each finished branch of it ended, and whether one always runs."""

    def __init__(self, tag: str, start: Place):
        self.start, self.ends, self.always = start, list[Place](), False
        self.begun = tag != "case"
        """What stands between `case` and the first `when` is not rendered."""


class Reader:
    """Reads a page of literal text, outputs and tags in their order; `mjml` takes MJML's own elements too.

    `escapes` says for each output (by position) how it is to be escaped, `between` which tags stand between elements.
    """

    def __init__(self, mjml: bool = False):
        self._mjml = mjml
        self.place = Place()
        self.escapes: dict[int, str] = {}
        self.between: set[int] = set()
        self.wrong: list[Wrong] = []
        self._open: list[Block] = []
        self._mj: list[tuple[str, int]] = []

    # -- Liquid -------------------------------------------------------------------------------------------------------

    def output(self, at: int) -> None:
        """A variable is put in here."""
        place = self.place
        if place.mode in ("text", "title"):
            self.escapes[at] = "html"
        elif place.mode != "value" or place.attribute == "srcset" or place.tag == "meta":
            self._fault(at, "variable-place", "a variable may stand between tags or in a quoted attribute value")
        elif place.attribute == "style":
            self.escapes[at] = "css"
        elif place.attribute in URLS:
            self.escapes[at] = {"": "url", QUERY: "query"}.get(place.url, "path")
            self.place = place._replace(url=place.url if place.url in (PATH, QUERY) else UNKNOWN)
        else:
            self.escapes[at] = "html"

    def tag(self, name: str, at: int) -> None:
        """A Liquid tag: blocks open, branch and close."""
        if self.place.mode == "text":
            self.between.add(at)
        if self.place.mode not in ("text", "title", "value"):
            self._fault(at, "tag-place", "Liquid tags may stand between HTML tags or in a quoted attribute value")
        if name in BLOCKS:
            if name == "for" and self.place.url not in (PATH, QUERY):
                self.place = self.place._replace(url=UNKNOWN)
            self._open.append(Block(name, self.place))
        elif name in ("else", "elsif", "when") and self._open:
            block = self._open[-1]
            if block.begun:
                block.ends.append(self.place)
            block.begun, block.always = True, block.always or name == "else"
            self.place = block.start
        elif name.startswith("end") and self._open:
            self._join(self._open.pop(), at)

    def _join(self, block: Block, at: int) -> None:
        """All ways through a block come together: they must have led to the same place."""
        ends = [*block.ends, self.place, *([] if block.always else [block.start])]
        if any(end._replace(url="") != block.start._replace(url="") for end in ends):
            self._fault(at, "unbalanced-branch", "each branch must close the tags and quotes that it opens")
        self.place = self.place._replace(url=_both({end.url for end in ends}))

    # -- HTML ---------------------------------------------------------------------------------------------------------

    def text(self, text: str, at: int, followed: bool = True) -> None:
        """Literal text; `followed` by a variable or tag rather than by the end."""
        here = 0
        while here < len(text) and len(self.wrong) < MOST_FAULTS:
            here = getattr(self, f"_in_{self.place.mode}")(text, here, at)
        if followed and self.place.mode in ("text", "title", "value") and HALF_ENTITY.search(text):
            self._fault(at + len(text) - 1, "variable-place", "a character reference must be whole")

    def end(self, at: int) -> None:
        """The page is over."""
        if self.place.mode != "text" and not self.wrong:
            self._fault(at, "unclosed", "a tag, comment or quote is still open at the end")
        if self._mj and not self.wrong:
            self._fault(self._mj[-1][1], "unclosed", "an end for this element")

    def _in_text(self, text: str, here: int, at: int) -> int:
        start = text.find("<", here)
        if start < 0:
            return len(text)
        if match := HIDING.match(text, start) or DOCTYPE.match(text, start):
            return match.end()
        if match := CLOSE.match(text, start):
            self._closes(match[1].lower(), at + start)
            return match.end()
        if text.startswith("<!--", start):
            self.place = Place("comment")
            return start + 2  # `<!-->` is a whole comment
        match = OPEN.match(text, start)
        if match is None:
            self._fault(at + start, "stray-bracket", "write &lt; for a < that begins no tag")
            return start + 1
        tag = match[1].lower()
        if tag not in SHOWING and not OFFICE.fullmatch(tag) and not (self._mjml and tag in MJML):
            self._fault(at + start, "forbidden-tag", "an element that only shows, no script, form, frame or include")
        if tag in MJML:
            self._mj.append((tag, at + start))
        self.place = Place("tag", tag)
        return match.end()

    def _closes(self, tag: str, at: int) -> None:
        """An element ends. MJML's own must do so in their order, as in XML."""
        if tag in MJML and (not self._mj or self._mj.pop()[0] != tag):
            self._fault(at, "unbalanced", "the end of the element that was opened last")

    def _in_comment(self, text: str, here: int, _: int) -> int:
        match = COMMENT_END.search(text, here)
        if match is None:
            return len(text)
        self.place = Place()
        return match.end()

    def _in_raw(self, text: str, here: int, _: int) -> int:
        return self._until_close(text, here)

    def _in_title(self, text: str, here: int, _: int) -> int:
        return self._until_close(text, here)

    def _until_close(self, text: str, here: int) -> int:
        match = re.compile(rf"(?i)</{self.place.tag}(?=[\s/>])").search(text, here)
        if match is None:
            return len(text)
        self.place = Place()
        return match.start()

    def _in_tag(self, text: str, here: int, at: int) -> int:
        tag = self.place.tag
        if text[here].isspace() or text[here] == "/":
            return here + 1
        if text[here] == ">":
            closed = text[here - 1 : here] == "/" and tag in MJML
            if closed:
                self._mj.pop()
            self.place = Place() if closed or tag not in RAW | TITLES else Place("raw" if tag in RAW else "title", tag)
            return here + 1
        match = NAME.match(text, here)
        if match is None:
            self._fault(at + here, "bad-attribute", 'attributes such as name="value"')
            return here + 1
        return self._attribute(match[0].lower(), text, match.end(), at)

    def _attribute(self, name: str, text: str, here: int, at: int) -> int:
        if name.startswith("on") or name in NEVER:
            self._fault(at + here - len(name), "forbidden-attribute", "an attribute that only shows, no event handler")
        if here == len(text):
            self._fault(at + here - 1, "variable-place", "put quotes around the whole value")
        equals = EQUALS.match(text, here)
        if equals is None:
            return here
        here = equals.end()
        if text[here : here + 1] in ('"', "'"):
            self.place = Place("value", self.place.tag, name, text[here])
            return here + 1
        match = BARE.match(text, here)
        if match is None:
            self._fault(at + here - 1, "unquoted-value", "put quotes around the value")
            return here
        self.place = Place("value", self.place.tag, name, "bare")
        self._value(match[0], at + here)
        self.place = Place("tag", self.place.tag)
        return match.end()

    def _in_value(self, text: str, here: int, at: int) -> int:
        end = text.find(self.place.quote, here)
        self._value(text[here : end if end >= 0 else len(text)], at + here)
        if end < 0:
            return len(text)
        self.place = Place("tag", self.place.tag)
        return end + 1

    def _value(self, text: str, at: int) -> None:
        """Literal text of an attribute's value."""
        place = self.place
        if COMMENT_END.search(text):
            self._fault(at, "stray-bracket", "write &gt; for a > after --")
        if place.attribute == "http-equiv" and entities.unescape(text).strip().lower() not in HTTP_EQUIV:
            self._fault(at, "forbidden-attribute", "a page in a mail may not load or move by itself")
        if place.attribute in URLS:
            self.place = place._replace(url=self._url(place.url, text, at))

    def _url(self, url: str, text: str, at: int) -> str:
        """How far a URL has come after more of its text. Its scheme must be known before a variable takes part."""
        for letter in "".join(entities.unescape(text).split()):
            if url == PATH:
                url = QUERY if letter in "?#" else PATH
            elif url != QUERY:
                url = self._before_path(url, letter, at)
        return url

    def _before_path(self, url: str, letter: str, at: int) -> str:
        if letter == ":":
            if url == UNKNOWN or url.lower() not in html.SCHEMES:
                self._fault(at, "forbidden-url", f"an address with {', '.join(sorted(html.SCHEMES))}, written out")
            return PATH
        if letter in "/?#":
            return QUERY if letter in "?#" else PATH
        return UNKNOWN if url == UNKNOWN or not SCHEME.fullmatch(url + letter) else url + letter

    def _fault(self, at: int, code: str, detail: str) -> None:
        self.wrong.append(Wrong(at, code, detail))


def _both(urls: Iterable[str]) -> str:
    """How far a URL has come when it may have come by several ways."""
    different = set(urls)
    if len(different) == 1:
        return different.pop()
    return QUERY if different <= {PATH, QUERY} else UNKNOWN
