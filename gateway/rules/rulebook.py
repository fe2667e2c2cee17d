"""The rulebook: every installed pack compiled once, and the one question it answers.

The order of `reasons` is the order of the steps: status, suppressions, (confirmation,) age, consent pack by pack,
elements pack by pack, channel, caps, rules as code, windows. Packs come in the order of `jurisdictions`. Every step
runs, also after a denial, so the reasons are complete. Deny outweighs defer, defer outweighs allow.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.clock import rfc3339
from gateway.rules import caps, deadlines, deliverability, elements, house, inbound, reviews, suppressions
from gateway.rules.atlas import NO_PACK, VENUE_ZONE, Atlas, Signals
from gateway.rules.classify import CLASSES, Claim
from gateway.rules.collection import collect
from gateway.rules.consents import Consents, endings, judge_age
from gateway.rules.deadlines import Clocked, Due
from gateway.rules.findings import Findings
from gateway.rules.given import (
    NO_FEATURES,
    Decision,
    Given,
    MessageFacts,
    RecipientFacts,
    Result,
    Terms,
    Venue,
)
from gateway.rules.inbound import Ear, Heard, Inbound
from gateway.rules.pack import Pack, Rule
from gateway.rules.phones import country_of_phone
from gateway.rules.plan import Kindred, Plan, draw, opening_of
from gateway.rules.policy import Policy, PolicyChange, configured
from gateway.rules.windows import Opening, open_everywhere, shut, zone_of

CITED = (
    "CORE-CLS-1", "CORE-CLS-2", "CORE-CLS-3", "CORE-CLS-4", "CORE-CLS-6", "CORE-SUP-1", "CORE-SUP-2", "CORE-SUP-3",
    "CORE-SUP-4", "CORE-SUP-9", "CORE-CON-2", "CORE-CON-3", "CORE-CON-4", "CORE-CON-5", "CORE-CON-8", "CORE-MIN-1",
    "CORE-MIN-2", "CORE-OPT-5", "CORE-TIM-2", "CORE-TIM-3", "CORE-ERR-1", "DLV-1", "DLV-2", "DLV-3", "WA-1", "WA-2",
    "WA-3", *deadlines.CITED, *inbound.CITED,
)  # fmt: skip
"""The rules that stand in code here rather than in a pack's entries."""
UNDECLARED = "undeclared"
"""The warning that nobody said whether a message that is no advertisement contains one."""
OTHER = ""
"""Any category that no house rule names."""


