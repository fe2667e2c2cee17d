"""Where templates are kept: new ones, new versions, old versions, and a look at what one would print."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from msgspec import UNSET, structs

from gateway import ids, pages
from gateway.callers import Caller
from gateway.clock import rfc3339
from gateway.compose import Declared
from gateway.errors import BadTemplate, Conflict, Fault, NotFound, Precondition
from gateway.pages import PageQuery
from gateway.stationery.forms import (
    Preview,
    PreviewOrder,
    TemplateEdit,
    TemplateHead,
    TemplateList,
    TemplateNew,
    TemplateQuery,
    TemplateView,
)
from gateway.stationery.printing import Printing, Sheet, best
from gateway.store import templates
from gateway.store.db import Database, Tx
from gateway.store.templates import NewVersion, Template
from gateway.templates import Ready, Words, canonical, samples

NOTHING = b"\0" * 32


class Cabinet:
    """Keeps templates."""

    def __init__(self, db: Database, printing: Printing, ids_: ids.Ids, venue_language: str):
        self._db, self._printing, self._ids, self._language = db, printing, ids_, venue_language

    # -- writing ------------------------------------------------------------------------------------------------------

    async def add(self, order: TemplateNew, caller: Caller) -> TemplateView:
        """Keep a new template. Raises BadTemplate with every fault in it, Conflict where there is one of this name,
        channel and language."""
        language = canonical(order.language)
        words = Words(order.subject, order.text, order.html, order.mjml, order.schema)
        uuid = self._ids.new()
        version, sheet = await self._version(words, order.declares, order.channel, language, caller)

        def work(tx: Tx) -> None:
            if templates.taken(tx.connection, order.name, order.channel, language):
                raise Conflict("There is a template of this name, channel and language already.")
            templates.add(tx, uuid, order.name, order.channel, language, version)
            tx.audit(caller.actor, "template.added", ids.public("tpl", uuid), digest(version))

        return view(await self._write(work, uuid), sheet)

    async def edit(self, public: str, order: TemplateEdit, wanted: int | None, caller: Caller) -> TemplateView:
        """Make a new version out of the newest one and what the order says. Raises NotFound, Precondition, BadTemplate;
        Conflict when somebody else made one meanwhile."""
        before = self._find(public)
        meant_for(before.version, wanted)
        said = {name: value for name, value in structs.asdict(order).items() if value is not UNSET}
        old = self._printing.open(before)
        declares = said.pop("declares", old.declares)
        words = structs.replace(old.words, **said)
        version, sheet = await self._version(words, declares, before.channel, before.language, caller)

        def work(tx: Tx) -> None:
            now = templates.find(tx.connection, before.uuid)
            if now is None:
                raise NotFound()
            meant_for(now.version, wanted)
            if now.version != before.version:
                raise Conflict("Somebody else changed it at the same moment; look at it again.")
            templates.change(tx, now.id, now.version + 1, version)
            tx.audit(caller.actor, "template.edited", public, digest(version))

        return view(await self._write(work, before.uuid), sheet)

    async def remove(self, public: str, wanted: int | None, caller: Caller) -> None:
        """Take a template out of use; what was printed from it stays. Raises NotFound, Precondition."""
        uuid = self._find(public).uuid

        def work(tx: Tx) -> None:
            now = templates.find(tx.connection, uuid)
            if now is None:
                raise NotFound()
            meant_for(now.version, wanted)
            templates.remove(tx, now.id)
            tx.audit(caller.actor, "template.removed", public, NOTHING)

        await self._write(work)

    async def _version(
        self, words: Words, declares: Declared | None, channel: str, language: str, caller: Caller
    ) -> tuple[NewVersion, Sheet]:
        """A version to be written: made ready, off the loop, and sealed."""
        if faults := faults_of_form(words, channel):
            raise BadTemplate(faults=faults)
        ready = await asyncio.to_thread(made_ready, words, language)
        sheet = Sheet(words, ready, declares or Declared())
        uuid = self._ids.new()
        return NewVersion(uuid, self._printing.seal(uuid, sheet), caller.actor), sheet

    async def _write(self, work: Callable[[Tx], None], uuid: bytes = b"") -> Any:
        """Do it, and give the template as it then is."""

        def one(tx: Tx, items: Sequence[None]) -> list[Template | None]:
            work(tx)
            return [templates.find(tx.connection, uuid)] * len(items)

        return await self._db.write(one)

    # -- reading ------------------------------------------------------------------------------------------------------

    def one(self, public: str, version: str | None = None) -> TemplateView:
        """A template, in its newest version or the one asked for. Raises NotFound."""
        number = None if version is None else int(version) if version.isdecimal() and len(version) < 8 else 0
        template = self._find(public, number)
        return view(template, self._printing.open(template))

    async def many(self, query: TemplateQuery) -> TemplateList:
        """A page of templates, newest first."""
        wanted = query.wanted
        if query.language is not None:
            wanted["language"] = canonical(query.language)
        rows = await self._db.read(templates.search, wanted, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return TemplateList([head(row) for row in page], cursor)

    async def versions(self, public: str, query: PageQuery) -> TemplateList:
        """A page of a template's versions, newest first. Raises NotFound, Invalid."""
        template = self._find(public)
        rows = await self._db.read(templates.versions, template.id, query.before, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.version)
        return TemplateList([head(row) for row in page], cursor)

    async def preview(self, public: str, order: PreviewOrder) -> Preview:
        """What a guest of this language would get; samples stand for variables that are left out. Raises NotFound,
        Invalid, BadTemplate."""
        template = self._find(public, order.version)
        if order.language is not None:
            template = self._sibling(template, order.language)
        values = samples(self._printing.open(template).ready.schema) | order.variables
        stock = await self._printing.stock(template.version_id)
        words = await asyncio.to_thread(stock.press.print, values)
        public = ids.public("tpl", template.uuid)
        return Preview(
            public, template.language, template.version, values, words.subject, words.text, words.html or None
        )

    def _sibling(self, template: Template, language: str) -> Template:
        """The template of the same name and channel that a guest of this language would get."""
        rows = [row for row in templates.named(self._db.reader, template.name) if row.channel == template.channel]
        row = best({row.language: row for row in rows}, language, self._language, "/language")
        found = templates.version(self._db.reader, row.version_id)
        return template if found is None else found

    def _find(self, public: str, version: int | None = None) -> Template:
        uuid = ids.parse("tpl", public)
        template = templates.find(self._db.reader, uuid, version) if uuid else None
        if template is None:
            raise NotFound()
        return template


