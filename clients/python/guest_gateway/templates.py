"""Templates: keep, edit, look through, try out."""

from collections.abc import Mapping
from datetime import datetime
from types import NoneType
from typing import Any, TypedDict, Unpack

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, listed, members
from guest_gateway.orders import Channel, Declares


class TemplateHead(Struct, frozen=True, kw_only=True):
    """A template without its words."""

    id: str
    name: str
    channel: str
    language: str
    version: int
    created_at: datetime
    changed_at: datetime
    changed_by: str


class Template(TemplateHead, frozen=True, kw_only=True):
    """A template as its author wrote it; `variables` names all it needs."""

    subject: str | None
    text: str | None
    html: str | None
    mjml: str | None
    schema: Any
    declares: Any
    variables: list[str]


class Preview(Struct, frozen=True):
    """What a guest would get, before the gateway adds what a law asks for."""

    id: str
    language: str
    version: int
    variables: dict[str, Any]
    subject: str
    text: str
    html: str | None


class Wording(TypedDict, total=False):
    """What a template is made of; None in an edit takes it out."""

    subject: str | None
    text: str | None
    html: str | None
    mjml: str | None
    schema: Mapping[str, Any] | None
    declares: Declares | None


class Templates(Resource[L]):
    """Texts with variables, by name, channel and language."""

    @listed("templates", TemplateHead)
    def list(self, *, name: str | None = None, channel: Channel | None = None, language: str | None = None,
             limit: int | None = None) -> Asked:  # fmt: skip
        """Templates, newest first. `limit` is a page's size."""
        return Asked(query={"name": name, "channel": channel, "language": language, "limit": limit})

    @ask("POST", "templates", Template)
    def add(self, name: str, channel: Channel, language: str, **wording: Unpack[Wording]) -> Asked:
        """A new template. Raises BadTemplate with every fault in it, Conflict when there is one already."""
        return Asked(body=members(name=name, channel=channel, language=language, **wording))

    @ask("GET", "templates/{}", Template)
    def get(self, id: str) -> Asked:
        """A template in its newest version."""
        return Asked((id,))

    @ask("PATCH", "templates/{}", Template)
    def edit(self, id: str, *, version: int | None = None, **wording: Unpack[Wording]) -> Asked:
        """A new version of a template that still is in this one; what is not named stays. Raises Precondition."""
        return Asked((id,), wording, version=version)

    @ask("DELETE", "templates/{}", NoneType)
    def remove(self, id: str, *, version: int | None = None) -> Asked:
        """Take a template out of use."""
        return Asked((id,), version=version)

    @listed("templates/{}/versions", TemplateHead)
    def versions(self, id: str, *, limit: int | None = None) -> Asked:
        """A template's versions, newest first."""
        return Asked((id,), query={"limit": limit})

    @ask("GET", "templates/{}/versions/{}", Template)
    def version(self, id: str, version: int) -> Asked:
        """A template as it was in one version."""
        return Asked((id, str(version)))

    @ask("POST", "templates/{}/preview", Preview, harmless=True)
    def preview(
        self,
        id: str,
        *,
        variables: Mapping[str, Any] | None = None,
        language: str | None = None,
        version: int | None = None,
    ) -> Asked:
        """What a guest would get; with the template's own samples where no variables are given."""
        return Asked((id,), members(variables=variables, language=language, version=version))
