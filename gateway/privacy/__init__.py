"""What a guest has a say in, what he wants stopped; and what the house answers for: its breaches, what it does with
data."""

from gateway.privacy.consents import Consents
from gateway.privacy.opt_outs import OptOuts

__all__ = ["Consents", "OptOuts"]
