"""Which consents count, and whether every law is satisfied with them (CORE-CON, CORE-MIN)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.rules.calendars import EPOCH, later_month
from gateway.rules.classify import SOLICITABLE
from gateway.rules.entries import EXPRESS, Condition, Permission
from gateway.rules.findings import Findings
from gateway.rules.given import Consent, Given, Terms
from gateway.rules.plan import Part, Plan
from gateway.rules.policy import Policy
from gateway.rules.windows import DAY, instant_of, wall_of

SOLICITED_FOR = DAY
ADULT = 18


# -- whatever the law -------------------------------------------------------------------------------------------------


def standing(given: Given) -> tuple[list[Consent], list[str]]:
    """The consents that cover this message and stand, and the rules by which others do not."""
    good: list[Consent] = []
    failed: list[str] = []
    channel, category, now = given.message.channel, given.message.category, given.now
    covering = [consent for consent in given.consents or () if _covers(consent, channel, category)]
    if len(covering) < len(given.consents or ()):
        failed.append("CORE-CON-2")
    withdrawn = [consent.withdrawn_at for consent in covering if consent.withdrawn_at is not None]
    taken_back = max((at for at in withdrawn if at <= now), default=None) if withdrawn else None
    for consent in covering:
        rule = fails(consent, now, taken_back)
        if rule is None:
            good.append(consent)
        else:
            failed.append(rule)
    return good, failed


def _covers(consent: Consent, channel: str, category: str | None) -> bool:
    """CORE-CON-2: a consent is about its own channels and categories only."""
    categories = consent.categories or ()
    return channel in (consent.channels or ()) and ("*" in categories or category in categories)


def fails(consent: Consent, now: int, taken_back: int | None = None) -> str | None:
    """The rule by which a consent does not stand. The latest word counts: a withdrawal takes back all before it."""
    if consent.granted_at is not None and consent.granted_at > now:
        return "CORE-CON-8"
    begun = consent.granted_at if consent.granted_at is not None else consent.event_at
    if taken_back is not None and (begun is None or begun <= taken_back):
        return "CORE-CON-4"
    if consent.withdrawn_at is not None and consent.withdrawn_at <= now:
        return "CORE-CON-4"
    if consent.expires_at is not None and consent.expires_at <= now:
        return "CORE-CON-5"
    return "CORE-CON-3" if missing_proof(consent) else None


def missing_proof(consent: Terms) -> list[str]:
    """What a consent lacks to be proven (CORE-CON-3): the names of its missing members."""
    if consent.kind not in EXPRESS:
        return []
    needed = ["source", "wording_version", "proof_ref"]
    if consent.source == "import":
        needed.append("granted_at")
    return [name for name in needed if getattr(consent, name) in (None, "")]


# -- law by law -------------------------------------------------------------------------------------------------------


class Consents:
    """The consents of one judgement, held against one pack after the other."""

    def __init__(self, given: Given, policy: Policy, zones: Sequence[ZoneInfo], findings: Findings):
        self._given, self._zones, self._findings = given, zones, findings
        self._by_age = policy.minors_marketing == "consent_age"
        self.standing, self._failed = standing(given)
        solicited = given.message.solicited_at
        self._solicited = solicited is not None and solicited <= given.now <= solicited + SOLICITED_FOR

    def judge(self, part: Part) -> list[Consent]:
        """Find out whether this pack is satisfied; the consents that count in it."""
        counting, short = self._counting(part)
        if self._solicited and part.class_ in SOLICITABLE:
            self._findings.permit("CORE-CLS-6")
            return counting
        if part.permissions and not self._permitted(part, counting):
            self._refuse(part.permissions[0].rule, (*part.asking, *short))
        for demand in part.demands:
            if getattr(self._given.recipient, demand.when or "") and not _accepted(demand.accept, counting):
                self._refuse(demand.rule, short)
        return counting

    def _refuse(self, rule: str, short: Iterable[str]) -> None:
        """Deny by the pack's rule and by those its consents fell short of; tell why others did not even stand."""
        for reason in (rule, *sorted(short)):
            self._findings.deny(reason)
        for reason in sorted(self._failed):
            self._findings.warn(reason)

    def _permitted(self, part: Part, counting: Sequence[Consent]) -> bool:
        """Whether one of the pack's alternatives is met; notes the ground."""
        for entry in part.permissions:
            accept, rule = self._accepts(entry)
            if "none" in accept:
                if self._of_age(part, counting):
                    self._findings.permit(rule)
                    return True
                self._findings.deny("CORE-MIN-2")
            elif kind := _accepted(accept, counting):
                self._findings.permit(rule)
                self._findings.permit(kind)
                return True
        return False

    def _accepts(self, entry: Permission) -> tuple[tuple[str, ...], str]:
        if entry.corporate_accept is not None and self._given.recipient.subscriber_type == "corporate":
            return entry.corporate_accept, entry.corporate_rule or entry.rule
        return entry.accept, entry.rule

    def _of_age(self, part: Part, counting: Sequence[Consent]) -> bool:
        """Where a law asks for no consent, a house that goes by age still asks for a child's: its guardian's."""
        age = self._given.recipient.age
        young = self._by_age and part.class_ == "marketing" and age is not None and age < part.consent_age
        return not young or any(consent.guardian for consent in counting)

    def _counting(self, part: Part) -> tuple[list[Consent], list[str]]:
        """The consents that are all this pack wants them to be, and the rules that others fell short of."""
        counting: list[Consent] = []
        short: list[str] = []
        for consent in self.standing:
            rules = self._falls_short(consent, part)
            if not rules:
                counting.append(consent)
            elif consent.kind in part.kinds:
                short += rules
        return counting, short

    def _falls_short(self, consent: Consent, part: Part) -> list[str]:
        conditions = part.conditions.get(consent.kind or "", ())
        rules = [condition.rule for condition in conditions if not self._meets(consent, condition)]
        if self._by_age and not consent.guardian:
            age = _youngest(consent.age_at_grant, self._given.recipient.age)
            if age is not None and age < part.consent_age:
                rules.append("CORE-MIN-2")
        return rules

    def _meets(self, consent: Consent, condition: Condition) -> bool:
        channel = self._given.message.channel
        if condition.only_channels is not None and channel not in condition.only_channels:
            return True
        if condition.channels is not None and channel not in condition.channels:
            return False
        if any(getattr(consent, flag) for flag in condition.forbid):
            return False
        if not all(self._has(consent, flag) for flag in condition.require):
            return False
        return condition.months is None or self._fresh(consent, condition)

    def _has(self, consent: Consent, flag: str) -> bool:
        value = getattr(consent, flag)
        return value is not None and value <= self._given.now if flag == "confirmed_at" else bool(value)

    def _fresh(self, consent: Consent, condition: Condition) -> bool:
        """CORE-CON-6: to the end of the day with the same number, so many months later, wherever the guest may be."""
        now = self._given.now
        starts = [getattr(consent, name) for name in (condition.from_ or "").split("|")]
        known = [at for at in starts if at is not None and (at <= now or condition.from_ == "ends_at")]
        if not known or not self._zones:
            return False
        return all(
            _day(zone, now) <= later_month(_day(zone, max(known)), condition.months or 0) for zone in self._zones
        )


