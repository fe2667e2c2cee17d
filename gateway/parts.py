"""What works: built anew out of every configuration, from the parts that outlive all of them."""

from msgspec import Struct

from gateway import providers
from gateway.access import Gate, Lists
from gateway.addresses import Addresses
from gateway.analytics import Analytics
from gateway.batches import Batches
from gateway.bulk import Bulk
from gateway.clock import Clock
from gateway.compliance import Compliance
from gateway.config import Config
from gateway.data_folder import DataFolder
from gateway.delivery import Courier, Delivery, Release
from gateway.delivery.lanes import Lanes
from gateway.delivery.prepare import Preparation
from gateway.delivery.spending import Spending, spending_of
from gateway.delivery.warm_up import WarmUp
from gateway.drafts import Drafts
from gateway.facts import Facts
from gateway.guestbook import Entries
from gateway.guestbook.seals import Seals
from gateway.ids import Ids
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.limits import LimiterTime, Limits, tables
from gateway.limits.accounts import Accounts
from gateway.limits.explaining import Explaining
from gateway.limits.overview import Overview
from gateway.limits.refusals import Refusals
from gateway.logs import Log
from gateway.model import CHANNELS
from gateway.permits import Permits
from gateway.plugins import Plugins
from gateway.privacy import (
    Asks,
    Button,
    Confirmations,
    Consents,
    Deadlines,
    Endings,
    Erasure,
    FirstAsks,
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
from gateway.privacy.complaints import Complaints
from gateway.privacy.notices import Notices
from gateway.privacy.processing import Processing
from gateway.privacy.replies import desk as reply_desk
from gateway.privacy.requests import desk
from gateway.recall import Recall
from gateway.recipients import Recipients
from gateway.repeats import Repeats
from gateway.routing import Routes
from gateway.rules import Rulebook
from gateway.stationery import Cabinet, Printing
from gateway.store.db import Database
from gateway.stories import Stories
from gateway.users import Users
from gateway.vault import Vault
from gateway.webhooks.desk import Desk


class Keeps(Struct, frozen=True):
    """The parts that outlive a configuration."""

    db: Database
    vault: Vault
    data: DataFolder
    plugins: Plugins
    ids: Ids
    clock: Clock
    log: Log
    facts: Facts
    addresses: Addresses
    visitors: Visitors
    repeats: Repeats
    seals: Seals
    entries: Entries
    users: Users
    erasure: Erasure
    accounts: Accounts
    limiter_time: LimiterTime
    refusals: Refusals
    lists: Lists


class Parts(Struct):
    """What works, as one configuration made it. A reload replaces all of it; a request keeps what it began with."""

    config: Config
    gate: Gate
    routes: Routes
    limits: Limits
    overview: Overview
    explaining: Explaining
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
    replies: reply_desk.Desk
    requests: desk.Desk
    topics: Topics
    button: Button
    retention: Retention
    preferences: Preferences
    wishes: Wishes
    breaches: Breaches
    complaints: Complaints
    notices: Notices
    processing: Processing
    analytics: Analytics
    printing: Printing
    cabinet: Cabinet
    delivery: Delivery
    spending: Spending
    webhooks: Desk


def build(keeps: Keeps, config: Config) -> Parts:
    """Everything that works under a configuration. Raises NotUsable and changes nothing."""
    db, clock = keeps.db, keeps.clock
    rulebook = Rulebook(keeps.plugins.packs, config.compliance.policy, config.compliance.rules)
    routes = Routes(providers.build(config, keeps.plugins, keeps.clock, keeps.data, keeps.log))
    rules = tables.rules(config, keeps.plugins.limiters)
    limits_ = Limits(rules, keeps.accounts, keeps.limiter_time, keeps.refusals.note)
    letters = Letters(keeps.vault, keeps.ids, clock, config.link_base, config.venue.language)
    topics = Topics(db, config)
    channels = [channel for channel in CHANNELS if routes.serving(channel)]
    preferences = Preferences(db, keeps.facts, keeps.visitors, topics, rulebook, config.venue, channels, clock)
    compliance = Compliance(rulebook, config, db, keeps.facts, routes, clock)
    printing = Printing(db, keeps.vault, keeps.addresses, config.venue.language)
    batches = Batches(db, letters, printing)
    stories = Stories(db, letters, batches)
    drafts = Drafts(keeps.addresses, compliance, letters, routes, keeps.ids, config.venue.timezone)
    intake = Intake(db, drafts, compliance, keeps.repeats)
    recipients = Recipients(db, drafts, letters, printing, config.venue.language)
    bulk = Bulk(db, drafts, recipients, letters, keeps.repeats, rulebook, keeps.ids, clock, config.venue.timezone)
    preparation = Preparation(compliance, letters, batches, db.changes, clock.now)
    spending = spending_of(config, db, clock, keeps.log)
    delivery = _delivery(keeps, config, routes, preparation, letters, spending)
    house = house_of(config.venue.name, config.sender)
    wordings = Wordings(db, keeps.vault, keeps.ids, house.name, config.venue.language)
    questions = Questions(wordings, letters, keeps.ids, clock, house.name)
    consents = Consents(db, keeps.addresses, letters, wordings, keeps.ids, clock)
    asks = Asks(db, keeps.addresses, intake, questions, clock)
    venue = config.venue
    breaches = Breaches(db, keeps.vault, keeps.ids, clock, rulebook, venue.country, venue.timezone)
    cabinet = Cabinet(db, printing, keeps.ids, venue.language)
    confirmations = Confirmations(db, letters, wordings, keeps.ids, clock)
    intake.wake, bulk.wake = delivery.wake, delivery.release.wake
    return Parts(
        config=config,
        gate=Gate(config.access, keeps.lists, keeps.vault.apikeys, clock),
        routes=routes,
        limits=limits_,
        overview=Overview(limits_, keeps.refusals, db, keeps.vault, spending.today),
        explaining=Explaining(limits_, db, keeps.vault),
        compliance=compliance,
        permits=Permits(db, keeps.addresses, compliance),
        stories=stories,
        intake=intake,
        bulk=bulk,
        batches=batches,
        recall=Recall(db, stories, letters, batches, intake),
        consents=consents,
        wordings=wordings,
        asks=asks,
        first_asks=FirstAsks(db, keeps.addresses, keeps.facts, intake, questions, rulebook, clock),
        confirmations=confirmations,
        receipts=Receipts(db, letters, wordings, clock, house),
        endings=Endings(db, rulebook, compliance.venue, keeps.ids, clock),
        opt_outs=OptOuts(db, keeps.addresses, letters, Deadlines(rulebook, config.venue), keeps.ids, clock, keeps.log),
        replies=reply_desk.Desk.begin(_for_replies(keeps), config, compliance, letters, intake, confirmations),
        requests=desk.Desk.begin(_for_requests(keeps), config, rulebook, letters, drafts, intake, batches),
        topics=topics,
        button=Button(db, keeps.vault.links, topics, keeps.ids, clock),
        preferences=preferences,
        wishes=Wishes(db, preferences, consents, asks, keeps.entries, keeps.ids, clock),
        retention=Retention(db, keeps.erasure, clock, config.retention),
        breaches=breaches,
        complaints=Complaints(db, keeps.vault, keeps.addresses, rulebook, venue, keeps.ids, clock),
        notices=Notices(db, breaches, bulk, cabinet, config.sender),
        processing=Processing(config, db, keeps.vault, clock),
        analytics=Analytics(db, clock, config.venue.timezone),
        printing=printing,
        cabinet=cabinet,
        delivery=delivery,
        spending=spending,
        webhooks=Desk.begin(db, letters, keeps.ids, clock, keeps.log, config.egress.allow),
    )


def _delivery(keeps: Keeps, config: Config, routes: Routes, preparation: Preparation, letters: Letters,
              spending: Spending) -> Delivery:  # fmt: skip
    """A courier for each provider, and who gives them the messages of batches."""
    senders = {"": config.sender, **config.senders}
    schedules = {slug: one.warm_up for slug, one in senders.items()}
    warm_up = WarmUp(keeps.db, schedules, config.venue.timezone, keeps.clock)
    domains = {domain: one.rate for domain, one in config.pacing.domains.items()}
    rates = {slug: one.rate for slug, one in senders.items() if one.rate is not None}
    lanes = Lanes(keeps.clock, rates, domains, config.pacing.each_domain)
    couriers = [
        Courier(provider, routes, keeps.db, preparation, letters, warm_up, spending, lanes, config.delivery, keeps.log,
                keeps.clock)
        for provider in routes.providers.values()
    ]  # fmt: skip
    return Delivery(couriers, routes, Release(keeps.db, keeps.clock.now, keeps.log))


def _for_replies(keeps: Keeps) -> reply_desk.Keeps:
    return reply_desk.Keeps(keeps.db, keeps.addresses, keeps.repeats, keeps.ids, keeps.clock, keeps.log)


def _for_requests(keeps: Keeps) -> desk.Keeps:
    return desk.Keeps(keeps.db, keeps.seals, keeps.addresses, keeps.entries, keeps.users, keeps.erasure, keeps.ids,
                      keeps.clock, keeps.log)  # fmt: skip
