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

from msgspec import Struct, json

from gateway import __version__, metrics, plugins
from gateway.addresses import Addresses
from gateway.analytics import Analytics
from gateway.batches import Batches
from gateway.bulk import Bulk, forget_unfinished
from gateway.clock import Clock, SystemClock
from gateway.compliance import Compliance
from gateway.config import Config, ConfigFault, ConfigFaults, restart_needed, show
from gateway.data_folder import DataFolder
from gateway.delivery import Courier, Delivery, Release
from gateway.delivery.apart import Apart
from gateway.delivery.prepare import Preparation
from gateway.delivery.warm_up import WarmUp
from gateway.delivery.worker import hold_unserved, recover
from gateway.drafts import Drafts
from gateway.errors import Draining, GatewayError, StorageFailed, Unavailable
from gateway.facts import Facts
from gateway.guestbook import Book, Entries, Exports, Imports
from gateway.guestbook.seals import Seals
from gateway.health import Health
from gateway.ids import Ids, public
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.limits import LimiterTime, Limits, StoreLedger, tables
from gateway.limits.accounts import Accounts
from gateway.limits.overview import Overview
from gateway.limits.refusals import Refusals
from gateway.logs import Log
from gateway.model import CHANNELS
from gateway.overload import Overload
from gateway.people import People
from gateway.permits import Permits
from gateway.privacy import (
    Asks,
    Button,
    Confirmations,
    Consents,
    Deadlines,
    Endings,
    Erasure,
    FirstAsks,
    Holds,
    OptOuts,
    Preferences,
    Questions,
    Receipts,
    Retention,
    Topics,
    Visitors,
    Wishes,
    Wordings,
    house_of,
)
from gateway.privacy.breaches import Breaches
from gateway.privacy.notices import Notices
from gateway.privacy.processing import Processing
from gateway.privacy.requests import desk
from gateway.recall import Recall
from gateway.recipients import Recipients
from gateway.record import NOTHING, Outside, Proofs, Record, Reports
from gateway.repeats import Repeats
from gateway.routing import Provider, Routes
from gateway.rules import Rulebook
from gateway.stationery import Cabinet, Printing
from gateway.store import counters, data_requests, deliveries, guests, limits, outbox, schema, suppressions
from gateway.store.db import Database
from gateway.store.reserve import Reserve
from gateway.stories import Stories
from gateway.suppression_lists import SuppressionLists
from gateway.suppressions import Suppressions
from gateway.tools import ProviderTools
from gateway.vault import Vault
from gateway.webhooks.desk import Desk

DRAIN_SECONDS = 6.0
FIRST_AGEING = 60.0
"""Seconds after the start."""
LATE_FOR_MS = 30 * 86_400_000
"""How long a stop that was entered too late is shown to whoever watches."""
SETTLED = 2.0
"""Seconds after which a start no longer needs all of the processor."""


