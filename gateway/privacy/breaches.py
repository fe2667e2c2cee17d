"""The register of breaches (GDPR Art. 33(5); BRE-1, BRE-2): every one is in it, whoever has to be told of it, with the
clocks that run towards the authorities, and whatever is said about it since."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from msgspec import UNSET, json, structs

from gateway import ids, metrics, pages, reading
from gateway.callers import Caller
from gateway.clock import Clock, milliseconds, rfc3339, rfc3339_or_none
from gateway.errors import Conflict, Fault, Invalid, NotFound, Precondition
from gateway.model import CONTACT_OF
from gateway.orders import MOST_RECIPIENTS, Segment
from gateway.privacy.breach_forms import (
    AuthorityEdit,
    AuthorityView,
    AuthorityWords,
    BreachContent,
    BreachEdit,
    BreachList,
    BreachOrder,
    BreachQuery,
    BreachView,
    NoticeView,
)
from gateway.rules import Clocked, Rulebook
from gateway.store import breaches, guestbook
from gateway.store.breaches import Around, Authority, Breach
from gateway.store.db import Database, Tx
from gateway.vault import Vault

HOUR, DAY = 3_600_000, 86_400_000
ALARM, ALARMS = 72 * HOUR, {"US": 30 * DAY, "AU": 30 * DAY}
"""When the alarm rings where no law names a time: some want it "as soon as feasible", or leave it to the states."""
KEPT_MS = 6 * 365 * DAY
"""How long a closed one stays (RET-1)."""
WORDS = ("facts", "effects", "remedy", "people", "records", "risk_reasons", "untold_reasons")
_decoder = json.Decoder(BreachContent)


class Breaches:
    """Keeps the register. `home` is the venue's country, `zone` its time zone."""

    def __init__(
        self, db: Database, vault: Vault, ids_: ids.Ids, clock: Clock, rulebook: Rulebook, home: str | None, zone: str
    ):
        self._db, self._vault, self._ids, self._clock = db, vault, ids_, clock
        self._rulebook, self._home, self._zone = rulebook, home, zone

    # -- writing ------------------------------------------------------------------------------------------------------

    async def add(self, order: BreachOrder, caller: Caller) -> BreachView:
        """Note a breach. Raises Invalid."""
        noticed = milliseconds(order.noticed_at)
        faults = (
            [] if noticed <= self._clock.now() + 60_000 else [Fault("/noticed_at", "bad-time", "not in the future")]
        )
        guests = await self._whom(order, faults)
        words = BreachContent(order.facts, order.effects, order.remedy, order.people, order.records)
        uuid = self._ids.new()
        sealed = self._seal(uuid, words)
        named = {*order.countries, *([self._home] if self._home else [])}

        def act(tx: Tx) -> None:
            row = breaches.add(tx, uuid, noticed, sealed)
            breaches.add_guests(tx, row, guests)
            self._add_authorities(tx, row, noticed, named)
            tx.audit(caller.actor, "breach.recorded", ids.public("bre", uuid), sha256(sealed).digest())

        await self._db.do(act)
        return self._again(uuid)

    async def change(self, public: str, order: BreachEdit, wanted: int | None, caller: Caller) -> BreachView:
        """Note what is known by now. Raises NotFound, Precondition, Invalid with every fault; Conflict for one that is
        closed, or that cannot be closed yet."""
        known = self.find(public)
        faults: list[Fault] = []
        guests = await self._whom(order, faults)

        def act(tx: Tx) -> None:
            now = breaches.find(tx.connection, known.uuid) or known
            if wanted is not None and now.version != wanted:
                raise Precondition()
            if now.closed_at is not None:
                raise Conflict("It is closed.")
            breaches.add_guests(tx, now.id, guests)
            self._add_authorities(tx, now.id, now.noticed_at, order.countries)
            words = self._edited(tx, now, order)
            risk = now.risk if order.risk is UNSET else order.risk
            if order.closed:
                self._close(tx, now, risk, words)
            sealed = self._seal(now.uuid, words)
            breaches.change(tx, now.id, risk, sealed, tx.now if order.closed else None)
            action = "breach.closed" if order.closed else "breach.changed"
            tx.audit(caller.actor, action, public, sha256(sealed).digest())

        await self._db.do(act)
        return self._again(known.uuid)

    async def told(self, breach: Breach, batch: str, caller: Caller) -> None:
        """Note that a batch tells the guests. Safe to repeat."""
        uuid = ids.parse("bat", batch) or b""

        def act(tx: Tx) -> None:
            if breaches.told(tx, breach.id, uuid):
                tx.audit(caller.actor, "breach.told", ids.public("bre", breach.uuid), sha256(uuid).digest())

        await self._db.do(act)

    async def _whom(self, order: BreachOrder | BreachEdit, faults: list[Fault]) -> list[int]:
        """The rows of the guests it is about. Raises Invalid with these faults and its own."""
        uuids = [ids.parse("gst", public) or b"" for public in order.guests]
        rows = await self._db.read(breaches.rows_of, uuids)
        faults += [
            Fault(f"/guests/{place}", "unknown-guest", "the id of a guest who is there")
            for place, row in enumerate(rows)
            if row is None
        ]
        if faults:
            raise Invalid(faults=faults)
        return [row for row in rows if row] + (await self._found(order.filter) if order.filter else [])

    async def _found(self, segment: Segment) -> list[int]:
        """Whoever is in a segment now; everybody, where it says nothing. Raises Invalid for too many."""
        found: set[bytes] = set()
        for kind in set(CONTACT_OF.values()):
            found.update(await self._db.read(
                guestbook.segment, kind, segment.tags, segment.language, segment.country, MOST_RECIPIENTS + 1
            ))  # fmt: skip
        if len(found) > MOST_RECIPIENTS:
            raise Invalid(faults=[Fault("/filter", "too-many", f"at most {MOST_RECIPIENTS} guests at once")])
        return [row for row in await self._db.read(breaches.rows_of, sorted(found)) if row]

    def _add_authorities(self, tx: Tx, row: int, noticed: int, named: Sequence[str] | set[str]) -> None:
        """Start a clock for each country that has none: those named, and those of the guests."""
        countries = {*named, *breaches.countries(tx.connection, row)}
        breaches.add_authorities(tx, row, [self._authority(country, noticed) for country in sorted(countries)])

    def _authority(self, country: str, noticed: int) -> Authority:
        law = self._rulebook.law_of(country)
        asked = Clocked(jurisdiction=law, what="breach", received_at=noticed, timezone=self._zone, country=country)
        try:
            due = self._rulebook.deadline(asked)
        except Invalid:  # no law there names a time
            return Authority(country, noticed + ALARMS.get(law, ALARM), None)
        return Authority(country, due.ends_at, due.reasons[0])

    def _edited(self, tx: Tx, now: Breach, order: BreachEdit) -> BreachContent:
        """The words with what the order says, and its authorities settled. Raises Invalid with every fault."""
        words = self._open(now)
        authorities = {one.country: one for one in breaches.around(tx.connection, now.id).authorities}
        said, faults = dict(words.authorities), []
        for place, edit in enumerate(order.authorities):
            at = milliseconds(edit.at) if edit.at else tx.now
            wrong = _faults_of(edit, authorities.get(edit.country), at, now, tx.now)
            faults += [fault._replace(pointer=f"/authorities/{place}{fault.pointer}") for fault in wrong]
            breaches.settle(tx, now.id, edit.country, edit.status, at)
            said[edit.country] = AuthorityWords(edit.reference, edit.reasons)
        risky = order.risk not in (UNSET, "high") and order.risk_reasons is UNSET and words.risk_reasons is None
        if risky:
            faults.append(Fault("/risk_reasons", "missing", "why the risk is no higher (GDPR Art. 33(1), 34(1))"))
        if faults:
            raise Invalid(faults=faults)
        new = {name: value for name in WORDS if (value := getattr(order, name)) is not UNSET}
        return structs.replace(words, authorities=said, **new)

    def _close(self, tx: Tx, now: Breach, risk: str | None, words: BreachContent) -> None:
        """See that nothing is left to do. Where a risk is unlikely no authority need be told. Raises Conflict."""
        stands = breaches.around(tx.connection, now.id)
        if risk is None or words.effects is None or words.remedy is None:
            raise Conflict("First say its risk, its effects and its remedy: the register needs them.")
        left = [one.country for one in stands.authorities if one.state == "open"]
        if risk == "unlikely":
            for country in left:
                breaches.settle(tx, now.id, country, "not_required", tx.now)
        elif left:
            raise Conflict(f"First say what became of the authorities of {', '.join(left)}.")
        if risk == "high" and not stands.notices and words.untold_reasons is None:
            raise Conflict("First tell the guests, or say in untold_reasons why they are not told.")

    # -- reading ------------------------------------------------------------------------------------------------------

    async def one(self, public: str, with_content: bool, caller: Caller) -> BreachView:
        """One breach. Raises NotFound."""
        return (await self._shown([self.find(public)], with_content, caller))[0]

    async def many(self, query: BreachQuery, caller: Caller) -> BreachList:
        """A page of the register."""
        rows = await self._db.read(breaches.search, query.wanted, query.limit + 1)
        page, cursor = pages.cut(rows, query.limit, lambda row: row.id)
        return BreachList(await self._shown(page, query.include is not None, caller), cursor)

    def find(self, public: str) -> Breach:
        """The row behind a public id. Raises NotFound."""
        uuid = ids.parse("bre", public)
        found = breaches.find(self._db.reader, uuid) if uuid else None
        if found is None:
            raise NotFound()
        return found

    async def guests(self, breach: Breach) -> list[str]:
        """The public ids of the guests it is about who are still there."""
        return [ids.public("gst", uuid) for uuid in await self._db.read(breaches.guests, breach.id)]

    async def _shown(self, rows: Sequence[Breach], with_content: bool, caller: Caller) -> list[BreachView]:
        views = [self._view(row) for row in rows]
        if with_content:
            subject = views[0].id if len(views) == 1 else "breaches"
            await reading.note(self._db, caller, subject, [row.uuid for row in rows])
            for one, row in zip(views, rows, strict=True):
                one.content = self._open(row)
        return views

    def _again(self, uuid: bytes) -> BreachView:
        return self._view(self.find(ids.public("bre", uuid)))

    def _view(self, row: Breach) -> BreachView:
        return view(row, breaches.around(self._db.reader, row.id), self._clock.now())

    # -- clocks -------------------------------------------------------------------------------------------------------

    def measure(self) -> None:
        """Count the authorities that have heard nothing yet, by how near the time is."""
        left = [at - self._clock.now() for at in breaches.due(self._db.reader)]
        metrics.BREACH_CLOCKS.labels("late").set(sum(ms < 0 for ms in left))
        metrics.BREACH_CLOCKS.labels("soon").set(sum(0 <= ms < DAY for ms in left))
        metrics.BREACH_CLOCKS.labels("later").set(sum(ms >= DAY for ms in left))

    async def forget_old(self) -> None:
        """Take away what was closed six years ago."""

        def act(tx: Tx) -> None:
            for uuid in breaches.forget(tx, tx.now - KEPT_MS):
                tx.audit("gateway", "breach.forgotten", ids.public("bre", uuid), sha256(uuid).digest())

        await self._db.do(act)

    def _seal(self, uuid: bytes, words: BreachContent) -> bytes:
        return self._vault.seal_venue("breaches", "words", uuid, json.encode(words))

    def _open(self, row: Breach) -> BreachContent:
        return _decoder.decode(self._vault.open_venue("breaches", "words", row.uuid, row.words_sealed))


