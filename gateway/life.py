"""Opens the parts in order, holds them while they work, and closes them in reverse.

config → lock → key check → check of the queue's tables → migrations → plugins → ready. Whatever is not right stops the
start with one sentence, before anything is written.
"""

import asyncio
import os
import sqlite3
import traceback
from collections.abc import Callable
from typing import Any

from gateway import __version__, metrics, plugins
from gateway.addresses import Addresses
from gateway.callers import Callers
from gateway.channel import Channel
from gateway.clock import Clock, SystemClock
from gateway.compliance import Compliance
from gateway.config import Config, restart_needed
from gateway.data_folder import DataFolder
from gateway.delivery import Courier, Delivery
from gateway.delivery.prepare import Preparation
from gateway.delivery.worker import recover
from gateway.errors import Draining, NotUsable
from gateway.facts import Facts
from gateway.health import Health
from gateway.ids import Ids, public
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.limits import Limit, Limits
from gateway.logs import Log
from gateway.privacy import Privacy
from gateway.recall import Recall
from gateway.record import Record
from gateway.repeats import Repeats
from gateway.routing import Provider, Routes
from gateway.rules import Rulebook
from gateway.store import guests, limits, outbox, schema
from gateway.store.db import Database
from gateway.store.reserve import Reserve
from gateway.stories import Stories
from gateway.tools import ProviderTools
from gateway.vault import Vault

DRAIN_SECONDS = 6.0
HOUR = 3600.0