class Parts(Struct):
    """What works, as one configuration made it. A reload replaces all of it; a request keeps what it began with."""

    config: Config
    routes: Routes
    limits: Limits
    overview: Overview
    compliance: Compliance
    permits: Permits
    stories: Stories
    intake: Intake
    bulk: Bulk
    batches: Batches
    recall: Recall
    consents: Consents
    wordings: Wordings
    asks: Asks
    first_asks: FirstAsks
    confirmations: Confirmations
    receipts: Receipts
    endings: Endings
    opt_outs: OptOuts
    requests: desk.Desk
    topics: Topics
    button: Button
    retention: Retention
    preferences: Preferences
    wishes: Wishes
    breaches: Breaches
    notices: Notices
    processing: Processing
    analytics: Analytics
    printing: Printing
    cabinet: Cabinet
    delivery: Delivery
    webhooks: Desk


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
        self.parts = self._build(self.config)
        self._closing.append(self._close_way_out)
        self.overload = Overload(self.db, self.config.overload, self.clock, self.log)
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
        reserve = Reserve(self.data.path / "reserve", self.config.store.reserve)
        reserve.fill()
        self.db = Database(self.data.database, self.clock, self._die, reserve)
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
        issuer = self.config.link_base or "guest-gateway"
        self.people = People.begin(self.db, self.vault, self.ids, self.clock, issuer, self.data.setup_code)
        self.callers = self.people.callers
        self.proofs = Proofs(self.db, self.record)
        self.reports = Reports(self.db, self.record, self.clock)
        self.outside = Outside(self.config.audit, self.db, self.clock, self.log, lambda: self.parts.intake)
        self.repeats = Repeats(self.db, self.vault, self.clock)
        self.repeats.load()
        self.seals = seals = Seals(self.vault, self.ids)
        self.book = Book(self.db, seals, self.addresses)
        self.entries = Entries(self.db, seals, self.addresses, self.ids)
        self.imports = Imports(self.db, seals, self.vault.index, self.ids)
        self.exports = Exports(self.db, seals)
        self.erasure = Erasure(self.db, self.vault.keys, self.ids)
        self.holds = Holds(self.db, self.vault, self.ids)
        self.suppressions = Suppressions(self.db, self.vault)
        self.suppression_lists = SuppressionLists(self.db, self.suppressions)

    def _build(self, config: Config) -> Parts:
        """Everything that works, out of the parts that keep. Raises NotUsable and changes nothing."""
        db, clock = self.db, self.clock
        rulebook = Rulebook(self.plugins.packs, config.compliance.policy, config.compliance.rules)
        providers = self._providers(config)
        rules = tables.rules(config, self.plugins.limiters)
        limits_ = Limits(rules, self.accounts, self.limiter_time, self.refusals.note)
        routes = Routes(providers)
        letters = Letters(self.vault, self.ids, clock, config.link_base, config.venue.language)
        topics = Topics(db, config)
        channels = [channel for channel in CHANNELS if routes.serving(channel)]
        preferences = Preferences(db, self.facts, self.visitors, topics, rulebook, config.venue, channels, clock)
        compliance = Compliance(rulebook, config, db, self.facts, routes, clock)
        printing = Printing(db, self.vault, self.addresses, config.venue.language)
        batches = Batches(db, letters, printing)
        stories = Stories(db, letters, batches)
        drafts = Drafts(self.addresses, compliance, letters, routes, self.ids, config.venue.timezone)
        intake = Intake(db, drafts, compliance, self.repeats)
        recipients = Recipients(db, drafts, letters, printing, config.venue.language)
        bulk = Bulk(db, drafts, recipients, letters, self.repeats, rulebook, self.ids, clock, config.venue.timezone)
        preparation = Preparation(compliance, letters, batches, db.changes, clock.now)
        schedules = {"": config.sender.warm_up} | {slug: one.warm_up for slug, one in config.senders.items()}
        warm_up = WarmUp(db, schedules, config.venue.timezone, clock)
        couriers = [
            Courier(provider, routes, db, preparation, letters, warm_up, config.delivery, self.log, clock)
            for provider in routes.providers.values()
        ]
        delivery = Delivery(couriers, routes, Release(db, clock.now, self.log))
        house = house_of(config.venue.name, config.sender)
        wordings = Wordings(db, self.vault, self.ids, house.name, config.venue.language)
        questions = Questions(wordings, letters, self.ids, clock, house.name)
        consents = Consents(db, self.addresses, letters, wordings, self.ids, clock)
        asks = Asks(db, self.addresses, intake, questions, clock)
        venue = config.venue
        breaches = Breaches(db, self.vault, self.ids, clock, rulebook, venue.country, venue.timezone)
        cabinet = Cabinet(db, printing, self.ids, venue.language)
        intake.wake, bulk.wake = delivery.wake, delivery.release.wake
        return Parts(
            config=config,
            routes=routes,
            limits=limits_,
            overview=Overview(limits_, self.refusals, db, self.vault),
            compliance=compliance,
            permits=Permits(db, self.addresses, compliance),
            stories=stories,
            intake=intake,
            bulk=bulk,
            batches=batches,
            recall=Recall(db, stories, letters, batches, intake),
            consents=consents,
            wordings=wordings,
            asks=asks,
            first_asks=FirstAsks(db, self.addresses, self.facts, intake, questions, rulebook, clock),
            confirmations=Confirmations(db, letters, wordings, self.ids, clock),
            receipts=Receipts(db, letters, wordings, clock, house),
            endings=Endings(db, rulebook, compliance.venue, self.ids, clock),
            opt_outs=OptOuts(db, self.addresses, letters, Deadlines(rulebook, config.venue), self.ids, clock, self.log),
            requests=desk.Desk.begin(self._for_requests(), config, rulebook, letters, drafts, intake, batches),
            topics=topics,
            button=Button(db, self.vault.links, topics, self.ids, clock),
            preferences=preferences,
            wishes=Wishes(db, preferences, consents, asks, self.entries, self.ids, clock),
            retention=Retention(db, self.erasure, clock, config.retention),
            breaches=breaches,
            notices=Notices(db, breaches, bulk, cabinet, config.sender),
            processing=Processing(config, db, self.vault, clock),
            analytics=Analytics(db, clock, config.venue.timezone),
            printing=printing,
            cabinet=cabinet,
            delivery=delivery,
            webhooks=Desk.begin(db, letters, self.ids, clock, self.log, config.egress.allow),
        )

    def _for_requests(self) -> desk.Keeps:
        return desk.Keeps(self.db, self.seals, self.addresses, self.entries, self.people.users, self.erasure, self.ids,
                          self.clock, self.log)  # fmt: skip

    def _providers(self, config: Config) -> list[Provider]:
        """One provider for each table of config.toml."""
        if faults := faults_of_plugins(config, self.plugins):
            raise ConfigFaults(faults)
        return [self._provider(name, config) for name in config.providers]

    def _provider(self, name: str, config: Config) -> Provider:
        """What may have been taken is sent again only where that does no harm, or where config.toml says so. A channel
        that is not built in is kept apart."""
        table = config.providers[name]
        kind = self.plugins.channels[table.plugin]
        tools = ProviderTools(name, table.channel, table.connections, self.clock, self.data.path)
        build = partial(kind, config.provider_settings(name, kind.Settings)[0], tools)
        plugin = build() if self.plugins.owners[kind].built_in else Apart(name, kind, build, self.log)
        harmless = table.channel == "email" or plugin.deduplicates
        resend = table.uncertain == "resend" if table.uncertain else harmless
        provider = Provider(name, table.channel, plugin, self.clock, connections=table.connections,
                            timeout=table.timeout, resend_uncertain=resend, rate=table.rate)  # fmt: skip
        if isinstance(plugin, Apart):
            plugin.spent = provider.stop
        return provider

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
        self._tasks = [
            asyncio.create_task(self._check_whole_file(), name="check the whole file"),
            asyncio.create_task(self._housekeeping(), name="housekeeping"),
            asyncio.create_task(self._ageing(), name="retention"),
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

    async def _housekeeping(self) -> None:
        """Once a minute: spare keys, a checkpoint of the record if one is due, the reserve; hourly: what is old."""
        minutes = 0
        while True:
            try:
                await self._tidy(minutes % 60 == 0)
            except StorageFailed:
                self._die("the keys cannot be written")
            except Unavailable as error:  # a full disk, a lock from outside: a minute later again
                self.log.warning("housekeeping waits", code=error.code)
            minutes += 1
            await asyncio.sleep(60)

    async def _ageing(self) -> None:
        """What has lived through its time goes once a day; every hour we look whether it has."""
        await asyncio.sleep(FIRST_AGEING)
        while True:
            try:
                await self.parts.retention.tidy()
            except GatewayError as error:  # a full disk, a lock from outside: an hour later again
                self.log.warning("retention waits", code=error.code)
            await asyncio.sleep(3600)

    async def _tidy(self, hourly: bool) -> None:
        await asyncio.to_thread(self.vault.keys.refill)
        await self.record.checkpoint_if_due()
        if self.db.reserve:
            await asyncio.to_thread(self.db.reserve.fill)
        await self.people.tidy(hourly)
        await self.parts.requests.rounds.go()
        if hourly:
            await self.parts.requests.rounds.forget_old()
            await self.erasure.tidy()
            await self.imports.tidy()
            await self.repeats.forget_old()
            await self.parts.limits.forget_whole()
            await self.parts.webhooks.postmen.forget_old()
            await self.parts.asks.tidy()
            await self.parts.endings.tidy()
            await self.parts.breaches.forget_old()

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

    async def reload(self, config: Config) -> list[str]:
        """Take a new configuration, whole; or name the keys of it that need a restart and change nothing. Raises
        NotUsable for one that cannot be used, and changes nothing either."""
        if refused := restart_needed(self.config, config):
            return refused
        parts, before = self._build(config), self.parts
        await self._count_days(config)
        self.config, self.parts, self.overload.marks = config, parts, config.overload
        await self._note_config()
        await asyncio.gather(before.delivery.drain(DRAIN_SECONDS), before.webhooks.drain(DRAIN_SECONDS))
        for gone in before.routes.providers.keys() - parts.routes.providers.keys():
            metrics.PROVIDER_UP.remove(gone)
            metrics.PROVIDER_PACE.remove(gone)
        await self._deliver()
        return []

    # -- ending -------------------------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take nothing new, finish what is being handed over."""
        self.health.draining = True
        parts = self.parts
        await asyncio.gather(parts.delivery.drain(DRAIN_SECONDS), parts.webhooks.drain(DRAIN_SECONDS))

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


def faults_of_plugins(config: Config, found: plugins.Plugins) -> list[ConfigFault]:
    """What config.toml asks for and is not there: unknown plugins, algorithms, keys, channels; secrets to be read."""
    faults = []
    for name, table in config.providers.items():
        kind = found.channels.get(table.plugin)
        if kind is None:
            faults.append(config.unknown_plugin(name, found.channels))
            continue
        faults += config.provider_settings(name, kind.Settings)[1]
        if kind.channels and table.channel not in kind.channels:
            faults.append(config.unserved_channel(name, kind.channels))
    return [*faults, *tables.faults(config, found.limiters), *config.unusable_secrets()]
