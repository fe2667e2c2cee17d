"""Gathers the facts of one message and asks the rules. The rules themselves are in `gateway.rules` and the packs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct, structs

from gateway import compose, metrics
from gateway.addresses import Named
from gateway.channel import Channel, Sender
from gateway.clock import Clock, parse_rfc3339
from gateway.compose import Declared, Means
from gateway.config import Config
from gateway.facts import Facts, Known
from gateway.letters import Envelope
from gateway.model import CONTACT_OF, ChannelName, MessageClass
from gateway.orders import SendOrder
from gateway.routing import Routes
from gateway.rules import (
    IN_REVIEW,
    Features,
    Given,
    History,
    MessageFacts,
    RecipientFacts,
    Result,
    Rulebook,
    Venue,
)
from gateway.store import messages
from gateway.store.db import Database
from gateway.store.guests import Guest
from gateway.store.outbox import Due

HISTORY_MS = 31 * 86_400_000
"""How far back any rule that counts looks."""
HTTP_LINK = "http_link"
"""The warning that a link is not https: it counts on loopback only, where the gateway is tried out."""
KEPT = 1000
ROUNDS = 20
NOBODY = Guest(0, b"", 0, "active", None, None, None, None, 0, b"", b"", b"")
HINTS = (
    ("CORE-SUP-9", "This guest asked to be forgotten."),
    ("CORE-SUP-4", "Ask the guest for another address; this one does not work."),
    ("CORE-SUP", "This guest said stop. Only a new yes from the guest changes that."),
)


class Case(Struct, frozen=True):
    """One message as the rules need it, whether it is an order or already waits in the outbox."""

    channel: ChannelName
    class_: MessageClass
    category: str
    address: str | None
    sender: str | None
    envelope: Envelope


class Judgement(NamedTuple):
    """A decision with the time it was made, and as the JSON that is stored and answered."""

    result: Result
    at: int
    json: str

    @property
    def decision(self) -> str:
        """allow, defer or deny."""
        return self.result.decision

    @property
    def in_review(self) -> bool:
        """Whether the law lets it go, but a person is to read first what its guest has answered."""
        return self.result.decision == "allow" and IN_REVIEW in self.result.warnings

    @property
    def goes(self) -> bool:
        """Whether it may leave now."""
        return self.result.decision == "allow" and not self.in_review

    @property
    def defer_until(self) -> int | None:
        """When it may go, of a deferral (ms)."""
        return self.result.defer_until

    @property
    def required_elements(self) -> Sequence[str]:
        """What the finished message must contain."""
        return self.result.required_elements

    @property
    def broken(self) -> bool:
        """Whether a rule failed to work, rather than said no."""
        return any(reason.startswith("CORE-ERR") for reason in self.result.reasons)


def count(judgement: Judgement) -> None:
    """Count the rules that stood in a message's way. What is only asked, and not sent, is not counted."""
    if judgement.decision != "allow":
        for rule in judgement.result.reasons:
            metrics.DECISIONS.labels(judgement.decision, rule).inc()


