"""The words that guests agree to, kept: a consent names their version, and a receipt shows them again."""

from collections.abc import Sequence
from hashlib import sha256

from gateway import catalogue, ids, pages
from gateway.callers import Caller
from gateway.catalogue import Catalogue
from gateway.clock import rfc3339
from gateway.errors import Conflict, Fault, Invalid, NotFound
from gateway.model import ChannelName
from gateway.privacy.forms import WordingList, WordingOrder, WordingQuery, WordingView
from gateway.store import wordings
from gateway.store.db import Database, Tx
from gateway.store.wordings import Wording
from gateway.templates import canonical, chain
from gateway.vault import Vault

OURS = "standard-"
"""What the versions of the gateway's own words begin with; the rest is a digest of the words."""


class Wordings:
    """Keeps wordings, and finds the one for a guest. `house` is the venue's name, `language` its language."""

    def __init__(self, db: Database, vault: Vault, ids_: ids.Ids, house: str, language: str):
        self._db, self._vault, self._ids, self._house, self._language = db, vault, ids_, house, language

    async def add(self, order: WordingOrder, caller: Caller) -> WordingView:
        """Keep a wording for good. Raises Conflict where this version is there in this language, Invalid for a version
        of the gateway's own."""
        if order.version.startswith(OURS):
            raise Invalid(faults=[Fault("/version", "reserved", f"a name that does not begin with {OURS}")])
        language = canonical(order.language)
        return self.view(await self._keep(order, language, caller.actor))

    async def _keep(self, order: WordingOrder, language: str, actor: str) -> Wording:
        uuid = self._ids.new()
        sealed = self._vault.seal_venue("wordings", "text", uuid, order.text.encode())
        new = Wording(0, uuid, order.version, language, order.channels, order.categories, sealed, 0, actor)

        def work(tx: Tx) -> Wording:
            if language in wordings.of_version(tx.connection, order.version):
                raise Conflict("This version is there in this language, and is never changed: choose another version.")
            wordings.add(tx, new)
            tx.audit(actor, "wording.kept", ids.public("wrd", uuid), sha256(sealed).digest())
            return new._replace(created_at=tx.now)

        return await self._db.do(work)

    def one(self, public: str) -> WordingView:
        """One wording. Raises NotFound."""
        uuid = ids.parse("wrd", public)
        found = wordings.find(self._db.reader, uuid) if uuid else None
        if found is None:
            raise NotFound()
        return self.view(found)

    async def many(self, query: WordingQuery) -> WordingList:
        """A page of wordings, newest first."""
        rows = await self._db.read(wordings.page, query.version, query.before, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return WordingList([self.view(row) for row in page], cursor)

    # -- for a consent ------------------------------------------------------------------------------------------------

    def shown(self, version: str | None, language: str | None) -> int | None:
        """The row of the wording that a guest saw: of this version, in his language or the nearest one; None where it
        is not kept here."""
        found = self._nearest(version, language) if version else None
        return found.id if found else None

    async def to_show(
        self,
        version: str | None,
        language: str | None,
        channels: Sequence[ChannelName] | None,
        categories: Sequence[str] | None,
    ) -> Wording:
        """The wording to be shown to a guest of this language: of this version, or in the gateway's own words. Raises
        Invalid for a version that is not kept, and for what its words do not speak of."""
        if version is None:
            return await self._standard(language, channels or ["email"], categories or ["*"])
        found = self._nearest(version, language)
        if found is None:
            raise Invalid(faults=[Fault("/wording_version", "unknown-wording", "a version that is kept here")])
        if not set(channels or ()) <= set(found.channels):
            raise Invalid(faults=[Fault("/channels", "not-in-wording", "channels that the wording is for")])
        if "*" not in found.categories and not set(categories or ()) <= set(found.categories):
            raise Invalid(faults=[Fault("/categories", "not-in-wording", "categories that the wording is for")])
        return found

    def _nearest(self, version: str, language: str | None) -> Wording | None:
        kept = wordings.of_version(self._db.reader, version)
        return next((kept[one] for one in (*chain(language, self._language), *kept) if one in kept), None)

    async def _standard(
        self, language: str | None, channels: Sequence[ChannelName], categories: Sequence[str]
    ) -> Wording:
        """The gateway's own words. They are kept when they are first shown, under a version that names what they say:
        other words, after an upgrade or under another name of the venue, are another version."""
        spoken = catalogue.spoken(language) or catalogue.spoken(self._language) or "en"
        text = self._standard_text(catalogue.catalogue(spoken), channels, categories)
        version = OURS + sha256(text.encode()).hexdigest()[:16]
        order = WordingOrder(version, spoken, text, list(channels), list(categories))
        while (found := wordings.of_version(self._db.reader, version).get(spoken)) is None:
            try:
                await self._keep(order, spoken, "gateway")
            except Conflict:  # somebody else kept it at the same moment
                continue
        return found

    def _standard_text(self, words: Catalogue, channels: Sequence[ChannelName], categories: Sequence[str]) -> str:
        """A whole sentence for each channel."""
        lines = [words.say(f"standard.{channel}", venue=self._house) for channel in channels]
        if "*" not in categories:
            lines.append(words.say("standard.topics", topics=", ".join(categories)))
        return "\n".join(lines)

    # -- words --------------------------------------------------------------------------------------------------------

    def text(self, wording: Wording) -> str:
        """What it says."""
        return self._vault.open_venue("wordings", "text", wording.uuid, wording.text_sealed).decode()

    def of_row(self, row: int) -> Wording:
        """The wording that a consent or a question names: it is never taken away."""
        found = wordings.get(self._db.reader, row)
        assert found is not None  # noqa: S101 a foreign key holds it
        return found

    def view(self, wording: Wording) -> WordingView:
        """As callers see it."""
        return WordingView(
            ids.public("wrd", wording.uuid), wording.version, wording.language, wording.channels, wording.categories,
            self.text(wording), rfc3339(wording.created_at),
        )  # fmt: skip