def _accepted(accept: Sequence[str], counting: Iterable[Consent]) -> str | None:
    """The first accepted kind that is there; a signed consent is accepted wherever a simple one is."""
    kinds = {consent.kind for consent in counting}
    for kind in accept:
        if kind in kinds:
            return kind
    return "express_written" if "express" in accept and "express_written" in kinds else None


def _youngest(then: int | None, now: int | None) -> int | None:
    if then is None or now is None:
        return now if then is None else then
    return min(then, now)


def _day(zone: ZoneInfo, at: int) -> date:
    return date.fromordinal(EPOCH + wall_of(zone, at) // DAY)


def endings(consent: Terms, part: Part, channel: str, zones: Sequence[ZoneInfo]) -> list[tuple[int, str]]:
    """When a consent grows too old for this pack, wherever its guest may be, and by which rules (CORE-CON-6)."""
    found = []
    for condition in part.conditions.get(consent.kind or "", ()):
        starts = [getattr(consent, name) for name in (condition.from_ or "").split("|") if name]
        known = [at for at in starts if at is not None]
        if condition.months is None or not known or channel not in (condition.only_channels or (channel,)):
            continue
        for zone in zones:
            last = later_month(_day(zone, max(known)), condition.months)
            found.append((instant_of(datetime.combine(last + timedelta(1), time()), zone), condition.rule))
    return found


def judge_age(given: Given, plan: Plan, policy: Policy, findings: Findings) -> None:
    """CORE-MIN-1: no marketing to children, unless the house goes by the age of consent."""
    age = given.recipient.age
    if plan.marketing and age is not None and age < ADULT and policy.minors_marketing != "consent_age":
        findings.deny("CORE-MIN-1")