class Compliance:
    """The rulebook in force, and how a message's facts are brought before it."""

    def __init__(self, rulebook: Rulebook, config: Config, db: Database, facts: Facts, routes: Routes,
                 clock: Clock):  # fmt: skip
        self.rulebook, self._config, self._db, self._facts = rulebook, config, db, facts
        self._routes, self._clock = routes, clock
        self._link_base = config.link_base
        self._means: dict[tuple[str, str | None, bool], Means] = {}
        self._features: dict[tuple[int, Declared], Features] = {}
        self._lasting: dict[tuple, Judgement] = {}
        venue = config.venue
        self.venue = Venue(country=venue.country, region=venue.region, timezone=venue.timezone)

    # -- what a message can carry -------------------------------------------------------------------------------------

    def sender(self, slug: str | None) -> Sender | None:
        """The sender of this slug, the venue's own for None; None when there is no such sender (any more)."""
        return self._config.sender if slug is None else self._config.senders.get(slug)

    def means(self, channel: str, slug: str | None, plugin: Channel | None) -> Means:
        """With what a message of this channel and sender can be sent."""
        headers = channel == "email" and plugin is not None and plugin.carries_headers
        found = self._means.get((channel, slug, headers))
        if found is None:
            sender = self.sender(slug) or self._config.sender
            found = Means(sender, self._link_base, headers, channel == "email")
            self._means[channel, slug, headers] = found
        return found

    def _possible(self, means: Means, declared: Declared) -> Features:
        """What a message can contain; the same few answers serve nearly all messages."""
        key = (id(means), declared)
        found = self._features.get(key)
        if found is None:
            if len(self._features) > KEPT:
                self._features.clear()
            found = self._features[key] = compose.possible(means, declared)
        return found

    # -- judging ------------------------------------------------------------------------------------------------------

    def judge_order(self, order: SendOrder, named: Named, envelope: Envelope) -> Judgement:
        """May this order be taken? The first provider of its channel is the one it would go through."""
        guest = named.guest or said_only(named)
        case = Case(order.channel, order.class_, order.category, named.address, order.sender, envelope)
        serving = self._routes.serving(order.channel)
        return self._judge(case, guest, named.blind, serving[0].plugin if serving else None, ())

    def judge_due(
        self, due: Due, envelope: Envelope, address: str, plugin: Channel, going: Sequence[History]
    ) -> Judgement:
        """May this message leave now? `going`: what is on its way to the same guest at this moment."""
        case = Case(due.channel, due.class_, due.category, address, due.sender, envelope)
        guest = Guest(due.guest_id, due.guest_uuid, due.key_id, due.status, due.country, due.region, due.timezone,
                      due.language, 0, due.contact_uuid, due.address_sealed, due.blind)  # fmt: skip
        return self._judge(case, guest, due.blind, plugin, going)

    def serves(self, channel: ChannelName) -> bool:
        """Whether anybody delivers over this channel."""
        return bool(self._routes.serving(channel))

    def given(self, case: Case, named: Named) -> Given:
        """The facts of a message to a known guest over a channel that is served, as they are now."""
        assert named.guest is not None  # noqa: S101 he is known
        means = self.means(case.channel, case.sender, self._routes.serving(case.channel)[0].plugin)
        return self._given(case, named.guest, self._facts.of(named.guest), means, (), self._clock.now())

    def judge_given(self, given: Given) -> Judgement:
        """What the rules say of facts that somebody made up."""
        return self._said(self.rulebook.judge(given), given.now)

    def _judge(
        self, case: Case, guest: Guest, blind: bytes, plugin: Channel | None, going: Sequence[History]
    ) -> Judgement:
        now = self._clock.now()
        known = self._facts.of(guest) if guest.id else self._facts.behind(blind)
        if guest.id and known.guest is not None and known.guest.status != guest.status:
            guest = guest._replace(status=known.guest.status)  # he was erased or restricted since he was read
        means = self.means(case.channel, case.sender, plugin)
        if case.channel != "email" or known.consents or known.suppressions:
            return self._judge_facts(self._given(case, guest, known, means, going, now), case)
        alike = mailed_alike(case, guest, means)
        kept = self._lasting.get(alike)
        if kept is not None:
            return Judgement(kept.result, now, kept.json)
        given = self._given(case, guest, known, means, going, now)
        judgement = self._judge_facts(given, case)
        if self.rulebook.lasting(given):
            if len(self._lasting) >= KEPT:
                self._lasting.clear()
            self._lasting[alike] = judgement
        return judgement

    def _given(self, case: Case, guest: Guest, known: Known, means: Means, going: Sequence[History], now: int) -> Given:
        return Given(
            now=now,
            venue=self.venue,
            recipient=recipient(case, guest),
            message=self._message(case, means),
            consents=known.consents if guest.id else [],
            suppressions=known.suppressions,
            history=[*self._sent_to(guest, case, now), *going],
        )

    def _judge_facts(self, given: Given, case: Case) -> Judgement:
        result = self._in_every_zone(given, case.envelope.timezone)
        if self._link_base.startswith("http://") and "list_unsubscribe_post" in result.required_elements:
            result = structs.replace(result, warnings=(*result.warnings, HTTP_LINK))
        return self._said(result, given.now)

    def _in_every_zone(self, given: Given, other: str | None) -> Result:
        """The judgement; where a request names another zone than the guest has, in both of them."""
        own = given.recipient.timezone
        return self._in_both(given, other) if other and own and other != own else self.rulebook.judge(given)

    def _sent_to(self, guest: Guest, case: Case, now: int) -> list[History]:
        """What he got lately, where any rule counts that."""
        counted = self.rulebook.counts(case.channel) or case.envelope.in_reply_to_suppression is not None
        if not guest.id or not counted:
            return []
        sent = messages.history(self._db.reader, guest.id, now - HISTORY_MS)
        return [
            History(channel=row[0], class_=row[1], category=row[2], sent_at=row[3], in_reply_to_suppression=row[4])
            for row in sent
        ]

    def _message(self, case: Case, means: Means) -> MessageFacts:
        declared = case.envelope.declares
        solicited = parse_rfc3339(declared.solicited_at) if declared.solicited_at else None
        return MessageFacts(
            channel=case.channel,
            class_=case.class_,
            category=case.category,
            features=self._possible(means, declared),
            solicited_at=solicited,
            approved_by=case.envelope.approved_by,
            in_reply_to_suppression=case.envelope.in_reply_to_suppression,
        )

    def _in_both(self, given: Given, zone: str) -> Result:
        """A guest of whom two zones were said: what goes must be right in both."""
        other = structs.replace(given.recipient, timezone=zone)
        result = self.rulebook.judge(given)
        for _ in range(ROUNDS):
            second = self.rulebook.judge(structs.replace(given, recipient=other))
            both = stricter(result, second)
            if both.decision != "defer":
                return both
            later = structs.replace(given, now=both.defer_until)
            first, second = self.rulebook.judge(later), self.rulebook.judge(structs.replace(later, recipient=other))
            if first.decision == second.decision == "allow":
                return both
            result, given = (
                structs.replace(both, defer_until=max(first.defer_until or 0, second.defer_until or 0)),
                later,
            )
        return structs.replace(result, decision="deny", defer_until=None)

    def _said(self, result: Result, now: int) -> Judgement:
        return Judgement(result, now, self.rulebook.json(result))

    # -- words --------------------------------------------------------------------------------------------------------

    def hint(self, judgement: Judgement) -> str:
        """The shortest way out of a refusal, in words."""
        reasons = judgement.result.reasons
        for start, words in HINTS:
            if any(reason.startswith(start) for reason in reasons):
                return words
        if not self._link_base:
            return "Set public_url in section server of config.toml: until then guests could not stop what they get."
        if any(reason.startswith("DLV-") for reason in reasons):
            return "Mend the sender's set-up in config.toml; nothing is wrong with the guest."
        return (
            "Set class to transactional if this is about the guest's own booking; otherwise record the guest's consent."
        )

    def rules(self) -> dict[str, Any]:
        """Every rule, and the version of the rulebook."""
        rules = [self.rulebook.rule(name) for name in self.rulebook.rules]
        return {"rules_version": self.rulebook.version, "items": rules}

    def rule(self, name: str) -> dict[str, Any] | None:
        """One rule, None for a stranger."""
        return self.rulebook.rule(name)


