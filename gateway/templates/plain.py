"""The text of a page, for whoever reads mail without HTML."""

import re
from html.parser import HTMLParser

BLOCKS = frozenset({
    "address", "article", "blockquote", "center", "dd", "div", "dl", "dt", "figcaption", "figure", "footer", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote"})
"""Blocks with an empty line around them."""
UNSEEN = frozenset({"head", "style", "title", "script"})


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "hr":
            self.parts.append("\n\n---\n\n")
        elif tag == "img":
            self.parts.append(known.get("alt") or "")
        elif tag == "a":
            self._links.append((known.get("href") or "", len(self.parts)))
        elif tag in ("td", "th"):
            self.parts.append(" ")
        self._edge(tag)
        if tag == "li":
            self.parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a" and self._links:
            href, began = self._links.pop()
            words = "".join(self.parts[began:]).strip()
            if href and not href.startswith("#") and href.removeprefix("mailto:").removeprefix("tel:") != words:
                self.parts.append(f" ({href})" if words else href)
        self._edge(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))

    def handle_comment(self, data: str) -> None:
        if not self._unseen and data.isalnum():  # a hidden Liquid tag, never Outlook's `[if mso]`
            self.parts.append(f"<!--{data}-->")

    def _edge(self, tag: str) -> None:
        if tag in BLOCKS:
            self.parts.append("\n\n" if tag in SPACED else "\n")


def without_gaps(text: str) -> str:
    """A text whose lines with nothing but a Liquid tag leave no empty line behind."""
    return re.sub(r"(?m)^(\{%[^\n]*?) %\}$", r"\1 -%}", text)


def text_of(page: str) -> str:
    """What a page says, in lines: links with their addresses, pictures by their descriptions. Comments that are one
    word stay."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
