"""How much anybody may ask for: rules out of config.toml, what has been taken from them, and what that comes to."""

from gateway.limits.asking import Asking
from gateway.limits.ledger import Ledger, StoreLedger
from gateway.limits.limits import Limits, Take
from gateway.limits.rule import Rule, Standing
from gateway.limits.time import LimiterTime, Time

__all__ = ["Asking", "Ledger", "LimiterTime", "Limits", "Rule", "Standing", "StoreLedger", "Take", "Time"]