def mailed_alike(case: Case, guest: Guest, means: Means) -> tuple:
    """What decides about a mail to somebody who neither agreed to anything nor stopped it. Of his address that is the
    last part, which may tell a country."""
    ending = case.address.rpartition(".")[2] if case.address else ""
    return (case.class_, case.category, case.envelope, id(means), ending, guest.status, guest.country, guest.region,
            guest.timezone)  # fmt: skip


def said_only(named: Named) -> Guest:
    """A guest nobody knows yet: he is what the request says of him."""
    said = named.said
    return NOBODY._replace(country=said.country, region=said.region, timezone=said.timezone)


def recipient(case: Case, guest: Guest) -> RecipientFacts:
    """Who is written to. What a request says fills what is not known, and adds a second country where it differs."""
    said = case.envelope
    second = said.country if said.country and guest.country and said.country != guest.country else None
    kind = CONTACT_OF[case.channel]
    return RecipientFacts(
        country=guest.country or said.country,
        address_country=second,
        region=guest.region or said.region,
        timezone=guest.timezone or said.timezone,
        email=case.address if kind == "email" else None,
        phone=case.address if kind == "phone" else None,
        status=guest.status,
    )


def stricter(one: Result, other: Result) -> Result:
    """Both results in one: deny over defer over allow, every reason kept."""
    rank = ("allow", "defer", "deny")
    decision = max(one.decision, other.decision, key=rank.index)
    return structs.replace(
        one,
        decision=decision,
        defer_until=max(one.defer_until or 0, other.defer_until or 0) if decision == "defer" else None,
        reasons=tuple(dict.fromkeys([*one.reasons, *other.reasons])),
        required_elements=tuple(dict.fromkeys([*one.required_elements, *other.required_elements])),
        warnings=tuple(dict.fromkeys([*one.warnings, *other.warnings])),
    )
