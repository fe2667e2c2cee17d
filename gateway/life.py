"""Opens the parts in order, holds them while they work, and closes them in reverse.

config → lock → key check → check of the queue's tables → migrations → plugins → ready. Whatever is not right stops the
start with one sentence, before anything is written.
"""

import asyncio
import os
import sqlite3
import traceback
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

from msgspec import json

from gateway import __version__, access, metrics, parts, plugins
from gateway.abuse import Register, Watch
from gateway.addresses import Addresses
from gateway.bulk import forget_unfinished
from gateway.clock import Clock, SystemClock
from gateway.config import Config, restart_needed, show
from gateway.data_folder import DataFolder
from gateway.delivery.worker import hold_unserved, recover
from gateway.entrance import Entrance
from gateway.errors import Draining
from gateway.facts import Facts
from gateway.guestbook import Book, Entries, Exports, Imports
from gateway.guestbook.seals import Seals
from gateway.health import Health
from gateway.housekeeping import Chore, Housekeeping
from gateway.ids import Ids, public
from gateway.limits import LimiterTime, StoreLedger
from gateway.limits.accounts import Accounts
from gateway.limits.refusals import Refusals
from gateway.logs import Log
from gateway.overload import Overload
from gateway.people import People
from gateway.privacy import (
    Erasure,
    Holds,
    Visitors,
)
from gateway.record import NOTHING, Outside, Proofs, Record, Reports
from gateway.record.receipts import ReceiptChecks
from gateway.repeats import Repeats
from gateway.store import (
    access_rules,
    counters,
    data_requests,
    deliveries,
    guests,
    limits,
    outbox,
    schema,
    suppressions,
)
from gateway.store.db import Database
from gateway.store.reserve import Reserve
from gateway.suppression_lists import SuppressionLists
from gateway.suppressions import Suppressions
from gateway.vault import Vault

DRAIN_SECONDS = 6.0
FIRST_AGEING = 60.0
"""Seconds after the start."""
LATE_FOR_MS = 30 * 86_400_000
"""How long a stop that was entered too late is shown to whoever watches."""
SETTLED = 2.0
"""Seconds after which a start no longer needs all of the processor."""


