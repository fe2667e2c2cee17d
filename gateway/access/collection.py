"""Rules about access, made and taken away while the gateway runs."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from gateway import ids, reach, reading
from gateway.access.forms import AccessOrder, AccessRuleContent, AccessRuleList, AccessRuleQuery, AccessRuleView
from gateway.access.lists import Lists
from gateway.callers import KEY, Caller
from gateway.clock import Clock, parse_rfc3339, rfc3339, rfc3339_or_none
from gateway.errors import Conflict, Fault, Invalid, NotFound
from gateway.pages import cut
from gateway.reach import Reach
from gateway.store import access_rules, apikeys
from gateway.store.access_rules import AccessRule, NewAccessRule
from gateway.store.db import Database, Tx
from gateway.vault import Vault

MOST = 100_000
OVER_FOR_MS = 30 * 86_400_000
"""How long a rule that is over is still shown."""
AT_ONCE = 1000
NOTHING = b"\0" * 32
OWN = "what does not cover yourself; or force true, if you mean it"


class Collection:
    """All rules of the store: written down first, then in force, which they are with the answer."""

    def __init__(self, db: Database, vault: Vault, ids_: ids.Ids, clock: Clock, lists: Lists):
        self._db, self._vault, self._ids, self._clock, self._lists = db, vault, ids_, clock, lists

    async def one(self, public: str, with_content: bool, caller: Caller) -> AccessRuleView:
        """One rule. Raises NotFound."""
        return (await self._shown([self._find(public)], public if with_content else None, caller))[0]

    async def many(self, query: AccessRuleQuery, caller: Caller) -> AccessRuleList:
        """A page of rules, newest first."""
        rows = await self._db.read(access_rules.search, query.wanted, query.limit + 1)
        page, cursor = cut(rows, query.limit, lambda row: row.id)
        return AccessRuleList(await self._shown(page, query.include and "access-rules", caller), cursor)

    async def add(self, order: AccessOrder, caller: Caller, address: str) -> AccessRuleView:
        """A new rule; `address` is where the caller is. Raises Invalid with every fault of the order, Conflict where
        there is a rule about the same, or too many; and Forbidden, as `_need` does."""
        if faults := [*self._faults(order), *([] if order.force else _locked_out(order, caller, address))]:
            raise Invalid(faults=faults)
        new = self._new(order, caller)
        self._need(caller, new.api_key)

        def work(tx: Tx) -> AccessRule:
            _make_room(tx, new)
            tx.audit(caller.actor, f"access.{new.verdict}", ids.public("acl", new.uuid), _digest(new))
            return access_rules.add(tx, new)

        rule = await self._db.do(work)
        self._lists.take(rule)
        return _view(rule)

    async def remove(self, public: str, force: bool, caller: Caller, address: str) -> None:
        """Take a rule away. Raises NotFound, Forbidden, and without `force` Conflict for one that lets the caller
        in."""
        rule = self._find(public)
        self._need(caller, rule.api_key)
        if not force and rule.verdict == "allow" and _covers(rule.network, rule.api_key, caller, address):
            raise Conflict("This rule lets yourself in; say force=true if you mean it.")

        def work(tx: Tx) -> None:
            if access_rules.find(tx.connection, rule.uuid) is None:
                raise NotFound()
            access_rules.remove(tx, rule)
            tx.audit(caller.actor, "access.removed", public, _digest(rule))

        await self._db.do(work)
        self._lists.drop(rule)

    async def tidy(self) -> None:
        """Take away what has been over for long."""
        since = self._clock.now() - OVER_FOR_MS

        def work(tx: Tx) -> list[AccessRule]:
            rules = access_rules.remove_over(tx, since, AT_ONCE)
            if rules:
                tx.audit("gateway", "access.tidied", f"rules:{len(rules)}", NOTHING)
            return rules

        while gone := await self._db.do(work):
            for rule in gone:
                self._lists.drop(rule)

    def _find(self, public: str) -> AccessRule:
        uuid = ids.parse("acl", public)
        rule = access_rules.find(self._db.reader, uuid) if uuid else None
        if rule is None:
            raise NotFound()
        return rule

    def _need(self, caller: Caller, public: str | None) -> None:
        """Raise Forbidden unless the caller might as well end the key that a rule is about, if it is about one."""
        key = apikeys.find(self._db.reader, public) if public is not None else None
        if key is not None:
            caller.need("keys")
            caller.reach.need(Reach(key.scopes, key.networks, key.expires_at))

    def _faults(self, order: AccessOrder) -> Iterator[Fault]:
        """What is wrong with an order, but for whom it would lock out."""
        if (order.network is None) == (order.api_key is None):
            yield Fault("", "one-of", "either network or api_key")
        if order.network is not None and not reach.is_network(order.network):
            yield Fault("/network", "bad-network", "a network such as 10.0.0.0/8, or an address")
        if order.api_key is not None and apikeys.find(self._db.reader, order.api_key.removeprefix(KEY)) is None:
            yield Fault("/api_key", "unknown-key", "the id of an API key")
        if order.expires_at is not None and (parse_rfc3339(order.expires_at) or 0) <= self._clock.now():
            future = "RFC 3339 with a zone, and in the future, such as 2036-11-24T08:00:00Z"
            yield Fault("/expires_at", "bad-time", future)

    def _new(self, order: AccessOrder, caller: Caller) -> NewAccessRule:
        uuid = self._ids.new()
        return NewAccessRule(
            uuid,
            order.verdict,
            str(reach.network(order.network)) if order.network is not None else None,
            order.api_key.removeprefix(KEY) if order.api_key is not None else None,
            self._vault.seal_venue("access_rules", "reason", uuid, order.reason.encode()),
            caller.actor,
            parse_rfc3339(order.expires_at) if order.expires_at is not None else None,
        )

    async def _shown(self, rules: Sequence[AccessRule], subject: str | None, caller: Caller) -> list[AccessRuleView]:
        """Rules as they are shown; with their reasons where there is a `subject` to name in the record."""
        views = [_view(rule) for rule in rules]
        if subject is not None:
            await reading.note(self._db, caller, subject, [rule.uuid for rule in rules])
            for view, rule in zip(views, rules, strict=True):
                reason = self._vault.open_venue("access_rules", "reason", rule.uuid, rule.reason_sealed)
                view.content = AccessRuleContent(reason.decode())
        return views


def _covers(network: str | None, public: str | None, caller: Caller, address: str) -> bool:
    """Whether a rule is about the caller: the address he comes from, or his key."""
    near = network is not None and reach.within(address, (network,))
    return near or (public is not None and f"{KEY}{public}" in caller.names)


def _locked_out(order: AccessOrder, caller: Caller, address: str) -> list[Fault]:
    """What is wrong with an order that would deny whoever gives it."""
    if order.verdict == "allow":
        return []
    if order.network is not None and reach.is_network(order.network) and reach.within(address, (order.network,)):
        return [Fault("/network", "own-address", OWN)]
    return [Fault("/api_key", "own-key", OWN)] if order.api_key in caller.names else []


def _make_room(tx: Tx, new: NewAccessRule) -> None:
    """There is one rule about a network or a key: one that is over gives way. Raises Conflict."""
    before = access_rules.about(tx.connection, new)
    if before is not None:
        if before.expires_at is None or tx.now < before.expires_at:
            raise Conflict("There is a rule about this already; take it away first.")
        access_rules.remove(tx, before)
    if access_rules.count(tx.connection) >= MOST:
        raise Conflict(f"There are {MOST:,} rules already: deny larger networks.")


def _digest(rule: NewAccessRule | AccessRule) -> bytes:
    """What the record keeps of a rule: its reason is in it, sealed, and with it a nonce that nobody can guess."""
    return sha256(repr((rule.verdict, rule.network, rule.api_key, rule.reason_sealed)).encode()).digest()


def _view(rule: AccessRule) -> AccessRuleView:
    return AccessRuleView(
        id=ids.public("acl", rule.uuid),
        verdict=rule.verdict,
        network=rule.network,
        api_key=f"{KEY}{rule.api_key}" if rule.api_key is not None else None,
        author=rule.actor,
        created_at=rfc3339(rule.created_at),
        expires_at=rfc3339_or_none(rule.expires_at),
    )
