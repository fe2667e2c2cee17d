"""What a template is made of, before and after it is made ready."""

from typing import NamedTuple

from msgspec import Struct

from gateway.templates.variables import Schema, Variable

LONGEST_SOURCE = 200_000
LONGEST_SUBJECT = 998


class Words(Struct, frozen=True, omit_defaults=True):
    """A template as its author wrote it: Liquid in every member, a page as `html` or as `mjml`."""

    subject: str | None = None
    text: str | None = None
    html: str | None = None
    mjml: str | None = None
    schema: Schema | None = None


class Ready(Struct, frozen=True, omit_defaults=True):
    """The same made ready: MJML laid out, styles inlined, a text for every page; still Liquid. `schema` declares every
    variable."""

    subject: str
    text: str
    html: str
    schema: dict[str, Variable]


class Printed(NamedTuple):
    """The words of one message."""

    subject: str
    text: str
    html: str