class Rulebook:
    """All packs in force under a house policy, and the house's own rules. Raises NotUsable for packs, a policy or rules
    that cannot be used."""

    def __init__(
        self, packs: Sequence[Pack], policy: Mapping[str, Any] | None = None, own: Sequence[Mapping[str, Any]] = ()
    ):
        self._collection = collect(packs, CITED, own)
        self.version = self._collection.version
        self.policy = self._collection.core.policy.but(configured(policy or {}))
        self._atlas = Atlas(self._collection)
        self._counted = {channel for cap in self._collection.caps for channel in cap.channels}
        self._subjects = {category for rule in self._collection.own for category in rule.categories}
        self._ear = Ear(self._collection.keywords, self._collection.phrases, self._collection.core.answers)
        self._plan = lru_cache(8192)(self._draw)
        self.json = lru_cache(8192)(self._json)

    # -- the question -------------------------------------------------------------------------------------------------

    def judge(self, given: Given) -> Result:
        """May this message go to this person now? A pure function of what is given."""
        policy = self._policy(given.policy)
        plan = self._plan(self._kindred(given))
        findings = Findings(given.now, plan.warnings)
        zones = self._zones(given, plan)
        consents = Consents(given, policy, zones, findings)
        suppressions.judge_status(given, plan, findings)
        suppressions.judge_suppressions(given, plan, consents.standing, findings)
        if plan.class_ == "optout_confirmation":
            suppressions.judge_confirmation(given, policy, findings)
        else:
            self._judge_content(given, plan, policy, consents, findings)
            if not plan.exempt:
                self._judge_time(given, plan, policy, zones, findings)
        return self._result(plan, findings, given.now)

    def counts(self, channel: str) -> bool:
        """Whether any rule counts what went out over this channel; rules as code may."""
        return channel in self._counted or bool(self._collection.reviews)

    def deadline(self, asked: Clocked) -> Due:
        """By when something must be done. Raises Invalid for what no law knows, saying what would be right."""
        return deadlines.due(asked, self._collection.jurisdictions, self._collection.overlays)

    def hear(self, said: Inbound) -> Heard:
        """What a guest's answer means."""
        law = self._collection.jurisdictions[self.law_of(said.country)]
        return self._ear.hear(said, self._policy(said.policy), law.revoke_all_from)

    def law_of(self, country: str | None) -> str:
        """The name of the pack that a country's law is in, such as "EU" for "PT"; the one for the unknown, if none."""
        return self._atlas.law_of(country)

    def ending(self, consent: Terms, venue: Venue, recipient: RecipientFacts) -> tuple[int, str] | None:
        """When a consent stops to count for marketing by itself, and by which rule: the first of its own day and those
        of the packs that apply to its guest; None if it never does."""
        found = [] if consent.expires_at is None else [(consent.expires_at, "CORE-CON-5")]
        for channel in consent.channels or ():
            message = MessageFacts(channel=channel, class_="marketing")
            given = Given(now=0, venue=venue, recipient=recipient, message=message)
            plan = self._plan(self._kindred(given))
            for part in plan.parts:
                found += endings(consent, part, channel, self._zones(given, plan))
        return min(found, default=None)

    def laws_of(self, *countries: str | None, email: str | None = None, phone: str | None = None) -> list[str]:
        """The packs of these countries, and of the one that an address is in if it tells; that for the unknown, if
        nothing is known."""
        said = country_of_phone(phone)[0] or self._atlas.mail_country(email)
        known = [country for country in (*countries, said) if country is not None]
        return list(dict.fromkeys(map(self._atlas.law_of, known or (None,))))

    def lasting(self, given: Given) -> bool:
        """Whether the same facts are judged alike at any time, whatever was sent before: nothing was agreed to or
        stopped, and no law that applies looks at the clock or counts."""
        if given.consents or given.suppressions or given.policy or given.channel_state or given.message.solicited_at:
            return False
        plan = self._plan(self._kindred(given))
        looks = plan.openings or plan.own_openings or plan.caps or self._default_openings(plan, self.policy)
        return not (looks or self._collection.reviews) and plan.class_ != "optout_confirmation"

    def _policy(self, change: PolicyChange | None) -> Policy:
        return self.policy if change is None else self.policy.but(change)

    def _judge_content(self, given: Given, plan: Plan, policy: Policy, consents: Consents, findings: Findings) -> None:
        """Steps 5 to 8: age, consent, elements, channel. What is exempt is held only against lies."""
        features = given.message.features or NO_FEATURES
        if features.contains_promotion is None and given.message.class_ in CLASSES - {"marketing"}:
            findings.warn(UNDECLARED)
        if plan.exempt:
            for part in plan.parts:
                elements.judge_bans(part.bans, features, findings)
            return
        judge_age(given, plan, policy, findings)
        counting = [consents.judge(part) for part in plan.parts]
        for part, held in zip(plan.parts, counting, strict=True):
            elements.judge_bans(part.bans, features, findings)
            elements.judge_elements(part.elements, features, plan.channel, held, findings)
        elements.judge_elements(plan.elements, features, plan.channel, (), findings)
        house.judge_denials(plan.denials, given.message.category, findings)
        deliverability.judge_channel(given, plan, policy, consents.standing, findings)

    def _judge_time(
        self, given: Given, plan: Plan, policy: Policy, zones: Sequence[ZoneInfo], findings: Findings
    ) -> None:
        """Step 9: caps, rules as code, windows."""
        caps.judge_caps(plan.caps, given.history or (), given.message.category, zones, findings)
        if self._collection.reviews:
            so_far = self._result(plan, findings, given.now)
            reviews.judge_reviews(self._collection.reviews, given, so_far, self._collection.rules, findings)
        openings = plan.openings or self._default_openings(plan, policy)
        if plan.own_openings:
            openings = (*openings, *_by_whose_clock(plan.own_openings, given.venue.timezone))
        if openings:
            _judge_windows(openings, zones, given.now, findings)

    def _result(self, plan: Plan, findings: Findings, now: int) -> Result:
        decision: Decision = "deny" if findings.denied else "defer" if findings.until > now else "allow"
        return Result(
            decision,
            findings.until if decision == "defer" else None,
            tuple(findings.reasons),
            tuple(findings.basis),
            plan.jurisdictions,
            tuple(findings.required),
            tuple(findings.warnings),
            self.version,
        )

    # -- which plan ---------------------------------------------------------------------------------------------------

    def _draw(self, kindred: Kindred) -> Plan:
        return draw(kindred, self._atlas, self._collection.core, self._collection.own)

    def _kindred(self, given: Given) -> Kindred:
        """What decides the plan, with everything left out that makes no difference, so that few plans serve many."""
        atlas, recipient, channel = self._atlas, given.recipient, given.message.channel
        country = atlas.country(recipient.country)
        address_country = atlas.country(recipient.address_country)
        strong = country or address_country
        phone, area_code, mail = None, None, None
        if channel != "email":
            found, area_code = country_of_phone(recipient.phone)
            phone = atlas.country(found) or (NO_PACK if recipient.phone else None)
        elif not strong or NO_PACK in (country, address_country):
            phone = atlas.country(country_of_phone(recipient.phone)[0])
        if not strong and not phone:
            mail = atlas.mail_country(recipient.email)
        region = atlas.region(recipient.region)
        venue = atlas.country(given.venue.country)
        signals = Signals(channel, country, address_country, region, phone, area_code, mail, venue)
        category = given.message.category
        return Kindred(signals, _claim(given.message), category if category in (None, *self._subjects) else OTHER)

    # -- when ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def _zones(given: Given, plan: Plan) -> tuple[ZoneInfo, ...]:
        """The zones the guest may be in; empty when nothing is known."""
        own = zone_of(given.recipient.timezone) if given.recipient.timezone else None
        return _zones_of(plan.zones, given.venue.timezone) if own is None else (own,)

    @staticmethod
    def _default_openings(plan: Plan, policy: Policy) -> tuple[Opening, ...]:
        """House hours for advertisements by phone, where no law has any (CORE-TIM-6)."""
        window = policy.default_window
        if plan.channel not in window.channels or not any(
            window.about(plan.channel, class_) for class_ in plan.classes
        ):
            return ()
        return (opening_of(window),)

    # -- in words -----------------------------------------------------------------------------------------------------

    @property
    def rules(self) -> list[str]:
        """The id of every rule that can be cited, pack by pack."""
        return list(self._collection.rules)

    def rule(self, id_: str) -> dict[str, Any] | None:
        """A rule in words, with its source and today's parameters; None if there is no such rule."""
        rule = self._collection.rules.get(id_)
        if rule is None:
            return None
        return {
            "rule": id_,
            "text": rule.text,
            "allowed": rule.allowed,
            "citation": rule.citation,
            "checked": rule.checked.isoformat() if rule.checked else None,
            "pack": self._collection.packs[id_],
            "parameters": self._collection.parameters[id_],
        }

    def explain(self, result: Result) -> dict[str, Any]:
        """The `compliance` object: the result, with every rule in it in words and with its citation."""
        cited = dict.fromkeys((*result.reasons, *result.basis, *result.warnings))
        rules, permitted = self._collection.rules, set(result.basis).difference(result.reasons)
        return {
            "decision": result.decision,
            "defer_until": None if result.defer_until is None else rfc3339(result.defer_until),
            "reasons": result.reasons,
            "basis": result.basis,
            "jurisdictions": result.jurisdictions,
            "required_elements": result.required_elements,
            "warnings": result.warnings,
            "explanation": [
                {"rule": id_, "text": _words(rules[id_], id_ in permitted), "citation": rules[id_].citation}
                for id_ in cited
                if id_ in rules
            ],
            "rules_version": result.rules_version,
        }

    def _json(self, result: Result) -> str:
        """The `compliance` object as JSON; kept, because most messages are judged alike."""
        return msgspec.json.encode(self.explain(result)).decode()