def made_ready(words: Words, language: str) -> Ready:
    """The words with everything done that can be done before the values are known. Raises BadTemplate."""
    from gateway.templates import press  # noqa: PLC0415 a second, paid by the first template that is used

    return press.make(words, language)


def faults_of_form(words: Words, channel: str) -> list[Fault]:
    """What a channel needs, and what it cannot carry."""
    if channel == "email":
        faults = [] if words.subject else [Fault("/subject", "missing", "an e-mail needs a subject")]
        if words.html is not None and words.mjml is not None:
            faults.append(Fault("/mjml", "twice", "a page as html or as mjml, not as both"))
        return faults
    return [
        Fault(f"/{name}", "not-carried", f"a text only: {channel} carries nothing else")
        for name in ("subject", "html", "mjml")
        if getattr(words, name) is not None
    ]


def digest(version: NewVersion) -> bytes:
    """What the audit entry vouches for."""
    return sha256(version.sheet_sealed).digest()


def head(template: Template) -> TemplateHead:
    """A template without its words."""
    return TemplateHead(**_known(template))


def view(template: Template, sheet: Sheet) -> TemplateView:
    """A template as its author wrote it."""
    words, declared = sheet.words, structs.asdict(sheet.declares)
    return TemplateView(
        **_known(template),
        subject=words.subject,
        text=words.text,
        html=words.html,
        mjml=words.mjml,
        schema=words.schema,
        declares={name: value for name, value in declared.items() if value is not None},
        variables=sorted(sheet.ready.schema),
    )


def _known(template: Template) -> dict[str, Any]:
    return {
        "id": ids.public("tpl", template.uuid),
        "name": template.name,
        "channel": template.channel,
        "language": template.language,
        "version": template.version,
        "created_at": rfc3339(template.created_at),
        "changed_at": rfc3339(template.changed_at),
        "changed_by": template.actor,
    }


def meant_for(version: int, wanted: int | None) -> None:
    """Raise Precondition unless an edit was made for this version; None: whichever there is."""
    if wanted is not None and version != wanted:
        raise Precondition()