def _faults_of(edit: AuthorityEdit, known: Authority | None, at: int, breach: Breach, now: int) -> list[Fault]:
    """What is wrong with what is said of an authority: late needs reasons (Art. 33(1)), and so does none at all."""
    if known is None:
        return [Fault("/country", "unknown-country", "a country of this breach; add it with `countries`")]
    faults = []
    if not breach.noticed_at <= at <= now + 60_000:
        faults.append(Fault("/at", "bad-time", "between the notice and now"))
    if edit.reasons is None and edit.status == "not_required":
        faults.append(Fault("/reasons", "missing", "why it need not be told"))
    if edit.reasons is None and edit.status == "notified" and at > known.due_at:
        faults.append(Fault("/reasons", "missing", f"why it was told after {rfc3339(known.due_at)}"))
    return faults


def view(row: Breach, stands: Around, now: int) -> BreachView:
    """A breach without what is sealed."""
    return BreachView(
        id=ids.public("bre", row.uuid),
        version=row.version,
        status="closed" if row.closed_at is not None else "open" if row.risk is None else "assessed",
        risk=row.risk,  # type: ignore[arg-type]  # only such words were written
        noticed_at=rfc3339(row.noticed_at),
        created_at=rfc3339(row.created_at),
        closed_at=rfc3339_or_none(row.closed_at),
        guests=stands.guests,
        authorities=[_authority(one, now) for one in stands.authorities],
        notices=[NoticeView(ids.public("bat", batch), rfc3339(at)) for batch, at in stands.notices],
    )


def _authority(one: Authority, now: int) -> AuthorityView:
    told: Any = one.state
    late = one.state != "not_required" and (one.settled_at or now) > one.due_at
    return AuthorityView(one.country, told, rfc3339(one.due_at), one.rule, rfc3339_or_none(one.settled_at), late)
