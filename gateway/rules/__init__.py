"""The rules: what is given, the packs, and the one pure function that judges."""

from gateway.rules.consents import fails, missing_proof
from gateway.rules.deadlines import Clocked, Due, Pause
from gateway.rules.given import (
    ChannelState,
    Consent,
    Features,
    Given,
    History,
    MessageFacts,
    RecipientFacts,
    Result,
    Suppression,
    Template,
    Venue,
)
from gateway.rules.inbound import Action, Heard, Inbound, Stop
from gateway.rules.ledger import ConsentEvent, in_force, overtaken
from gateway.rules.pack import Pack
from gateway.rules.phones import country_of_phone
from gateway.rules.policy import Policy
from gateway.rules.reviews import Defer, Deny, Warn
from gateway.rules.rulebook import Rulebook
from gateway.rules.suppressions import BY_CONSENT, DEAD_ADDRESS, IN_REVIEW, REVIEW
from gateway.rules.windows import instant_of

__all__ = [
    "BY_CONSENT", "DEAD_ADDRESS", "IN_REVIEW", "REVIEW", "Action", "ChannelState", "Clocked", "Consent", "ConsentEvent",
    "Defer", "Deny", "Due", "Features", "Given", "Heard", "History", "Inbound", "MessageFacts", "Pack", "Pause",
    "Policy", "RecipientFacts", "Result", "Rulebook", "Stop", "Suppression", "Template", "Venue", "Warn",
    "country_of_phone", "fails", "in_force", "instant_of", "missing_proof", "overtaken",
]  # fmt: skip