class Gateway:
    """The opened parts. Views and commands reach everything through it; nothing in it knows of HTTP."""

    config: Config
    db: Database
    delivery: Delivery

    def __init__(self, config: Config, data: DataFolder, clock: Clock | None = None, log: Log | None = None):
        self.config, self.data = config, data
        self.clock = clock or SystemClock()
        self.log = log or Log(level=config.logs.level, style=config.logs.format)
        self.ids = Ids(self.clock)
        self.log_requests = True
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
        self._check_guest_keys()
        self.plugins = plugins.find(self.config.plugins.paths)
        self._build()
        await recover(self.db, self.routes)

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

    def _build(self) -> None:
        """Everything that works, out of the parts that keep."""
        config = self.config
        link_base = config.link_base
        rulebook = Rulebook(self.plugins.packs, config.compliance.policy)
        channels = self._providers()
        self.routes = Routes(channels)
        self.letters = Letters(self.vault, self.ids, self.clock, link_base, config.venue.language)
        self.facts = Facts(self.db)
        self.addresses = Addresses(self.db, self.vault, self.facts)
        self.compliance = Compliance(rulebook, config, self.db, self.facts, self.routes, self.clock)
        self.callers = Callers(self.db, self.vault, self.clock)
        self.repeats = Repeats(self.db, self.vault, self.clock)
        self.repeats.load()
        self.limits = self._limits(config)
        self.limits.restore(limits.load(self.db.reader))
        self.stories = Stories(self.db, self.letters)
        self.intake = Intake(self.db, self.addresses, self.compliance, self.letters, self.repeats, self.routes,
                             self.ids, self.clock)  # fmt: skip
        self.recall = Recall(self.db, self.stories, self.letters, self.intake)
        self.privacy = Privacy(self.db, self.addresses, self.letters, self.ids, self.clock)
        self.health = Health(self.db, self.routes, self.clock, self.record.last_time)
        preparation = Preparation(self.compliance, self.letters, self.db.changes, self.clock.now)
        couriers = [
            Courier(provider, self.routes, self.db, preparation, self.letters, lambda: self.config.delivery, self.log,
                    self.clock)
            for provider in channels
        ]  # fmt: skip
        self.delivery = Delivery(couriers, self.routes)
        self.intake.wake = self.delivery.wake

    def _providers(self) -> list[Provider]:
        """One provider for each table of config.toml. Raises NotUsable with every fault of every table."""
        built, faults = [], []
        for name, table in self.config.providers.items():
            kind = self.plugins.channels.get(table.plugin)
            if kind is None:
                faults.append(self.config.unknown_plugin(name, self.plugins.channels))
                continue
            settings, wrong = self.config.provider_settings(name, kind.Settings)
            faults += wrong
            if not wrong:
                tools = ProviderTools(name, table.channel, table.connections, self.clock, self.data.path)
                built.append(self._provider(name, kind(settings, tools)))
        if faults:
            raise NotUsable("config.toml cannot be used: " + "; ".join(str(fault) for fault in faults))
        return built

    def _provider(self, name: str, plugin: Channel) -> Provider:
        table = self.config.providers[name]
        resend = table.uncertain == "resend" if table.uncertain else table.channel == "email" or plugin.deduplicates
        return Provider(name, table.channel, plugin, self.clock, connections=table.connections, timeout=table.timeout,
                        resend_uncertain=resend)  # fmt: skip

    def _limits(self, config: Config) -> Limits:
        rules = []
        for name, table in config.limits.items():
            kind = self.plugins.limiters.get(table.algorithm)
            if kind is None:
                raise NotUsable(f"limits.{name} names an algorithm that no plugin has", "token_bucket is built in")
            if table.enabled:
                settings = kind.Settings(quota=table.quota, window=table.window, burst=table.burst or table.quota)
                rules.append(Limit(name, kind(settings), table.by, table.endpoints))
        return Limits(rules, self.db, lambda: self.clock.now() / 1000)

    # -- working ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to deliver, and to look after the house."""
        metrics.INFO.labels(__version__, sqlite3.sqlite_version).set(1)
        await self.delivery.start()
        self.health.started = True
        self.health.start()
        self._tasks = [
            asyncio.create_task(self._check_whole_file(), name="check the whole file"),
            asyncio.create_task(self._housekeeping(), name="housekeeping"),
        ]

    def admit(self) -> None:
        """Raise Draining once the gateway is on its way out."""
        if self.health.draining:
            raise Draining()

    async def _check_whole_file(self) -> None:
        """Look through every page of the store, after the start: damage found later is found too late."""
        try:
            await asyncio.to_thread(schema.check_tables, self.data.database, ())
        except Exception as error:  # noqa: BLE001 whatever it is, the file cannot be trusted
            self.log.error("the store is damaged", error=type(error).__name__)
            self._end(65)

    async def _housekeeping(self) -> None:
        """Once a minute: spare keys, a checkpoint of the record if one is due, the reserve; hourly: old answers."""
        minutes = 0
        while True:
            await asyncio.to_thread(self.vault.keys.refill)
            await self.record.checkpoint_if_due()
            if self.db.reserve:
                await asyncio.to_thread(self.db.reserve.fill)
            if minutes % 60 == 0:
                await self.repeats.forget_old()
            minutes += 1
            await asyncio.sleep(60)

    def request_id(self) -> str:
        """A fresh name for a request."""
        return public("req", self.ids.new())

    def defect(self, error: Exception) -> None:
        """A defect of ours came to light: with `--debug` its traceback goes to stderr."""
        if self.debug:
            traceback.print_exception(error)

    def measure(self) -> None:
        """Bring the gauges up to date."""
        for channel, lease, count in outbox.counts(self.db.reader):
            metrics.QUEUE.labels(channel, ("waiting", "leased", "held")[lease]).set(count)

    def reload(self, config: Config) -> list[str]:
        """Take a new configuration, or name the keys of it that need a restart and change nothing."""
        refused = restart_needed(self.config, config)
        if not refused:
            self._adopt(config)
        return refused

    # -- ending -------------------------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take nothing new, finish what is being handed over."""
        self.health.draining = True
        await self.delivery.drain(DRAIN_SECONDS)

    async def close(self) -> None:
        """Close what was opened, last first."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
            self.health.stop()
            await self.record.checkpoint()
        while self._closing:
            done = self._closing.pop()()
            if asyncio.iscoroutine(done):
                await done

    def _die(self, reason: str) -> None:
        """Storage failed: stop before anything is acknowledged that may not be there."""
        self.log.error("storage failed", error=reason)
        self._end(70)

    def _end(self, code: int) -> None:
        self.log.close()
        os._exit(code)