class Gateway:
    """The opened parts. Views and commands reach everything through it; nothing in it knows of HTTP."""

    def __init__(self, config: Config, data: DataFolder, clock: Clock | None = None, log: Log | None = None):
        self.config, self.data = config, data
        self.clock = clock or SystemClock()
        self.log = log or Log(level=config.logs.level, style=config.logs.format)
        self.ids = Ids(self.clock)
        self.log_requests = True
        self.ports: list[int] = []
        self.debug = os.environ.get("GATEWAY_DEBUG") == "1"
        self._tasks: list[asyncio.Task] = []
        self._closing: list[Callable[[], Any]] = []

    # -- opening ------------------------------------------------------------------------------------------------------

    async def open(self) -> "Gateway":
        """Everything but the doors. Raises a StartRefused and leaves nothing open."""
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise
        return self

    async def _open(self) -> None:
        self._take_folder()
        self.vault = Vault.open(self.data.keys, self.data.key_file)
        self._closing.append(self.vault.close)
        fresh = not self.data.database.exists()
        if not fresh:
            schema.check_tables(self.data.database)
        schema.create_or_migrate(self.data.database)
        self._open_store()
        self.ledger = StoreLedger(self.db)
        self.limiter_time = LimiterTime(self.clock, self.ledger.latest())
        self.accounts = Accounts(self.ledger)
        self.refusals = Refusals()
        self._check_guest_keys()
        self.plugins = plugins.find(self.config.plugins.paths)
        self._begin()
        self.parts = parts.build(self.keeps, self.config)
        self._closing.append(self._close_way_out)
        self.watch = Watch(self.abuse, self.config.abuse, self.vault, self.clock, self.log)
        self.abuse.released = self.watch.release
        self.watch.load()
        self.entrance = Entrance(self.clock)
        self.overload = Overload(self.db, self.entrance, self.config.overload, self.clock, self.log)
        self.health = Health(self.db, self.clock, self.record.last_time)
        rules = [(rule.id, rule.name) for rule in self.parts.limits.rules.values()]
        await self.db.do(lambda tx: limits.adopt(tx, rules))
        await forget_unfinished(self.db)
        await self._end_erasures()
        await self._count_days(self.config)
        await recover(self.db, self.parts.routes)

    def _take_folder(self) -> None:
        self.data.make()
        self.data.lock()
        self._closing.append(self.data.unlock)
        self.data.check_file_system(self.config.store.allow_network_fs)

    def _open_store(self) -> None:
        self.reserve = Reserve(self.data.path / "reserve", self.config.store.reserve)
        self.reserve.fill()
        self.db = Database(self.data.database, self.clock, self._die, self.reserve)
        self.db.open()
        self._closing.append(self.db.close)
        self.record = Record(self.db, self.vault, self.clock, self.config.audit)
        self.db.before_commit = self.record.write
        self.db.after_commit = self.record.committed

    def _check_guest_keys(self) -> None:
        """Every guest's key must be there: without it his messages could neither be read nor sent."""
        self.vault.keys.check(guests.keys_in_use(self.db.reader))
        self.vault.keys.begin(guests.highest_key(self.db.reader))

    async def _count_days(self, config: Config) -> None:
        """Days are counted in the venue's time zone, and anew when that was changed."""
        if counters.zone_of_days(self.db.reader) != config.venue.timezone:
            await self.db.write(counters.days_in, config.venue.timezone)

    async def _end_erasures(self) -> None:
        """Whoever is erased is so altogether, before anything is sent or shown."""
        if count := await self.erasure.resume():
            self.log.warning("erasures were brought to their end", count=count)

    def _begin(self) -> None:
        """What does not depend on the configuration."""
        self.facts = Facts(self.db)
        self.addresses = Addresses(self.db, self.vault, self.facts)
        self.visitors = Visitors(self.db, self.vault)
        lists = access.Lists(access_rules.all_(self.db.reader))
        self.access = access.Collection(self.db, self.vault, self.ids, self.clock, lists)
        issuer = self.config.link_base or "guest-gateway"
        self.people = People.begin(
            self.db, self.vault, self.ids, self.clock, issuer, self.data.setup_code, lists.denies
        )
        self.callers = self.people.callers
        self.proofs = Proofs(self.db, self.record)
        self.receipt_checks = ReceiptChecks(self.db, self.record)
        self.reports = Reports(self.db, self.record, self.clock)
        self.outside = Outside(self.config.audit, self.db, self.clock, self.log, lambda: self.parts.intake)
        self.repeats = Repeats(self.db, self.vault, self.clock)
        self.repeats.load()
        seals = Seals(self.vault, self.ids)
        self.book = Book(self.db, seals, self.addresses)
        self.entries = Entries(self.db, seals, self.addresses, self.ids)
        self.imports = Imports(self.db, seals, self.vault.index, self.ids)
        self.exports = Exports(self.db, seals)
        self.erasure = Erasure(self.db, self.vault.keys, self.ids)
        self.holds = Holds(self.db, self.vault, self.ids)
        self.abuse = Register(self.db, self.vault, self.ids, self.clock)
        self.suppressions = Suppressions(self.db, self.vault)
        self.suppression_lists = SuppressionLists(self.db, self.suppressions)
        self.keeps = parts.Keeps(
            self.db, self.vault, self.data, self.plugins, self.ids, self.clock, self.log, self.facts, self.addresses,
            self.visitors, self.repeats, seals, self.entries, self.people.users, self.erasure, self.accounts,
            self.limiter_time, self.refusals, lists,
        )  # fmt: skip

    # -- working ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to deliver, and to look after the house."""
        metrics.INFO.labels(__version__, sqlite3.sqlite_version).set(1)
        await self._note("gateway.started", f"version:{__version__}")
        await self._note_config()
        await self._deliver()
        self.health.started = True
        self.health.start()
        self.overload.start()
        chores = Housekeeping(self.log, self._die, self.defect)
        self._tasks = [
            asyncio.create_task(self._check_whole_file(), name="check the whole file"),
            asyncio.create_task(chores.every(60, self._minutely), name="chores of the minute"),
            asyncio.create_task(chores.every(3600, self._hourly), name="chores of the hour"),
            asyncio.create_task(chores.every(3600, self._daily, FIRST_AGEING), name="chores of the day"),
            asyncio.create_task(self.outside.run(), name="checkpoints to the outside"),
        ]

    async def _deliver(self) -> None:
        """Bring messages to providers, and events to webhooks."""
        await hold_unserved(self.db, self.parts.routes)
        await self.parts.delivery.start()
        self.parts.webhooks.postmen.start()
        if opened := self.config.egress.allow:
            self.log.warning("webhooks may reach addresses that are not public", count=len(opened))

    def admit(self) -> None:
        """Raise Draining once the gateway is on its way out."""
        if self.health.draining:
            raise Draining()

    async def _check_whole_file(self) -> None:
        """Look through every page of the store, once the start is over: damage found later is found too late."""
        await asyncio.sleep(SETTLED)
        try:
            await asyncio.to_thread(schema.check_tables, self.data.database, ())
        except Exception as error:  # noqa: BLE001 whatever it is, the file cannot be trusted
            self.db.check_files()  # without its log the file looks damaged, and is not
            self.log.error("the store is damaged", error=type(error).__name__)
            self._end(65)

    def _minutely(self) -> list[Chore]:
        """Spare keys, a checkpoint of the record if one is due, space kept back, and the clocks of people."""
        return [partial(asyncio.to_thread, self.vault.keys.refill), self.record.checkpoint_if_due,
                partial(asyncio.to_thread, self.reserve.fill), partial(self.people.tidy, hourly=False),
                self.parts.requests.rounds.go, self.watch.tidy]  # fmt: skip

    def _hourly(self) -> list[Chore]:
        """What is old goes; what is about to end is told."""
        now = self.parts
        return [
            partial(self.people.tidy, hourly=True), now.requests.rounds.forget_old, self.erasure.tidy,
            self.imports.tidy, self.repeats.forget_old, now.limits.forget_whole, now.webhooks.postmen.forget_old,
            now.asks.tidy, now.endings.tidy, now.breaches.forget_old, now.complaints.forget_old, self.access.tidy,
            self.abuse.forget_old,
        ]  # fmt: skip

    def _daily(self) -> list[Chore]:
        """What has lived through its time goes: once a day, which it sees to itself."""
        return [self.parts.retention.tidy]

    def request_id(self) -> str:
        """A fresh name for a request."""
        return public("req", self.ids.new())

    def defect(self, error: Exception) -> None:
        """A defect of ours came to light: with `--debug` its traceback goes to stderr."""
        if self.debug:
            traceback.print_exception(error)

    def measure(self) -> None:
        """Bring the gauges up to date."""
        metrics.QUEUE.clear()
        for channel, lease, count in outbox.counts(self.db.reader):
            metrics.QUEUE.labels(channel, ("waiting", "leased", "held")[lease]).set(count)
        metrics.LATE_STOPS.set(suppressions.late(self.db.reader, self.clock.now() - LATE_FOR_MS))
        metrics.WEBHOOK_WAITING.set(deliveries.all_waiting(self.db.reader))
        metrics.DATA_REQUESTS.clear()
        for kind, clock, count in data_requests.counts(self.db.reader, self.clock.now()):
            metrics.DATA_REQUESTS.labels(kind, clock).set(count)
        self.outside.measure()
        self.parts.breaches.measure()
        self.parts.complaints.measure()
        self.parts.spending.measure()

    async def reload(self, config: Config) -> list[str]:
        """Take a new configuration, whole; or name the keys of it that need a restart and change nothing. Raises
        NotUsable for one that cannot be used, and changes nothing either."""
        if refused := restart_needed(self.config, config):
            return refused
        made, before = parts.build(self.keeps, config), self.parts
        await self._count_days(config)
        self.config, self.parts = config, made
        self.overload.marks, self.watch.rules = config.overload, config.abuse
        await self._note_config()
        await asyncio.gather(before.delivery.drain(DRAIN_SECONDS), before.webhooks.drain(DRAIN_SECONDS))
        for gone in before.routes.providers.keys() - made.routes.providers.keys():
            metrics.PROVIDER_UP.remove(gone)
            metrics.PROVIDER_PACE.remove(gone)
        await self._deliver()
        return []

    # -- ending -------------------------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take nothing new, finish what is being handed over."""
        self.health.draining = True
        await asyncio.gather(self.parts.delivery.drain(DRAIN_SECONDS), self.parts.webhooks.drain(DRAIN_SECONDS))

    async def close(self) -> None:
        """Close what was opened, last first."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
            self.health.stop()
            self.overload.stop()
            await self.callers.note_use()
            await self._note("gateway.stopped", f"version:{__version__}")
            await self.record.checkpoint()
            await self.outside.last_word()
        while self._closing:
            done = self._closing.pop()()
            if asyncio.iscoroutine(done):
                await done

    async def _note(self, action: str, object_: str, data_hash: bytes = NOTHING) -> None:
        """Note in the record what the gateway itself did."""
        await self.db.do(lambda tx: tx.audit("gateway", action, object_, data_hash))

    async def _note_config(self) -> None:
        """Note which configuration is in force from now on, and which rules."""
        digest = sha256(json.encode([(one.key, one.value) for one in show(self.config)])).digest()
        await self._note("config.taken", f"rules:{self.parts.compliance.rulebook.version.replace('+', '.')}", digest)

    async def _close_way_out(self) -> None:
        """Of the parts that work now: a reload closes those it replaces."""
        await self.parts.webhooks.egress.close()

    def _die(self, reason: str) -> None:
        """Storage failed: stop before anything is acknowledged that may not be there."""
        self.log.error("storage failed", error=reason)
        self._end(70)

    def _end(self, code: int) -> None:
        self.log.close()
        os._exit(code)
