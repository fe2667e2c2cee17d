"""From what an author writes to what mail programs understand: MJML becomes tables, style sheets become styles.

Both happen once, when a template is saved.
"""

import re

from gateway.errors import Fault, Invalid

POSITION = re.compile(r"position (\d+):")


class Malformed(Exception):
    """The MJML cannot be read; `at` is the offset where that was noticed, None for its end."""

    def __init__(self, at: int | None):
        super().__init__("malformed MJML")
        self.at = at


def tables(mjml: str) -> str:
    """MJML as HTML. Nothing is loaded for it, and no font is fetched by whoever reads the mail. Raises Malformed;
    Invalid where MJML is not installed."""
    try:
        import mrml  # noqa: PLC0415 an extra, and only needed when a template is saved
    except ImportError:
        detail = "HTML: this gateway was installed without its extra `mjml`"
        raise Invalid(faults=[Fault("/mjml", "not-installed", detail)]) from None
    try:
        options = mrml.ParserOptions(include_loader=mrml.noop_loader())
        return mrml.to_html(mjml, options, mrml.RenderOptions(fonts={})).content
    except OSError as error:
        found = POSITION.search(str(error))
        raise Malformed(int(found[1]) if found else None) from None


def styled(page: str) -> str:
    """The page with its style sheets also in its elements, for programs that know no sheets. Nothing is loaded; a page
    without a sheet stays as it is."""
    if "<style" not in page.lower():
        return page
    import css_inline  # noqa: PLC0415 only needed when a template is saved

    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)
    return inliner.inline(page)
