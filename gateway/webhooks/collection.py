"""The endpoints that events go to: added, changed, given new secrets, switched off and taken away."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway import ids
from gateway.callers import Caller
from gateway.clock import Clock, rfc3339, rfc3339_or_none
from gateway.egress import Egress
from gateway.errors import Conflict, Fault, Invalid, NotFound, Precondition
from gateway.pages import PageQuery, cursor
from gateway.store import deliveries, webhooks
from gateway.store.db import Database, Tx
from gateway.store.webhooks import NewWebhook, Webhook
from gateway.vault import Vault
from gateway.webhooks.payload import EVENTS
from gateway.webhooks.target import Target, seal, unseal

DAY = 86_400
MOST = 20
Url = Annotated[str, Meta(max_length=2000)]
Events = Annotated[list[str], Meta(min_length=1, max_length=50)]


class WebhookOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A new webhook. `events`: names of events, or `*` for all."""

    url: Url
    events: Events = field(default_factory=lambda: ["*"])
    include_metadata: bool = False


class WebhookChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different about a webhook; a member left out stays as it is."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    include_metadata: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class SecretOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """How many seconds the old secret still signs beside the new one."""

    overlap: Annotated[int, Meta(ge=0, le=30 * DAY)] = DAY


class WebhookView(Struct, frozen=True, kw_only=True):
    """A webhook, without its secrets."""

    id: str
    url: str
    events: list[str]
    include_metadata: bool
    enabled: bool
    disabled_at: str | None
    old_secret_until: str | None
    created_at: str
    version: int
    secret: str | UnsetType = UNSET
    """The new secret: shown once, when it is drawn."""


class WebhookList(Struct, frozen=True):
    """A page of webhooks, newest first."""

    items: list[WebhookView]
    next_cursor: str | None


class Collection:
    """All webhooks. Raises NotFound, and Precondition when `version` is not today's."""

    def __init__(self, db: Database, vault: Vault, ids_: ids.Ids, clock: Clock, egress: Egress):
        self._db, self._vault, self._ids, self._clock, self._egress = db, vault, ids_, clock, egress

    def find(self, public: str) -> Webhook:
        """The row behind a public id."""
        uuid = ids.parse("whk", public)
        webhook = webhooks.find(self._db.reader, uuid) if uuid else None
        if webhook is None:
            raise NotFound()
        return webhook

    async def many(self, query: PageQuery) -> WebhookList:
        """A page of webhooks."""
        before, limit = query.before, query.limit
        rows = await self._db.read(webhooks.page, before, limit + 1)
        last = cursor(rows[limit - 1].id) if len(rows) > limit else None
        return WebhookList([self._view(row) for row in rows[:limit]], last)

    def one(self, public: str) -> WebhookView:
        """One webhook."""
        return self._view(self.find(public))

    async def add(self, order: WebhookOrder, caller: Caller) -> WebhookView:
        """A new webhook with its secret. Raises Invalid, UrlNotAllowed, and Conflict when there are too many."""
        events = _events(order.events)
        await self._egress.check(order.url)
        uuid, target = self._ids.new(), Target.new(order.url)
        new = NewWebhook(uuid, seal(self._vault, uuid, target), events, order.include_metadata)

        def work(tx: Tx) -> None:
            if webhooks.count(tx.connection) >= MOST:
                raise Conflict(f"There are {MOST} webhooks already.")
            webhooks.add(tx, new)
            _audit(tx, caller.actor, "webhook.created", uuid, new.target_sealed)

        await self._db.do(work)
        return self._again(uuid, target.secrets[0].text)

    async def change(self, public: str, order: WebhookChange, caller: Caller, version: int | None) -> WebhookView:
        """Change a webhook; what waits goes where it now says. One that is switched off forgets what waits; switched on
        again, it hears of what happens from then on. Raises Invalid, UrlNotAllowed."""
        known = self.find(public)
        new = known
        if order.events is not UNSET:
            new = new._replace(events=_events(order.events))
        if order.include_metadata is not UNSET:
            new = new._replace(include_metadata=order.include_metadata)
        if order.url is not UNSET:
            await self._egress.check(order.url)
            target = Target(order.url, self._target(known).secrets)
            new = new._replace(target_sealed=seal(self._vault, known.uuid, target))

        def act(tx: Tx) -> None:
            webhooks.change(tx, new)
            if order.enabled is True:
                webhooks.enable(tx, known.id)
            if order.enabled is False:
                switch_off(tx, known.id)

        await self._act(known, caller, version, "webhook.changed", act)
        return self._again(known.uuid)

    async def rotate(self, public: str, overlap: int, caller: Caller) -> WebhookView:
        """A new secret; the one before signs beside it for `overlap` seconds, an older one no more."""
        known = self.find(public)
        target = self._target(known).rotated(self._clock.now() + overlap * 1000)
        new = known._replace(target_sealed=seal(self._vault, known.uuid, target))
        await self._act(known, caller, None, "webhook.rotated", lambda tx: webhooks.change(tx, new))
        return self._again(known.uuid, target.secrets[0].text)

    async def remove(self, public: str, caller: Caller, version: int | None) -> None:
        """Take a webhook away, with its log. What is being sent at this moment may still arrive."""
        known = self.find(public)
        await self._act(known, caller, version, "webhook.removed", lambda tx: switch_off(tx, known.id))
        while await self._db.write(deliveries.forget, known.id):
            pass

        def last(tx: Tx) -> None:
            deliveries.forget(tx, [known.id])  # somebody may have tried it out meanwhile
            webhooks.remove(tx, known.id)

        await self._db.do(last)

    async def _act(
        self, known: Webhook, caller: Caller, version: int | None, action: str, act: Callable[[Tx], object]
    ) -> None:
        """Act on a webhook that is still as it was read, and of the version that the caller has seen."""

        def work(tx: Tx) -> None:
            webhook = webhooks.get(tx.connection, known.id)
            if webhook is None or {webhook.version, version or webhook.version} != {known.version}:
                raise Precondition()
            act(tx)
            changed = webhooks.get(tx.connection, known.id)
            _audit(tx, caller.actor, action, known.uuid, changed.target_sealed if changed else b"")

        await self._db.do(work)

    def _target(self, webhook: Webhook) -> Target:
        return unseal(self._vault, webhook.uuid, webhook.target_sealed)

    def _again(self, uuid: bytes, secret: str | None = None) -> WebhookView:
        """A webhook as it stands after it was written."""
        return self._view(self.find(ids.public("whk", uuid)), secret)

    def _view(self, webhook: Webhook, secret: str | None = None) -> WebhookView:
        target, now = self._target(webhook), self._clock.now()
        ends = [one.ends_at for one in target.secrets if one.ends_at is not None and one.ends_at > now]
        return WebhookView(
            id=ids.public("whk", webhook.uuid),
            url=target.url,
            events=list(webhook.events),
            include_metadata=webhook.include_metadata,
            enabled=webhook.disabled_at is None,
            disabled_at=rfc3339_or_none(webhook.disabled_at),
            old_secret_until=rfc3339_or_none(ends[0] if ends else None),
            created_at=rfc3339(webhook.created_at),
            version=webhook.version,
            secret=UNSET if secret is None else secret,
        )


def switch_off(tx: Tx, webhook_id: int) -> bool:
    """Tell a webhook nothing more, and let nothing of it wait; whether it was told until now."""
    deliveries.end(tx, webhook_id)
    return webhooks.disable(tx, webhook_id)


def _audit(tx: Tx, actor: str, action: str, uuid: bytes, sealed: bytes) -> None:
    tx.audit(actor, action, ids.public("whk", uuid), sha256(sealed).digest())


def _events(names: Iterable[str]) -> tuple[str, ...]:
    """Names of events, each once. Raises Invalid for one that is none."""
    known = ("*", *EVENTS)
    faults = [
        Fault(f"/events/{index}", "unknown-event", f"one of {', '.join(known)}")
        for index, name in enumerate(names)
        if name not in known
    ]
    if faults:
        raise Invalid(faults=faults)
    return tuple(dict.fromkeys(names))
