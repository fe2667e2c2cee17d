"""What a guest has a say in: what he agreed to, and what he wants stopped."""

from gateway.privacy.consents import Consents
from gateway.privacy.opt_outs import OptOuts
from gateway.privacy.visitors import Visitor, Visitors

__all__ = ["Consents", "OptOuts", "Visitor", "Visitors"]
