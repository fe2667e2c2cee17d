"""What those who carry messages ask for: no law, but without it mail is lost and numbers are closed (DLV, WA)."""

from collections.abc import Iterable

from gateway.rules.findings import Findings
from gateway.rules.given import NO_FEATURES, NO_STATE, ChannelState, Consent, Given
from gateway.rules.plan import Plan
from gateway.rules.policy import Policy
from gateway.rules.windows import DAY

WHATSAPP_OPT_IN = frozenset({"express", "express_written", "provided_number"})
SERVICE_WINDOW = DAY


def judge_channel(given: Given, plan: Plan, policy: Policy, standing: Iterable[Consent], findings: Findings) -> None:
    """Hold a message against its channel's own rules."""
    state = given.channel_state or NO_STATE
    if plan.channel == "email":
        _judge_mail(given, plan, policy, state, findings)
    elif plan.channel == "whatsapp":
        _judge_whatsapp(given, plan, state, standing, findings)
    if state.complaint_rate is not None:
        _judge_complaints(plan, policy, state.complaint_rate, findings)


def _judge_mail(given: Given, plan: Plan, policy: Policy, state: ChannelState, findings: Findings) -> None:
    if state.dmarc_aligned is False:
        (findings.deny if plan.marketing else findings.warn)("DLV-1")
    if plan.marketing and policy.one_click:
        findings.required["list_unsubscribe_post"] = None
        if not (given.message.features or NO_FEATURES).list_unsubscribe_post:
            findings.deny("DLV-2")


def _judge_complaints(plan: Plan, policy: Policy, rate: float, findings: Findings) -> None:
    """A circuit breaker: too many complaints stop the advertisements. A rate that is no number counts as the worst."""
    if plan.marketing and not rate < policy.max_complaint_rate:
        findings.deny("DLV-3")
    elif not rate < policy.warn_complaint_rate:
        findings.warn("DLV-3")


def _judge_whatsapp(
    given: Given, plan: Plan, state: ChannelState, standing: Iterable[Consent], findings: Findings
) -> None:
    inbound = state.wa_last_inbound_at
    answering = inbound is not None and inbound <= given.now <= inbound + SERVICE_WINDOW
    template = state.wa_template
    if not answering:
        if not any(consent.kind in WHATSAPP_OPT_IN for consent in standing):
            findings.deny("WA-1")
        if template is None or not template.approved:
            findings.deny("WA-2")
    if plan.marketing and (template is None or template.category != "marketing"):
        findings.deny("WA-3")
