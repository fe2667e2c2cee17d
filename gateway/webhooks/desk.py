"""Everything about webhooks, put together."""

from collections.abc import Iterable

from msgspec import Struct

from gateway import ids
from gateway.clock import Clock
from gateway.egress import Egress
from gateway.letters import Letters
from gateway.logs import Log
from gateway.store.db import Database
from gateway.webhooks.collection import Collection
from gateway.webhooks.letterbox import Letterbox
from gateway.webhooks.payload import Payloads
from gateway.webhooks.post import Post
from gateway.webhooks.postmen import Postmen


class Desk(Struct):
    """The endpoints, their log, the postmen, and what both send is made of."""

    collection: Collection
    letterbox: Letterbox
    postmen: Postmen
    payloads: Payloads
    egress: Egress

    @classmethod
    def begin(
        cls, db: Database, letters: Letters, ids_: ids.Ids, clock: Clock, log: Log, allow: Iterable[str]
    ) -> "Desk":
        """With the exceptions of config.toml from the rule of public addresses. Nothing is sent before `start`."""
        egress, payloads = Egress(allow, clock), Payloads(letters)
        post = Post(db, letters.vault, payloads, egress, clock)
        collection = Collection(db, letters.vault, ids_, clock, egress)
        postmen = Postmen(db, post, ids_, clock, log)
        return cls(collection, Letterbox(db, collection, post, ids_), postmen, payloads, egress)

    async def drain(self, seconds: float) -> None:
        """End within `seconds`. What is not heard by then is sent again after the next start."""
        await self.postmen.drain(seconds)
        await self.egress.close()
