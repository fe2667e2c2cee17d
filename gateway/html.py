"""Takes out of a caller's HTML what could act: scripts, forms, event handlers. Everything that only shows stays."""

import nh3

LAYOUT = {
    "html", "head", "body", "title", "style", "center", "font", "table", "tbody", "thead", "tfoot", "tr", "td", "th",
    "section", "article", "header", "footer", "main", "picture", "source", "figure", "figcaption", "address", "mark",
}  # fmt: skip
TAGS = (nh3.ALLOWED_TAGS | LAYOUT) - {"form", "input", "button", "select", "textarea", "script"}
SHOWING = {
    "style", "class", "id", "dir", "lang", "title", "align", "valign", "width", "height", "bgcolor", "border",
    "cellpadding", "cellspacing", "color", "face", "size", "role", "aria-label", "aria-hidden", "background",
}  # fmt: skip
ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": SHOWING,
    "a": {"href", "target", "name"},
    "img": {"src", "alt", "srcset", "sizes"},
    "td": {"colspan", "rowspan", "headers", "scope"},
    "th": {"colspan", "rowspan", "headers", "scope"},
}
SCHEMES = {"http", "https", "mailto", "tel", "cid"}


def clean(html: str) -> str:
    """The same page without anything that acts."""
    return nh3.clean(
        html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, clean_content_tags={"script"}, link_rel=None,
        strip_comments=False,
    )  # fmt: skip
