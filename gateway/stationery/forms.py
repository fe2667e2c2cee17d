"""Templates as callers hand them in and see them."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.compose import Declared
from gateway.model import ChannelName
from gateway.orders import Language, Slug
from gateway.pages import PageQuery
from gateway.templates import LONGEST_SOURCE, LONGEST_SUBJECT, Schema

Source = Annotated[str, Meta(max_length=LONGEST_SOURCE)]
Subject = Annotated[str, Meta(max_length=LONGEST_SUBJECT)]


class TemplateNew(Struct, frozen=True, forbid_unknown_fields=True):
    """A new template, in one channel and one language."""

    name: Slug
    channel: ChannelName
    language: Language
    subject: Subject | None = None
    text: Source | None = None
    html: Source | None = None
    mjml: Source | None = None
    schema: Schema | None = None
    declares: Declared | None = None


class TemplateEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """A new version: what is named is replaced, null takes it out, the rest stays."""

    subject: Subject | UnsetType | None = UNSET
    text: Source | UnsetType | None = UNSET
    html: Source | UnsetType | None = UNSET
    mjml: Source | UnsetType | None = UNSET
    schema: Schema | UnsetType | None = UNSET
    declares: Declared | UnsetType | None = UNSET


class TemplateHead(Struct, frozen=True, kw_only=True):
    """A template without its words."""

    id: str
    name: str
    channel: str
    language: str
    version: int
    created_at: str
    changed_at: str
    changed_by: str


class TemplateView(TemplateHead, frozen=True, kw_only=True):
    """A template as its author wrote it; `variables` names all it needs."""

    subject: str | None
    text: str | None
    html: str | None
    mjml: str | None
    schema: Any
    declares: Any
    variables: list[str]


class TemplateList(Struct, frozen=True):
    """A page of templates, or of a template's versions, newest first."""

    items: list[TemplateHead]
    next_cursor: str | None


class PreviewOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What to try a template with: left out, its samples, its own language, its newest version."""

    variables: dict[str, Any] = {}
    language: Language | None = None
    version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Preview(Struct, frozen=True):
    """What would be sent, before the gateway adds what a law asks for."""

    id: str
    language: str
    version: int
    variables: dict[str, Any]
    subject: str
    text: str
    html: str | None


class TemplateQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which templates: those of which all of it is true."""

    name: Slug | None = None
    channel: ChannelName | None = None
    language: Language | None = None