def _words(rule: Rule, permitted: bool) -> str:
    """What a rule says: in the words for a message that may go by it, where it has such."""
    return rule.allowed if permitted and rule.allowed else rule.text


@lru_cache(1024)
def _zones_of(names: tuple[str, ...], home: str | None) -> tuple[ZoneInfo, ...]:
    said = (home if name == VENUE_ZONE else name for name in names)
    found = tuple(zone_of(name) if name else None for name in said)
    return () if None in found else found  # type: ignore[return-value]


def _claim(message: MessageFacts) -> Claim:
    features = message.features or NO_FEATURES
    leads = bool(features.promo_in_subject) or not features.transactional_first
    class_ = message.class_ if message.class_ in CLASSES else None
    promotion = bool(features.contains_promotion)
    approved = class_ == "emergency" and bool(message.approved_by)
    return Claim(class_, promotion, promotion and leads, approved, bool(features.asks_consent))


def _by_whose_clock(openings: Sequence[Opening], home: str | None) -> list[Opening]:
    """The openings with the venue's zone in those that go by it; where nobody knows that, they go by the guest's."""
    zone = zone_of(home) if home else None
    return [msgspec.structs.replace(one, zone=zone) if one.at_home else one for one in openings]


def _judge_windows(openings: Sequence[Opening], zones: Sequence[ZoneInfo], now: int, findings: Findings) -> None:
    """Defer to the first instant that every window has open everywhere the guest may be; deny where there is none."""
    if not zones:
        findings.deny("CORE-TIM-3")
        return
    if findings.until > now:
        for opening, _ in shut(openings, zones, now):
            findings.defer(opening.rule, now)
    at, pushed = open_everywhere(openings, zones, findings.until)
    for rule in pushed:
        findings.defer(rule, now)
    if at is None:
        findings.deny("CORE-TIM-2")
    else:
        findings.until = at
